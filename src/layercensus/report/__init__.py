"""What a census looks like: in the terminal, and as a folder of pages."""
