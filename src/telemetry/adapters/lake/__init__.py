"""Forms in which compacted records are stored."""
