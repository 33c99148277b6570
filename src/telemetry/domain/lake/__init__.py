"""From hours that are complete to few large objects, and how to read both as one."""
