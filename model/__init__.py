"""How near the simulated vehicles come to real ones, and how their parameters were fitted."""
