"""What a measure is tested with: evidence without a network, the laws that every measure obeys, nets of known answers.

`check(mine)` holds a measure of one's own to the laws; see docs/measures.md.

>>> import layercensus as lc
>>> lc.testing.mixed_evidence().width
24
"""

from . import awkward, planted, stacks, trained
from .evidence import evidence, panel
from .laws import LAWS, check, mixed_evidence

__all__ = ["LAWS", "awkward", "check", "evidence", "mixed_evidence", "panel", "planted", "stacks", "trained"]
