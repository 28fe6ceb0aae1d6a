"""Concepts that the folders of pictures name: of category/name/picture.png the category, and the name in it."""

from __future__ import annotations

from itertools import accumulate

import torch

from ..data.source import Source
from ..errors import CensusError
from .sets import ConceptSet, table


def of_folders(source: Source) -> list[ConceptSet]:
    """A set for each level of folders above the pictures, named "folders 1", "folders 2", ...

    A concept of a deeper level has the whole way as its name, "animals/dog".

    Raises:
        CensusError: the ids of the examples are no paths.
    """
    ids = list(source.ids or ())
    ways = [list(accumulate(id.split("/")[:-1], lambda a, b: f"{a}/{b}")) for id in ids]
    deepest = max(map(len, ways), default=0)
    if not deepest:
        raise CensusError(f"folders as concepts must be those of pictures in sub-folders. Got none in {source.name}.")
    rows = {id: row for row, id in enumerate(ids)}
    sets = []
    for level in range(deepest):
        own = [way[level] if len(way) > level else "" for way in ways]
        names = sorted(set(own) - {""})
        if len(names) > 1 or "" in own:
            has = torch.tensor([[one == name for name in names] for one in own]).float()
            sets.append(table(f"folders {level + 1}", names, rows, has))
    if not sets:
        raise CensusError(
            f"folders as concepts must differ. Got one folder, {ways[0][-1]!r}, for all of {source.name}."
        )
    return sets
