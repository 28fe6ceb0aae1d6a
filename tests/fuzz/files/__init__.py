"""Damaged files of every kind that is read, each in a process whose memory and time are limited."""
