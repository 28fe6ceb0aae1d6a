"""The whole lab, as small as it goes."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from layercensus.errors import CensusError
from layercensus.labs.cdbn.lab import run
from layercensus.labs.cdbn.options import Options


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name in ("photos", "o/a", "o/b", "o/<c>"):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = (rng.random((48, 48)) * 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return Options(
        images=str(folder / "photos"), objects=str(folder / "o"), effort=0.001, crop=46, splits=1, labels=(40,),
        pool=20, training=6, test=4, hidden=4, counted=12, measured=2, held_out=5, census=False, progress=False, free=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(options, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "lab"
    return out, run(out, options)


def test_every_experiment_is_in_the_results(made):
    out, results = made
    assert json.loads((out / "cdbn.json").read_text())["seed"] == 0
    assert len(results["natural"]["r2"]) == 24
    assert {row["features"] for row in results["digits"]["table"]} == {
        "CDBN", "CDBN, RBF", "filters of noise", "filters of noise, RBF", "raw pixels", "raw pixels, RBF", "PCA"
    }  # fmt: skip
    assert [row["layer"] for row in results["digits"]["likelier"]] == [1, 2, 3]
    assert [one["half"] for one in results["digits"]["completion"]] == ["left", "right", "top", "bottom"]
    last = results["objects"][-1]
    assert last["classes"] == ["<c>", "a", "b"]
    assert {(row["net"], row["layer"]) for row in last["specificity"]} == {
        (net, layer) for net in ("trained", "untrained twin") for layer in (1, 2, 3)
    }


def test_the_page_needs_nothing_from_elsewhere_and_escapes_names(made):
    out, _ = made
    page = (out / "index.html").read_text()
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    for link in re.findall(r'(?:src|href)="([^"#]+)"', page):
        assert (out / link).is_file(), link
    assert "<c>" not in page
    assert "published" in (out / "pictures" / "specificity.csv").read_text()


def test_a_finished_run_is_resumed_to_the_same_numbers(made, options):
    out, results = made
    with pytest.raises(CensusError, match=r"already holds a run of the cdbn lab\. Pass another out"):
        run(out, options)
    again = run(out, options, resume=True)
    for one in (results, again):
        one["seconds"] = 0
    assert json.loads(json.dumps(again)) == json.loads(json.dumps(results))


def test_unusable_settings_are_refused():
    with pytest.raises(CensusError, match=r"^labels must be between 40 and 3000\. Got \(5000,\)\.$"):
        Options(labels=(5000,))
    with pytest.raises(CensusError, match=r"^effort must be above 0\. Got 0\.$"):
        Options(effort=0)
