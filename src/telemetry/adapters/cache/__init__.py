"""Caches of what was computed once."""
