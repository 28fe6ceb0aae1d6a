"""The measures, in the order in which each may use what came before."""

from .column import Column
from .distinct import distinct
from .distinct_status import distinct_status
from .fate import FATES, funnel
from .in_other_views import in_other_views
from .informative import informative
from .learned import learned
from .live import live
from .manifold import nonlinear
from .measure import Evidence, Measure, Outcome, measure
from .named import named
from .needed import needed
from .needed_units import needed_units
from .redundant import redundant
from .reliability import reliability
from .replicated import replicated
from .span import span
from .spectrum import linear

MEASURES = (
    live, reliability, distinct, redundant, span, distinct_status, in_other_views, informative, replicated, funnel,
    needed, needed_units, learned, named, linear, nonlinear,
)  # fmt: skip

__all__ = ["FATES", "MEASURES", "Column", "Evidence", "Measure", "Outcome", "measure"]
