"""The inside of the hexagon: a room a subject; no I/O, no clock, no framework."""
