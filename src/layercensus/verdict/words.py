"""What the words of an answer mean, for those that it uses."""

from __future__ import annotations

BEGINS = "Words: "
DEFINED = (  # what stands in the answer, and what it means
    (("direction",), "a direction is a combination of a layer's units"),
    (
        ("direction", "Needed"),
        "the directions that a layer needs, kept while the rest of it is held at its mean, hold 95 % of the variance "
        "of the net's answers",
    ),
    (("earned",), "learned are those that another training run has too and no untrained net gives"),
    (("untrained",), "an untrained net is the same net with the weights of its start"),
    (("distinct",), "a unit is distinct when a second view of an example reproduces what it says and no other unit "
     "repeats it"),
)  # fmt: skip


def words_of(text: str) -> str:
    """A line that defines the words which stand in the text; empty where there is none to define.

    >>> words_of("Later layers hold more: 3 directions in the last.").startswith("Words: a direction is")
    True
    >>> words_of("Nothing was counted.")
    ''
    """
    meanings = [meaning for marks, meaning in DEFINED if any(mark in text for mark in marks)]
    return BEGINS + "; ".join(meanings) + "." if meanings else ""


def without_words(text: str) -> str:
    """The answer without that line, where what it says stands elsewhere."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(BEGINS))
