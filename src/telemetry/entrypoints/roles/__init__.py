"""The commands: one module a role, each with a `main`."""
