"""The convolutional deep belief network of Lee et al. (2009, 2011)."""
