"""Identity Crisis (Zhang et al. 2020): a net that sees one picture and must return it, layer by layer."""
