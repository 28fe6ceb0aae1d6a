"""Data of any kind as examples with stable ids, and the perturbed views of them."""
