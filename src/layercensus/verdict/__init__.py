"""What a census says: earlier, later, middle, even or undecided, and in which words."""
