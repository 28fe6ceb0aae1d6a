"""The tables' columns: their order, their types, and what each number means."""

from __future__ import annotations

from ..measures import MEASURES, Column

FRAME = {
    "layer": Column("dotted name; a module's second call in one pass is name@1"),
    "depth": Column("place in the forward order, 0 first, 1 last", "", 0, 1),
    "kind": Column("class of the module, or the function, whose output is counted"),
    "role": Column("neurons (after a nonlinearity), block (residual or transformer block), output (last layer)"),
    "width": Column("number of units: channels, features or hidden units", "units", 1),
    "status": Column("count; or why the number is only a bound or no evidence"),
    "dimension_status": Column("estimate; or why the nonlinear dimension is a lower bound or none"),
}
LAYER_ORDER = (
    "layer", "depth", "kind", "role", "width", "examples", "live", "reliable",
    "distinct", "distinct_low", "distinct_high", "reliable_ratio",
    "distinct_per_unit", "distinct_rarefied", "distinct_pooled",
    "redundant", "informative", "replicated",
    "participation_ratio", "entropy_rank", "k90", "k99", "saturation", "parallel_dim", "signal_dim", "twonn", "mle",
    "dead", "noise", "duplicate", "unjudged",
    "reliable_low", "reliable_high", "redundant_low", "redundant_high", "informative_low", "informative_high",
    "replicated_low", "replicated_high", "participation_ratio_naive", "mp_dim", "twonn_low", "twonn_high", "gride",
    "gride_neighbours", "twonn_pooled", "dimension_ceiling", "repeated",
)  # fmt: skip
UNIT_ORDER = (
    "layer", "unit", "fate", "representative", "reliability", "firing_rate", "firing_rate_upper", "mean", "std", "eta2",
    "replication", "r2_rest", "top", "reliability_peak", "reliability_p", "eta2_p", "informative", "replication_null",
    "replication_paired", "replicated",
)  # fmt: skip
UNIT_FRAME = {
    "unit": Column("index along the layer's unit axis", "", 0),
    "fate": Column("dead, noise, duplicate or distinct"),
    "top": Column("ids of the examples with the highest peak, highest first; empty for a dead unit"),
}


def layer_meanings() -> dict[str, Column]:
    """What every column of `layers` means, the twin's among them."""
    own = FRAME | {name: column for m in MEASURES for name, column in m.layer_columns.items()}
    twins = {f"twin_{k}": c for k, c in own.items() if k not in FRAME and k != "examples"}
    return own | twins


def unit_meanings() -> dict[str, Column]:
    """What every column of `units` means."""
    own = {name: column for m in MEASURES for name, column in m.unit_columns.items()}
    return {"layer": FRAME["layer"]} | own | UNIT_FRAME
