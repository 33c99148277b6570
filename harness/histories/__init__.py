"""Simulated histories: the real use-cases in virtual time, under faults that a seed draws."""
