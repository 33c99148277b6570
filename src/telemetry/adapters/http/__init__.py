"""HTTP: the receiver as it is served, and as it is called."""
