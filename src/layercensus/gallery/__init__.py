"""What a report shows of a census beside its numbers."""
