"""A second pass over the panel's examples with a layer's output replaced: what the net's answers rest on."""
