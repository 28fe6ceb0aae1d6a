"""Bad input gets one clear line, exit code 2 and no traceback; tests/messages.txt holds every line.

After a deliberate change: LAYERCENSUS_WRITE_MESSAGES=1 pytest tests/test_messages.py, then read the difference.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import layercensus as lc
from layercensus.cli.app import main

SNAPSHOT = Path(__file__).with_name("messages.txt")
NET = "tests.user_models:small"
Case = Callable[[Path], list[str]]


def run(model: str, data: str, *more: str) -> list[str]:
    return ["run", model, data, "--quiet", "--no-twin", *more]


def folder(path: Path, **sizes: tuple[int, int]) -> str:
    """A folder of pictures of these sizes."""
    root = path / "pictures"
    root.mkdir()
    for name, size in sizes.items():
        Image.new("RGB", size, (200, 100, 50)).save(root / f"{name}.png")
    return f"images:{root}"


def corrupt(path: Path) -> str:
    name = folder(path, a=(8, 8))
    (path / "pictures" / "b.jpg").write_bytes(b"not a picture at all")
    return name


def npz(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path / "data.npz", **arrays)
    return f"npz:{path / 'data.npz'}"


def written(path: Path, name: str, content: bytes) -> str:
    (path / name).write_bytes(content)
    return str(path / name)


X = np.random.default_rng(0).standard_normal((40, 1, 8, 8)).astype(np.float32)
X[17, 0, 0, 0] = 5.0
BAD = X.copy()
BAD[7] = np.nan


def see(path: Path, *more: str) -> list[str]:
    return ["see", *more, "--quiet", "--out", str(path / "see")]


def lab(path: Path, *more: str) -> list[str]:
    return ["lab", *more, "--quiet", "--out", str(path / "lab")]


CASES: dict[str, Case] = {
    "unknown command": lambda p: ["rum"],
    "unknown lab": lambda p: ["lab", "idenity"],
    "unknown flag": lambda p: run(NET, "digits", "--panell", "64"),
    "flag without its value": lambda p: [*run(NET, "digits", "--out", str(p)), "--panel"],
    "flag given twice": lambda p: run(NET, "digits", "--panel", "64", "--panel", "32"),
    "argument missing": lambda p: ["run", NET],
    "required flag missing": lambda p: ["merge", "part1"],
    "one argument too many": lambda p: run(NET, "digits", "conv1"),
    "text for an integer": lambda p: run(NET, "digits", "--panel", "many"),
    "fraction for an integer": lambda p: run(NET, "digits", "--panel", "2.5"),
    "text for a number": lambda p: run(NET, "digits", "--tau", "high"),
    "negative seed": lambda p: run(NET, "digits", "--seed", "-1"),
    "huge seed": lambda p: ["demo", "--out", str(p / "out"), "--seed", str(2**40)],
    "checkpoint not a number": lambda p: run(NET, "digits", "--checkpoint", "nan"),
    "fewer than no bad files": lambda p: run(NET, "digits", "--skip-bad", "-1"),
    "a device that has no such name": lambda p: run(NET, "digits", "--device", "gpu"),
    "a precision that has no such name": lambda p: run(NET, "digits", "--dtype", "fp8"),
    "two twins": lambda p: run(NET, "digits", "--twins", "2"),
    "merging nothing": lambda p: ["merge", "--out", str(p)],
    "prior without steps": lambda p: ["prior", "digits", "--steps", "0"],
    "lab with wrong depths": lambda p: lab(p, "identity", "--depths", "1,x"),
    "lab with an even kernel": lambda p: lab(p, "identity", "--kernel", "4"),
    "lab with unknown padding": lambda p: lab(p, "identity", "--padding", "zero"),
    "lab with an unknown activation": lambda p: lab(p, "identity", "--activation", "swish"),
    "lab without seeds": lambda p: lab(p, "identity", "--seeds", "0"),
    "lab on a device that is not there": lambda p: lab(p, "identity", "--device", "gpu"),
    "lab with a corrupt image": lambda p: lab(p, "identity", "--image", written(p, "x.png", b"no picture")),
    "lab with clothing that is not there": lambda p: lab(p, "identity", "--clothing", str(p)),
    "lab with corrupt clothing": lambda p: (
        written(p, "train-images-idx3-ubyte", b"no images at all")
        and lab(p, "identity", "--clothing", str(p))
    ),
    "lab without effort": lambda p: lab(p, "cdbn", "--effort", "0"),
    "lab on images that are none": lambda p: lab(p, "cdbn", "--images", str(p)),
    "lab on objects that are none": lambda p: lab(p, "cdbn", "--objects", str(p)),
    "lab on a corrupt photograph": lambda p: lab(
        p, "cdbn", "--images", str(Path(written(p, "a.png", b"no picture")).parent)
    ),
    "lab into a folder of something else": lambda p: (
        ["lab", "identity", "--quiet", "--out", str(Path(written(p, "letter.txt", b"dear")).parent)]
    ),
    "lab into a file": lambda p: lab(p, "identity") if (p / "lab").write_text("x") else [],
    "lab net missing": lambda p: run(f"lab:{p}/nothing.safetensors", "mnist"),
    "lab net corrupt": lambda p: run(f"lab:{written(p, 'x.safetensors', b'no weights')}", "mnist"),
    "unknown model": lambda p: run("efficientnet-lit:0x", "digits"),
    "unknown data": lambda p: run(NET, "digit"),
    "model module missing": lambda p: run("no_such_module:net", "digits"),
    "model attribute missing": lambda p: run("tests.user_models:smal", "digits"),
    "model factory gives no module": lambda p: run("tests.user_models:number", "digits"),
    "model factory raises": lambda p: run("tests.user_models:raises", "digits"),
    "model folder missing": lambda p: run(f"hf:{p}/nothing", "digits"),
    "unknown layer": lambda p: run(NET, "digits", "--layers", "conv3"),
    "layer never called": lambda p: run("tests.user_models:silent", "digits", "--layers", "unused"),
    "wrong unit axis": lambda p: run(NET, "digits", "--unit-axis", "conv1"),
    "replica of another architecture": lambda p: run(NET, "digits", "--replica", "tests.user_models:other"),
    "images folder missing": lambda p: run(NET, f"images:{p}/nothing"),
    "images folder empty": lambda p: run(NET, f"images:{p}"),
    "image corrupt": lambda p: run(NET, corrupt(p), "--size", "8"),
    "image sizes mixed": lambda p: run("tests.user_models:colour", folder(p, a=(8, 8), b=(9, 8))),
    "npz missing": lambda p: run(NET, f"npz:{p}/nothing.npz"),
    "npz corrupt": lambda p: run(NET, "npz:" + written(p, "bad.npz", b"PK\x03\x04 rubbish")),
    "npz without inputs": lambda p: run(NET, npz(p, a=X, b=X)),
    "npz empty": lambda p: run(NET, npz(p, x=X[:0])),
    "npz labels of the wrong length": lambda p: run(NET, npz(p, x=X, y=np.arange(5))),
    "inputs not finite": lambda p: run(NET, npz(p, x=BAD)),
    "activations not finite": lambda p: run("tests.user_models:overflowing", npz(p, x=X)),
    "text missing": lambda p: run(NET, f"text:{p}/nothing.txt"),
    "text without a tokenizer": lambda p: run(NET, "text:" + written(p, "a.txt", b"one line")),
    "inputs of the wrong shape": lambda p: run(NET, npz(p, x=X[:, :, :, 0])),
    "results folder taken": lambda p: (
        run(NET, "digits", "--out", str(p / "file" / "x")) if (p / "file").write_text("x") else []
    ),
    "census already there": lambda p: (
        run(NET, "digits", "--out", str(p)) if (p / "census.json").write_text("{}") else []
    ),
    "no census to load": lambda p: ["report", str(p)],
    "no census to advise on": lambda p: ["advise", str(p), NET, "digits"],
    "advice without data": lambda p: ["advise", str(p), NET],
    "census damaged": lambda p: ["report", str(p)] if (p / "census.json").write_text("{") else [],
    "shard malformed": lambda p: run(NET, "digits", "--shard", "two"),
    "shard out of range": lambda p: run(NET, "digits", "--shard", "5/4"),
    "merging what is no shard": lambda p: ["merge", str(p), "--out", str(p / "out")],
    "setting out of range": lambda p: run(NET, "digits", "--tau", "1.5"),
    "layers without an input": lambda p: ["layers", NET],
    "twin that keeps trained weights": lambda p: [
        a for a in run("tests.user_models:stubborn", "digits") if a != "--no-twin"
    ],
    "concepts to see in tables": lambda p: run("tests.user_models:table", npz(p, x=X.reshape(40, 64)), "--see", "2"),
    "see nothing": lambda p: see(p, NET, "--data", "digits"),
    "see an unknown layer": lambda p: see(p, NET, "conv3:0", "--data", "digits"),
    "see an unknown unit": lambda p: see(p, NET, "conv2:6", "--data", "digits"),
    "see without data": lambda p: see(p, NET, "conv2:0"),
    "see by an unknown preset": lambda p: see(p, NET, "conv2:0", "--data", "digits", "--preset", "olah"),
    "see by a preset without its prior": lambda p: see(p, NET, "conv2:0", "--data", "digits", "--preset", "nguyen2016"),
    "see with what is no prior": lambda p: see(p, NET, "conv2:0", "--data", "digits", "--prior", str(p)),
    "see with a wrong contrast": lambda p: see(p, NET, "conv2:0", "--data", "digits", "--contrast", "high"),
    "see tables by a preset": lambda p: see(
        p, "tests.user_models:table", "0:0", "--data", npz(p, x=X.reshape(40, 64)), "--preset", "olah2017"
    ),
    "see into a file": lambda p: (
        see(p, NET, "conv2:0", "--data", "digits", "--steps", "1") if (p / "see").write_text("x") else []
    ),
    "see bad activations": lambda p: see(p, "tests.user_models:overflowing", "conv2:0", "--data", npz(p, x=X)),
    "see a census that is none": lambda p: see(p, NET, "--data", "digits", "--census", str(p)),
    "prior of tables": lambda p: ["prior", npz(p, x=X.reshape(40, 64)), "--out", str(p / "prior")],
}  # fmt: skip


def answer(argv: list[str], path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    if argv[0] == "run" and "--out" not in argv:
        argv = [*argv, "--out", str(path / "out")]
    code = main(argv)
    err = capsys.readouterr().err
    assert code == 2, err
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if line.strip()]
    assert len(lines) == 1, err
    return re.sub(r"0x[0-9a-f]+", "0x..", lines[0].replace(str(path), "TMP"))


def known() -> dict[str, str]:
    if not SNAPSHOT.exists():
        return {}
    pairs = (line.split("\t", 1) for line in SNAPSHOT.read_text("utf-8").splitlines())
    return dict(pairs)


@pytest.mark.parametrize("name", CASES)
def test_the_message_is_the_one_we_agreed_on(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    got = answer(CASES[name](tmp_path), tmp_path, capsys)
    if os.environ.get("LAYERCENSUS_WRITE_MESSAGES"):
        SNAPSHOT.write_text("".join(f"{k}\t{v}\n" for k, v in sorted({**known(), name: got}.items())), "utf-8")
    assert got == known()[name]


def test_no_message_is_left_over() -> None:
    assert set(known()) == set(CASES)


def test_labels_of_the_wrong_length_in_python() -> None:
    with pytest.raises(lc.CensusError, match=r"one entry for each of the 40 examples\. Got 3"):
        lc.take(nn.Flatten(), torch.from_numpy(X), labels=[0, 1, 2])


def test_nothing_that_was_counted_is_lost_when_an_activation_overflows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = run("tests.user_models:overflowing", npz(tmp_path, x=X), "--out", str(tmp_path / "out"), "--batch", "4")
    assert main(argv) == 2
    assert (tmp_path / "out/counting/streams.safetensors").exists()
    assert "what is counted so far is kept" in capsys.readouterr().err
