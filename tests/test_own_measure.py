"""A user's own measure, from a script outside the package: in tables, files, diff and pages without a change here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import torch, layercensus as lc
from torch import nn

def compute(evidence):
    x = evidence.panel.mean.double()
    if len(x) < 16:
        return lc.Outcome()
    peaky = (evidence.panel.peak.double() - x).mean(0)
    layer = {"peaky": int((peaky > .1).sum()), "peaky_mean": float(peaky.mean()), "mean_low": float(peaky.min())}
    return lc.Outcome(layer=layer, units={"peakiness": peaky})

mine = lc.Measure(
    "peaky", compute,
    layer_columns={
        "peaky": lc.Column("units whose maximum is above their mean", "units", 0, kind="count", scale_free=False),
        "peaky_mean": lc.Column("mean distance of maximum and mean", scale_free=False),
        "mean_low": lc.Column("least distance of maximum and mean: a name like an interval's", scale_free=False),
    },
    unit_columns={"peakiness": lc.Column("mean distance of maximum and mean", scale_free=False)},
)
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3))
settings = lc.Settings(progress=False, resamples=20, pictures=0)
for name, data in (("a", torch.rand(60, 1, 8, 8)), ("b", torch.rand(60, 1, 8, 8) * 3)):
    census = lc.take(net, data, measures=(*lc.MEASURES, mine), settings=settings)
    census.save(name)
    census.report(f"{name}/report")
"""


def test_a_column_of_one_s_own_goes_everywhere(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SCRIPT)
    subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, check=True)
    load = (  # in a process that has never heard of the measure
        "import layercensus as lc; from layercensus.verdict.diff import differences\n"
        "a, b = lc.load('a'), lc.load('b')\n"
        "print(a.layers['peaky'].dtype, a.layers['twin_peaky'].notna().all(), a.units['peakiness'].notna().all())\n"
        "print(sorted(set(differences(a, b).layers['measure']) & {'peaky', 'peaky_mean'}))\n"
        "a.report('again')"
    )
    shown = subprocess.run([sys.executable, "-c", load], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert shown.stdout.split("\n")[0] == "Int64 True True"
    assert "peaky_mean" in shown.stdout
    index, layer = (tmp_path / "again" / name for name in ("index.html", "layers/layer-000.html"))
    assert "units whose maximum is above their mean" in index.read_text("utf-8")
    assert "peakiness" in layer.read_text("utf-8")
    assert '<th scope="row" class="t">mean low</th>' in layer.read_text("utf-8")
    assert "peaky / width" in (tmp_path / "again/pictures/depth.csv").read_text("utf-8")
    assert index.read_bytes() == (tmp_path / "a/report/index.html").read_bytes()
