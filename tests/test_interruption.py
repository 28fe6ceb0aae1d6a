"""Ctrl-C, SIGTERM and kill -9 in the middle of a real command: nothing counted is lost, --resume ends the same."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import layercensus as lc
from layercensus.data.keys import key

ROOT = Path(__file__).parents[1]
COMMAND = [
    sys.executable,
    "-m",
    "layercensus.cli",
    "run",
    "tests.user_models:slow",
    "tests.user_models:many",
    "--batch",
    "4",
    "--twins",
    "1",
    "--needed",
    "none",
    "--no-other-views",
    "--no-report",
]


def start(out: Path, *more: str) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    argv = [*COMMAND, "--quiet", "--out", str(out), "--checkpoint", "0.1", *more]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(argv, cwd=ROOT, env=env, preexec_fn=heeding, **pipes)


def heeding() -> None:
    """Ctrl-C works in the new process even where the tests were started in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for_a_checkpoint(run: subprocess.Popen[str], out: Path) -> None:
    deadline = time.monotonic() + 60
    while not (out / "counting" / "panel-00001.safetensors").exists():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def finish(run: subprocess.Popen[str]) -> None:
    _, err = run.communicate(timeout=120)
    assert run.returncode == 0, err


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> lc.Census:
    out = tmp_path_factory.mktemp("straight") / "out"
    run = start(out)
    finish(run)
    return lc.load(out)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_the_count_goes_on_where_it_stopped(
    straight: lc.Census, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    out = tmp_path / "out"
    run = start(out)
    wait_for_a_checkpoint(run, out)
    run.send_signal(sent)
    _, err = run.communicate(timeout=60)
    assert run.returncode == code
    assert "Traceback" not in err
    if sent is not signal.SIGKILL:
        assert "--resume" in err
    again = start(out, "--resume")
    finish(again)
    resumed = lc.load(out)
    pd.testing.assert_frame_equal(resumed.layers, straight.layers, rtol=1e-6, atol=1e-6)
    pd.testing.assert_frame_equal(resumed.units, straight.units, rtol=1e-6, atol=1e-6)
    assert resumed.about["ids"] == straight.about["ids"]
    assert straight.about["ids"].split(":")[1] == f"{sum(key(str(i)) for i in range(120)) % 2**64:016x}"
