"""Where the funnel starts to fail: share of planted layers whose every unit gets its true fate, as separation shrinks.

    python benchmarks/power.py --seeds 20 --picture docs/pictures/power.svg

Copies of a concept correlate less and less (the cut is at .9), and units become less and less reliable: less of their
variance is reproduced in a second view (the cut is at .5). With 400 examples a half of the panel has 200.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import altair as alt
import pandas as pd
import vl_convert

import layercensus as lc

sys.path.insert(0, str(Path(__file__).parents[1]))
from layercensus.testing.planted import Truth, planted

TRUTH = Truth(latents=12, copies=3, dead=5, noise=7)
CORRELATIONS = (0.98, 0.96, 0.94, 0.93, 0.92, 0.91, 0.90, 0.88)
SHARES = (0.95, 0.8, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45)


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
    arguments = parser.parse_args()
    found = pd.concat([curve(arguments.seeds, n) for n in (400, 2000)], ignore_index=True)
    print(found.pivot_table(index=["what", "value"], columns="examples", values="right").to_string())
    if arguments.picture:
        draw(found, arguments.picture)
