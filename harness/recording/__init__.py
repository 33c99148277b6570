"""A scripted session in a terminal: run for real, and written as an asciinema cast and a moving picture."""
