"""The sender's side, and the count of what was stored."""
