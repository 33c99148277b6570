"""What tests and benchmarks share: roles as processes, and an AWS on this machine."""
