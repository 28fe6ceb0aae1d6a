"""What to prune, compress, probe, freeze and remove: each item measured on examples that chose nothing of it."""
