"""What several roles have in common."""
