"""One count on several processes or machines: every one counts a shard, and the shards are merged."""

from .shards import in_shards

__all__ = ["in_shards"]
