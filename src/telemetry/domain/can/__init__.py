"""CAN frames: their layout, and the records that they become."""
