"""Simulated vehicles, and what goes wrong between them and a receiver."""
