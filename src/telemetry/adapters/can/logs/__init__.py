"""Logs of CAN buses, a module a format, and live buses; each gives its frames as columns."""
