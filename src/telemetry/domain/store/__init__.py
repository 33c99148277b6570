"""From a queue message to a durable object."""
