"""The census while a net trains: a small fixed panel counted again and again, within a share of the training time."""

from .alarms import Alarm
from .options import Thresholds, WatchOptions
from .over_runs import Counting
from .session import Watch, watch
from .timeline import Timeline

__all__ = ["Alarm", "Counting", "Thresholds", "Timeline", "Watch", "WatchOptions", "watch"]
