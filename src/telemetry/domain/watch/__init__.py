"""What the pipeline does at this moment, judged: six numbers, since when one is wrong, and what helps."""
