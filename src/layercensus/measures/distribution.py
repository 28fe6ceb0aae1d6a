"""How a unit's response is spread over the examples."""

from __future__ import annotations

from .measure import Column, Evidence, Measure, Outcome

SHARES = {"q05": 0.05, "median": 0.5, "q95": 0.95}
WHAT = "of the spatial mean over all the examples, to 9 % of its size between 2^-16 and 2^16; what is smaller is 0"


def compute(evidence: Evidence) -> Outcome:
    """Quantiles read off the histogram over ALL the examples (Masson, Rim & Lee 2019)."""
    moments, histogram = evidence.streams.moments, evidence.streams.quantiles
    seen = {name: histogram.quantile(share) for name, share in SHARES.items()}
    return Outcome(units={name: value.clamp(moments.low, moments.high) for name, value in seen.items()})


distribution = Measure(
    "distribution",
    compute,
    unit_columns={
        "q05": Column(f"5 % quantile {WHAT}", "activation", scale_free=False),
        "median": Column(f"median {WHAT}", "activation", scale_free=False),
        "q95": Column(f"95 % quantile {WHAT}", "activation", scale_free=False),
    },
)
