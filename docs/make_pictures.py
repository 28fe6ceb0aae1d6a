"""Pictures for the documents, drawn from saved censuses.

python docs/make_pictures.py CENSUS_FOLDER docs/pictures/NAME
python docs/make_pictures.py --strengths 0.5=FOLDER 1=FOLDER 2=FOLDER docs/pictures/NAME
"""

from __future__ import annotations

import sys
from pathlib import Path

import altair as alt
import pandas as pd
import vl_convert

import layercensus as lc
from layercensus.census.columns import of_net
from layercensus.report.charts import dimensions, fates, rarefied
from layercensus.report.directions_chart import directions
from layercensus.report.picture import NETS


def one(folder: str, name: str) -> None:
    """The pictures of one census."""
    census = lc.load(folder)
    pictures = {
        "directions": directions(census),
        "units": fates(census, fraction=False),
        "fractions": fates(census, fraction=True),
        "rarefied": rarefied(census),
        "dimensions": dimensions(census),
    }
    for suffix, picture in pictures.items():
        if picture is not None:
            Path(f"{name}-{suffix}.svg").write_text(picture.svg, "utf-8")


def strengths(folders: dict[str, str], name: str) -> None:
    """Reliable fraction over depth at several strengths of the views, trained and twin; and the numbers as a table."""
    rows = []
    for strength, folder in folders.items():
        layers = lc.load(folder).layers
        for index, (_, row) in enumerate(layers[layers["role"] == "neurons"].iterrows()):
            for net, title in NETS.items():
                fraction = float(row[of_net("reliable", net)]) / row["width"]
                rows.append(
                    {"layer": row["layer"], "index": index, "net": title, "strength": strength, "fraction": fraction}
                )
    data = pd.DataFrame(rows)
    chart = (
        alt.Chart(data)
        .mark_line(point=True)
        .encode(
            x=alt.X("index:Q", title="nonlinearity, in forward order"),
            y=alt.Y("fraction:Q", title="reliable / width", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color("net:N", scale=alt.Scale(range=["#4477aa", "#bb5566"]), title=None),
            strokeDash=alt.StrokeDash("strength:N", title="strength"),
        )
        .properties(width=720, height=320, background="white")
    )
    Path(f"{name}.svg").write_text(str(vl_convert.vegalite_to_svg(chart.to_dict())), "utf-8")
    table = data.pivot_table(index=["index", "layer"], columns=["net", "strength"], values="fraction")
    print(table.iloc[::4].round(2).to_string())


if __name__ == "__main__":
    if sys.argv[1] == "--strengths":
        strengths(dict(pair.split("=", 1) for pair in sys.argv[2:-1]), sys.argv[-1])
    else:
        one(*sys.argv[1:3])
