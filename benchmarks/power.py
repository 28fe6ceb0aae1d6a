"""Where the funnel starts to fail: share of planted layers whose every unit gets its true fate, as separation shrinks.

    python benchmarks/power.py --seeds 20 --picture docs/pictures/power.svg

Copies of a concept correlate less and less (the cut is at .9), and units become less and less reliable: less of their
variance is reproduced in a second view (the cut is at .5). With 400 examples a half of the panel has 200.

--relations: two readings of each of 20 concepts through rectifiers, thresholds, quantisers and skewed curves, and
copies at shifted positions of maps: how many distinct units are found, and how often the interval holds the truth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import altair as alt
import pandas as pd
import torch
import vl_convert
from torch import Tensor, nn

import layercensus as lc

sys.path.insert(0, str(Path(__file__).parents[1]))
from layercensus.testing.planted import Truth, planted

TRUTH = Truth(latents=12, copies=3, dead=5, noise=7)
CORRELATIONS = (0.98, 0.96, 0.94, 0.93, 0.92, 0.91, 0.90, 0.88)
SHARES = (0.95, 0.8, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45)


THROUGH: dict[str, Callable[[Tensor], Tensor]] = {
    "as they are": lambda z: z,
    "relu(z)": torch.relu,
    "relu(z - 1)": lambda z: (z - 1).relu(),
    "relu(z - 2)": lambda z: (z - 2).relu(),
    "z > 0": lambda z: (z > 0).float(),
    "z > 1": lambda z: (z > 1).float(),
    "z > 2": lambda z: (z > 2).float(),
    "round(z)": torch.round,
    "exp(z)": torch.exp,
    "exp(2 z)": lambda z: (2 * z).exp(),
    "z and exp(z), z^3, tanh(z)": lambda z: torch.cat([z, z.exp(), z**3, z.tanh()], 1),
}


def right(wobble: float, leak: float, truth: Truth, seed: int, examples: int) -> bool:
    """Whether all four counts of one planted layer are right."""
    p = planted("linear", truth, seed, examples=examples, wobble=wobble, leak=leak)
    settings = lc.Settings(progress=False, batch=256, resamples=20, spots=1)
    row = lc.take(p.net, p.data, layers="layers.*", twin=False, views=p.views, settings=settings).layers.iloc[0]
    found = (row["dead"], row["noise"], row["distinct"], row["duplicate"])
    return found == (truth.dead, truth.noise, truth.latents, truth.latents * (truth.copies - 1))


def curve(seeds: int, examples: int) -> pd.DataFrame:
    """Rows of (what shrinks, its value, share of seeds in which every count is right)."""
    rows = []
    for c in CORRELATIONS:  # 1 / (1 + wobble^2 + leak^2), half of it each
        spread = ((1 / c - 1) / 2) ** 0.5
        share = sum(right(spread, spread, TRUTH, s, examples) for s in range(seeds)) / seeds
        rows.append(("correlation of copies", c, examples, share))
    alone = Truth(latents=20, copies=1, dead=5, noise=7)
    for r in SHARES:  # (1 + wobble^2) / (1 + wobble^2 + leak^2)
        share = sum(right(0.1, ((1.01) * (1 / r - 1)) ** 0.5, alone, s, examples) for s in range(seeds)) / seeds
        rows.append(("reliability", r, examples, share))
    return pd.DataFrame(rows, columns=["what", "value", "examples", "right"])


def copies(examples: int, correlation: float, seed: int) -> Tensor:
    """Two readings (examples, 40) of each of 20 concepts, which correlate so."""
    draw = torch.Generator().manual_seed(seed)
    base, own = torch.randn(examples, 20, generator=draw), torch.randn(2, examples, 20, generator=draw)
    return torch.cat(list(correlation**0.5 * base + (1 - correlation) ** 0.5 * own), 1)


class Through(nn.Module):
    """A layer whose units are what `bend` makes of the input, and a small output layer."""

    def __init__(self, bend: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.bend, self.read, self.out = bend, nn.Identity(), nn.Linear(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.read(self.bend(x))
        return self.out(y.flatten(1)[:, :1])  # type: ignore[no-any-return]


def distinct_of(x: Tensor, bend: Callable[[Tensor], Tensor]) -> tuple[float, float, float]:
    """Distinct units with their interval, of what `bend` makes of (examples, units) or (examples, units, h, w)."""
    settings = lc.Settings(progress=False, pictures=0, resamples=100)
    row = lc.take(Through(bend), x.numpy(), layers=["read"], twin=False, views=1e-3, settings=settings).layers.iloc[0]
    return row["distinct"], row["distinct_low"], row["distinct_high"]


def relations(seeds: int, examples: int) -> pd.DataFrame:
    """Rows of (through what, correlation behind it, truth, examples, mean distinct, how often the interval holds)."""
    rows = []
    for correlation, truth in ((0.95, 20), (0.8, 40)):
        for name, bend in THROUGH.items():
            found = [distinct_of(copies(examples, correlation, seed), bend) for seed in range(seeds)]
            holds = sum(low <= truth <= high for _, low, high in found) / seeds
            rows.append((name, correlation, truth, examples, sum(f[0] for f in found) / seeds, holds))
    draw = torch.Generator().manual_seed(0)
    maps = torch.randn(examples, 5, 6, 6, generator=draw) + 0.5 * torch.randn(examples, 5, 1, 1, generator=draw)
    shifted = distinct_of(maps, lambda x: torch.cat([x.roll(k, -1) for k in range(6)], 1))
    rows.append(("at shifted positions", 1.0, 30, examples, shifted[0], float(shifted[1] <= 30 <= shifted[2])))
    return pd.DataFrame(rows, columns=["through", "correlation", "truth", "examples", "distinct", "holds"])


def draw(data: pd.DataFrame, file: Path) -> None:
    """The curves as SVG."""
    base = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("value:Q", scale=alt.Scale(zero=False, reverse=True), title=None),
            y=alt.Y("right:Q", title="share of layers counted exactly", axis=alt.Axis(format="%")),
            color=alt.Color("examples:N", title="examples"),
        )
    )
    chart = base.properties(width=320, height=220).facet(alt.Facet("what:N", title="")).resolve_scale(x="independent")
    file.write_text(str(vl_convert.vegalite_to_svg(chart.properties(background="white").to_dict())), "utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--relations", action="store_true")
    arguments = parser.parse_args()
    if arguments.relations:
        print(pd.concat([relations(arguments.seeds, n) for n in (600, 2000)]).to_string(index=False))
        sys.exit()
    found = pd.concat([curve(arguments.seeds, n) for n in (400, 2000)], ignore_index=True)
    print(found.pivot_table(index=["what", "value"], columns="examples", values="right").to_string())
    if arguments.picture:
        draw(found, arguments.picture)
