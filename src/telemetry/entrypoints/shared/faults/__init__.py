"""Faults that are injected into a pipeline of real processes, and the proof that it recovers from each."""
