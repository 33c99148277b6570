"""The inside of the hexagon: the contract, the rules, the ports and the use-cases; no I/O, no clock, no framework."""
