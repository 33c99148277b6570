"""What a question may read."""
