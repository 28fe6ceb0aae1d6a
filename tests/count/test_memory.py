"""Freed memory is kept while a census runs, and given back afterwards."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, torch
import layercensus.take  # as in a census: everything is imported before memory is kept
from layercensus.count.memory import kept_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(12):
        torch.ones(20_000_000)  # 80 MB, beyond any block that glibc keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))

start = resident()
print(faults())
with kept_memory():
    print(faults())
print(resident() - start)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone has these settings")
def test_a_large_block_is_mapped_once_and_then_used_again() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    outside, inside, left = (int(word) for word in run.stdout.split())
    if outside < 1000:
        pytest.skip("this system maps large blocks in large pages")
    assert inside < outside / 2  # a small object may take the place of a block once or twice
    assert left < 40_000  # kB: the block itself went back
