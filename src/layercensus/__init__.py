"""How many concepts has each layer of a neural network learned, and how sure can one be?

Names are imported when they are first used, so that `import layercensus` costs next to nothing.
"""

import sys
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import testing as testing
    from .advise.advice import Advice
    from .census.census import Census, load
    from .census.merge import merge
    from .census.record import Finding
    from .data.views import Views
    from .errors import CensusError
    from .measures import MEASURES
    from .measures.column import Column
    from .measures.measure import Evidence, Measure, Outcome
    from .models.model import Model
    from .models.prepare import Prepare
    from .settings import Settings
    from .take import layers_of, take
    from .verdict.verdict import Verdict
    from .visualise import objectives as objectives
    from .visualise.atlas import Atlas, atlas
    from .visualise.options import SeeOptions
    from .visualise.see import see
    from .watch import Alarm, Counting, Thresholds, Timeline, Watch, WatchOptions, watch

_HOME = {
    "Advice": "advise.advice",
    "Alarm": "watch",
    "Atlas": "visualise.atlas",
    "Census": "census.census",
    "CensusError": "errors",
    "Column": "measures.column",
    "Counting": "watch",
    "Evidence": "measures.measure",
    "Finding": "census.record",
    "MEASURES": "measures",
    "Measure": "measures.measure",
    "Model": "models.model",
    "Outcome": "measures.measure",
    "Prepare": "models.prepare",
    "SeeOptions": "visualise.options",
    "Settings": "settings",
    "Thresholds": "watch",
    "Timeline": "watch",
    "Verdict": "verdict.verdict",
    "Views": "data.views",
    "Watch": "watch",
    "WatchOptions": "watch",
    "atlas": "visualise.atlas",
    "layers_of": "take",
    "load": "census.census",
    "merge": "census.merge",
    "objectives": "visualise.objectives",
    "see": "visualise.see",
    "take": "take",
    "testing": "testing",
    "watch": "watch",
}
_MODULES = ("objectives", "testing")  # names that stand for a whole module

__all__ = [
    "MEASURES",
    "Advice",
    "Alarm",
    "Atlas",
    "Census",
    "CensusError",
    "Column",
    "Counting",
    "Evidence",
    "Finding",
    "Measure",
    "Model",
    "Outcome",
    "Prepare",
    "SeeOptions",
    "Settings",
    "Thresholds",
    "Timeline",
    "Verdict",
    "Views",
    "Watch",
    "WatchOptions",
    "__version__",
    "atlas",
    "layers_of",
    "load",
    "merge",
    "objectives",
    "see",
    "take",
    "testing",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return version("layercensus")
    if name not in _HOME:
        raise AttributeError(f"module 'layercensus' has no attribute {name!r}")
    module = import_module(f"layercensus.{_HOME[name]}")
    found = module if name in _MODULES else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps `layercensus.take` and `watch` functions, although importing a module of that name would put it there."""

    def __setattr__(self, name: str, value: Any) -> None:
        is_module = name in ("take", "watch") and isinstance(value, ModuleType)
        super().__setattr__(name, getattr(value, name) if is_module else value)


sys.modules[__name__].__class__ = _Package
