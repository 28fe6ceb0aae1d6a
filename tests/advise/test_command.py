"""`layercensus advise` and `layercensus width`, as they are typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import layercensus as lc
from layercensus.cli.app import main
from layercensus.data.digits import Digits
from layercensus.models.open import open_model

from .nets import UNITS, census, inputs

NET, DIGITS = "tests.advise.nets:redundant", "tests.advise.nets:digits"


def test_advice_on_a_saved_census(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", x=inputs().numpy())
    data = f"npz:{tmp_path / 'x.npz'}"
    census(open_model(NET), data).save(tmp_path / "results")
    words = ["advise", str(tmp_path / "results"), NET, data, "--parts", "prune", "--parts", "probe"]
    assert main([*words, "--fidelity", "0.999", "--out", str(tmp_path / "advice")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"1 dead and duplicate 0.999 {3 * UNITS + 5} {UNITS}" in said
    assert "- not advised: probe: a probe needs labels" in said
    assert (tmp_path / "advice" / "prune_0.999.pt2").is_file()
    assert set(pd.read_csv(tmp_path / "advice" / "prune.csv")["asked"]) == {0.999}
    assert main([*words, "--engine", "mine"]) == 2
    assert "--engine must be one of own, torch_pruning. Got 'mine'." in capsys.readouterr().err
    assert main([*words[:4], "--parts", "grow"]) == 2
    assert "--parts must be a list of some of prune" in capsys.readouterr().err


def test_widths_are_named_for_layers_that_were_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", x=inputs().numpy())
    assert main(["width", NET, f"npz:{tmp_path / 'x.npz'}", "--quiet"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split()
    layer, width, distinct, _, needed, least, suggested = row
    assert (layer, int(width), int(distinct)) == ("1", 3 * UNITS + 5, UNITS)
    assert int(least) == float(needed) == 3  # of four classes
    assert int(suggested) == 2 * int(least)
    counted = census(open_model(NET), inputs())
    with pytest.raises(lc.CensusError, match="widths need a census that asked what the net needs"):
        _ = counted.widths


def test_advice_on_a_digits_net_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    census(open_model(DIGITS), "digits").save(tmp_path / "results")
    words = ["advise", str(tmp_path / "results"), DIGITS, "digits", "--fidelity", "0.9"]
    assert main([*words, "--parts", "prune", "--parts", "probe", "--out", str(tmp_path / "advice")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "All together, as nets that run" in said
    assert "What a linear probe reads from each layer" in said
    table = pd.read_csv(tmp_path / "advice" / "together.csv").iloc[0]
    assert table["fidelity"] >= 0.9
    assert table["parameters"] < table["parameters_before"]
    assert table["accuracy"] > table["accuracy_before"] - 0.2
    small = torch.export.load(tmp_path / "advice" / "prune_0.9.pt2").module()
    x = Digits().images[:9]
    assert small(x).shape == (9, 10)
    assert main([*words, "--parts", "freeze"]) == 0
    assert "- not advised: freeze: learned was not counted: give the census replicas" in " ".join(
        capsys.readouterr().out.split()
    )


def test_what_advice_cannot_take_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "x.npz", x=inputs().numpy())
    data, results = f"npz:{tmp_path / 'x.npz'}", str(tmp_path / "results")
    census(open_model(NET), data).save(tmp_path / "results")
    few = f"npz:{tmp_path / 'few.npz'}"
    np.savez(tmp_path / "few.npz", x=inputs().numpy()[:20])
    for typed, said in (
        ([str(tmp_path / "absent"), NET, data], "absent"),
        ([results, "tests.advise.nets:plain", data], "model must be the one that was counted."),
        ([results, NET, few], "Advice must be chosen and verified on at least 16 examples each."),
        ([results, NET, data, "--fidelity", "2"], "--fidelity must be a list of numbers between 0 and 1."),
        ([results, NET, data, "--engine", "torch_prune"], "--engine must be one of own, torch_pruning."),
    ):
        assert main(["advise", *typed]) == 2, typed
        error = capsys.readouterr().err
        assert said in error
        assert len(error.splitlines()) == 1, error
