"""HTTP: the receiver's server, and its client."""
