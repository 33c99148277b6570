"""The CAN bus: its logs, and the databases that define its frames."""
