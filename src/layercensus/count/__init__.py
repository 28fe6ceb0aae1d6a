"""The pass over the data: what is planned, read of a batch, kept at checkpoints and cut into shards."""
