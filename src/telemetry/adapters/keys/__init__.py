"""API keys outside of the process that asks for them: their file, and what workers share of their rates."""
