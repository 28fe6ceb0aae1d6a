"""Planted nets, awkward nets and laws, for checking a measure of one's own."""
