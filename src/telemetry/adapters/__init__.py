"""The outside of the hexagon: one technology a file, a folder a port."""
