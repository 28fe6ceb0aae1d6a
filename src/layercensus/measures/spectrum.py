"""The linear dimension of a layer: how many directions its units' responses spread over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..tally import Panel
from .by_units import EACH, NUMBERS, blocks, by_units
from .chance import discoveries, views_p
from .column import Column
from .marchenko_pastur import spikes
from .measure import Evidence, Measure, Outcome
from .parallel import beyond_permuted, enough
from .reliability import FEWEST

FEWEST_PERMUTED = 32  # examples below which permuted ones have directions as strong as real ones


def compute(evidence: Evidence) -> Outcome:
    """Everything that the spectrum of the spatial means over examples says; rows are examples, never positions."""
    if not evidence.settings.dimension:  # before anything is copied
        return Outcome()
    mean = evidence.panel.mean
    moves = by_units(lambda x: varies(x.double()), mean)
    units = (evidence.units["live"] & moves).nonzero().flatten()  # one may move over all the data and rest here
    if len(mean) < 2 * FEWEST or len(units) < 2:
        return Outcome()
    x, standard = (float64_rows(mean, units, how) for how in (torch.Tensor.double, standard_scores))
    values = spectrum(x)
    fraction = values / values.sum()
    summed = fraction.cumsum(0)
    k90, k99 = (int((summed < part - 1e-9).sum()) + 1 for part in (0.90, 0.99))
    naive, corrected = participation(x)
    row: dict[str, float] = {
        "participation_ratio_naive": naive,
        "entropy_rank": entropy_rank(fraction),
        "k90": k90,
        "k99": k99,
        "saturation": k99 / evidence.width,
        "signal_dim": signal_dim(evidence.panel, evidence.units["live"], evidence.settings.q, evidence.seed),
    }
    if len(mean) >= FEWEST_PERMUTED:
        first = by_units(
            lambda some: standard_scores(mean[:, some[0]])[: enough(len(mean))].float(), units[None],
            each=EACH * len(mean),
        )  # fmt: skip
        row["parallel_dim"] = beyond_permuted(first, group=evidence.panel.group[: len(first)], seed=evidence.seed)
    beyond = spikes(spectrum(standard), len(mean), len(units))
    if beyond is not None:
        row["mp_dim"] = beyond
    if corrected is not None:
        row["participation_ratio"] = corrected
    return Outcome(layer=row, arrays={"spectrum": values})


def standard_scores(x: Tensor) -> Tensor:
    """(rows, columns) float64 of mean 0 and deviation 1."""
    x = x.double()
    return (x - x.mean(0)) / x.std(0).clamp(min=1e-30)


def float64_rows(x: Tensor, units: Tensor, how: Callable[[Tensor], Tensor]) -> Tensor:
    """(examples, units) float64, what `how` makes of the readings of these units.

    Of a wide layer fewer columns, with the same products of centred rows: all that a spectrum depends on. Then no more
    than a block of units is held in float64.
    """
    if _fits(x, units):
        return how(x[:, units])
    gram = torch.zeros(len(x), len(x), dtype=torch.float64)
    for some in (units[each] for each in blocks(len(units), EACH * len(x))):
        z = how(x[:, some])
        z -= z.mean(0)
        gram.addmm_(z, z.T)
    values, left = torch.linalg.eigh(gram)
    rows: Tensor = left * values.clamp(min=0).sqrt()
    return rows


def _fits(x: Tensor, units: Tensor) -> bool:
    """Whether these units' readings are held in float64 at once: they are one block, or fewer than examples."""
    return EACH * len(x) * len(units) <= NUMBERS or len(x) >= len(units)


def varies(x: Tensor) -> Tensor:
    """Which columns vary by more than rounding: (columns,) bool."""
    return x.std(0) > 1e-6 * x.abs().amax(0) if len(x) > 1 else torch.zeros(x.shape[1], dtype=torch.bool)


def spectrum(x: Tensor) -> Tensor:
    """Eigenvalues of the covariance of the columns, largest first: (min(rows - 1, columns),) float64."""
    x = x - x.mean(0)
    small = x @ x.T if len(x) < x.shape[1] else x.T @ x
    values: Tensor = torch.linalg.eigvalsh(small).flip(0).clamp(min=0) / (len(x) - 1)
    return values[: min(len(x) - 1, x.shape[1])]


def entropy_rank(fraction: Tensor) -> float:
    """exp of the entropy of eigenvalues that add up to 1: so many equal ones would have it."""
    return float(torch.exp(-(fraction * fraction.clamp(min=1e-300).log()).sum()))


def participation(x: Tensor) -> tuple[float, float | None]:
    """Participation ratio (sum l)^2 / sum l^2: of this sample, and corrected for its having few rows.

    Both traces are estimated without bias from the rows (Himeno & Yamada 2014; for representations Chun et al. 2026):
    with few examples the naive ratio is low, 1/naive being about 1/rows + 1/true. x: (rows, columns).
    The corrected one is None where its denominator is not positive; as a ratio of two unbiased numbers it has no upper
    bound.
    """
    n = len(x)
    x = x - x.mean(0)
    gram = x @ x.T
    total = float(gram.trace()) / (n - 1)
    square = float(gram.square().sum()) / (n - 1) ** 2
    fourth = float(gram.diagonal().square().sum()) / (n - 1)
    scale = (n - 1) / (n * (n - 2) * (n - 3))
    true_square = scale * ((n - 1) * (n - 2) * square + total**2 - n * fourth)
    square_of_total = scale * (2 * square + (n * n - 3 * n + 1) * total**2 - n * fourth)
    naive = total**2 / square
    return naive, square_of_total / true_square if true_square > 0 else None


def signal_dim(panel: Panel, live: Tensor, q: float, seed: int) -> int:
    """Directions whose variance is reproduced in a second view of the example (cross-validated PCA, Stringer 2019).

    Principal directions of the standardised units come from one half of the examples; on the other half the two views'
    scores must agree beyond chance.
    """
    fit, check = panel.half(0), panel.half(1)
    units = live.nonzero().flatten()
    if len(fit) < FEWEST or not len(units):
        return 0
    if _fits(fit.mean, units):
        z, a, b = _views(fit, check, units)
        axes = directions(z) if z.shape[1] else torch.zeros(0, 0, dtype=z.dtype)
        a, b = a @ axes, b @ axes
    else:
        gram = of_a = of_b = torch.zeros((), dtype=torch.float64)
        for some in (units[each] for each in blocks(len(units), EACH * len(fit))):
            z, a, b = _views(fit, check, some)
            gram, of_a, of_b = gram + z @ z.T, of_a + a @ z.T, of_b + b @ z.T
        axes = inverted(gram)
        a, b = of_a @ axes, of_b @ axes
    return int(discoveries(views_p(a, b, torch.arange(a.shape[1]), q=q, seed=seed), q).sum())


def _views(fit: Panel, check: Panel, units: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Some units that vary where directions are fitted: there, and in both views of what checks; standardised."""
    both = (fit.a_mean[:, units].double() + fit.b_mean[:, units].double()) / 2
    moves = varies(both)
    both, units = both[:, moves], units[moves]
    middle, deviation = both.mean(0), both.std(0)
    a, b = ((view[:, units].double() - middle) / deviation for view in (check.a_mean, check.b_mean))
    return (both - middle) / deviation, a, b


def directions(z: Tensor) -> Tensor:
    """Principal directions of centred columns, (columns, directions), those of no variance left out."""
    if len(z) < z.shape[1]:
        axes: Tensor = z.T @ inverted(z @ z.T)
        return axes
    values, right = torch.linalg.eigh(z.T @ z)
    kept: Tensor = right[:, values > 1e-9 * values[-1]]
    return kept


def inverted(gram: Tensor) -> Tensor:
    """(rows, directions): what the rows' products with one another, (rows, rows), leave of them along each direction.

    The directions are z.T @ inverted(z @ z.T), the strongest last; those of no variance are left out.
    """
    values, left = torch.linalg.eigh(gram)
    keep = values > 1e-9 * values[-1].clamp(min=0)
    found: Tensor = left[:, keep] / values[keep].sqrt()
    return found


WHAT = "of the covariance of the units' spatial means over examples"


def _directions(
    meaning: str, order: int, source: str = "", low: float = 0, scale_free: bool = False, integer: bool = True
) -> Column:
    return Column(
        meaning, "directions", low, source=source, scale_free=scale_free, kind="dimension", integer=integer,
        order=order, compare=False, shown=False,
    )  # fmt: skip


linear = Measure(
    "spectrum",
    compute,
    layer_columns={
        "participation_ratio": replace(
            _directions(
                f"(sum l)^2 / sum l^2 of the eigenvalues l {WHAT}, corrected for few examples", 170,
                "Chun et al. 2026; Himeno & Yamada 2014", integer=False,
            ),
            over_depth=False, shown=True, beside_twin=True, legend="linear (participation ratio)",
        ),
        "participation_ratio_naive": replace(
            _directions("participation_ratio, not corrected for few examples", 340, integer=False), over_depth=False
        ),
        "entropy_rank": _directions(
            f"exp of the entropy of the eigenvalues' fractions {WHAT}", 180, "Roy & Vetterli 2007", 1, integer=False
        ),
        "k90": _directions(f"eigenvalues that make 90 % of the variance {WHAT}", 190, low=1),
        "k99": replace(
            _directions(f"eigenvalues that make 99 % of the variance {WHAT}", 200, low=1), over_depth=False
        ),
        "saturation": Column(
            "k99 / width", "", 0, 1, "Richter et al. 2021", scale_free=False, kind="fraction", order=210,
            compare=False, over_depth=False, shown=False,
        ),
        "parallel_dim": replace(
            _directions(
                "directions of the correlation matrix beyond what units with independently permuted examples give",
                220, "Horn 1965", scale_free=True,
            ),
            shown=True, with_units="drawn",
        ),
        "mp_dim": _directions(
            "eigenvalues of the correlation matrix beyond the edge of pure noise, fitted to the bulk", 350,
            "Marchenko & Pastur 1967; Johnstone 2001", scale_free=True,
        ),
        "signal_dim": _directions(
            "principal directions whose scores agree between two perturbed views of held-out examples", 230,
            "Stringer et al. 2019", scale_free=True,
        ),
    },
)  # fmt: skip
