"""The CAN bus: its logs, and the databases that give them meaning."""
