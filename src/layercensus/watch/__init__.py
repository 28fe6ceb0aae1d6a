"""The census while a net trains: a small fixed panel counted again and again, within a share of the training time."""

from .options import Thresholds, WatchOptions
from .session import Watch, watch
from .timeline import Timeline

__all__ = ["Thresholds", "Timeline", "Watch", "WatchOptions", "watch"]
