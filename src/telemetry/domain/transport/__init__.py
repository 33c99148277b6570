"""From a POST to a durable queue message."""
