"""How many concepts has each layer of a neural network learned, and how sure can one be?"""

from .census import Census, Finding, load
from .data.views import Views
from .errors import CensusError
from .models.open import Model
from .models.prepare import Prepare
from .see.see import see
from .settings import Settings
from .share import merge
from .take import layers_of, take
from .verdict import Verdict

__all__ = [
    "Census",
    "CensusError",
    "Finding",
    "Model",
    "Prepare",
    "Settings",
    "Verdict",
    "Views",
    "layers_of",
    "load",
    "merge",
    "see",
    "take",
]
