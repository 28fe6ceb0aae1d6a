"""Sets of named concepts: which examples, and which positions of them, each is in."""

from .masks import masks
from .sets import ConceptSet
from .tags import tags

__all__ = ["ConceptSet", "masks", "tags"]
