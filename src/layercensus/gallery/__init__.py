"""What a report draws of a census beside its numbers."""
