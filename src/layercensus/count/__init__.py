"""The pass over the data: what is planned, read of a batch, saved at checkpoints and split into shards."""
