"""What a record is, how it is written, and where it belongs."""
