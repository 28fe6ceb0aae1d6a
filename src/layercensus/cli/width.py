"""layercensus width: widths for a net to be trained again."""

from __future__ import annotations

from .open import model_of
from .parameters import DataName, Device, ModelName, Quiet, Seed, Size

EXAMPLES = """Examples:
  layercensus width digits digits
  layercensus width my_package.nets:make npz:x.npz"""


def width(
    model: ModelName,
    data: DataName,
    /,
    *,
    size: Size = None,
    seed: Seed = 0,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """Suggest widths for a net to be trained again, from what its answers need."""
    from ..settings import Settings
    from ..take import take

    settings = Settings(needed="all", other_views=False, pictures=0, progress=not quiet, device=device)
    census = take(model_of(model, size), data, twin=False, seed=seed, settings=settings)
    print(census.widths.to_string(index=False))
    print("\nleast: units as directions hold 99 % of the answers; suggested: twice as many, if so many are distinct")
    print("Nothing but training again verifies a width: compare the accuracy.")
