"""The only room that knows everything: settings, the container, and one module a role."""
