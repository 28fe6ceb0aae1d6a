"""Plain and replicated counts of over-wide students, beside the number of units that their teacher has.

python benchmarks/teacher_student.py --seeds 3
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

import layercensus as lc

sys.path.insert(0, str(Path(__file__).parents[1]))
from layercensus.testing.trained import INPUTS, relearned

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # on nets this small a second thread only waits
    print("| teacher's units | student's units | seed | distinct [95 %] | replicated [95 %] |\n|---|---|---|---|---|")
    for width, student_width in ((8, 32), (12, 48)):
        for seed in range(arguments.seeds):
            net, replicas = relearned(seed, width, student_width)
            x = torch.randn(2048, INPUTS, generator=torch.Generator().manual_seed(seed))
            census = lc.take(net, x, replicas=replicas, layers="1", twin=False, settings=lc.Settings(progress=False))
            row = census.layers.iloc[0]
            distinct, replicated = (
                f"{row[name]} [{row[f'{name}_low']:.0f}-{row[f'{name}_high']:.0f}]"
                for name in ("distinct", "replicated")
            )
            print(f"| {width} | {student_width} | {seed} | {distinct} | {replicated} |", flush=True)
