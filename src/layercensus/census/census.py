"""The result of a count as its user meets it: a record with its verdict and its pages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..count.nets import TRAINED
from ..errors import CensusError
from ..layers.torch_state import neutral
from .concepts import concept_table
from .directions import LayerDirections, directions_of, needed_of
from .record import CensusRecord, read_record

if TYPE_CHECKING:
    from ..advise.advice import Advice
    from ..verdict.verdict import Verdict


class Census(CensusRecord):
    """A record that can be asked for its verdict and its pages; nothing else in this room imports the report.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    >>> census = lc.take(net, x, twin=False, settings=lc.Settings(progress=False))
    >>> census.units["layer"].value_counts().to_dict()
    {'1': 8, '2': 3}
    """

    @classmethod
    def of(cls, record: CensusRecord) -> Census:
        """The census of what was counted.

        >>> Census.of(census).about == census.about
        True
        """
        return cls(**{name: getattr(record, name) for name in record.__dataclass_fields__})

    @cached_property
    def verdict(self) -> Verdict:
        """Do earlier or later layers hold and learn more: .answer, .table, and as text a paragraph.

        >>> census.verdict.answer  # one hidden layer is no trend
        'undecided'
        """
        from ..verdict.judge import judge

        with neutral():
            return judge(self)

    @cached_property
    def difference_to_untrained(self) -> pd.DataFrame:
        """Each count of units minus that of untrained nets: a row per layer and count; empty without a twin.

        The 95 % interval holds what untrained nets differ among themselves, and is missing for fewer than five. It is
        no count of what was learned, which `layers["learned"]` is, where replicas are given.

        >>> census.difference_to_untrained.columns.tolist()
        ['layer', 'measure', 'trained', 'untrained', 'nets', 'difference', 'low', 'high']
        """
        from ..verdict.difference import difference_to_untrained

        with neutral():
            return difference_to_untrained(self)

    @cached_property
    def concepts(self) -> pd.DataFrame:
        """The named concepts over the layers: a row for each concept and layer that it was asked of, by depth.

        set, concept, layer, depth: which. auc: of the direction that tells it, fitted on one half of the examples and
        judged on the other; floor: what this must exceed; readable: whether it does; first: whether this is the first
        layer in which it does. input_auc, twin_auc: the same of what the net is given, and of the untrained twin's
        layer; gained: readable here and from neither. within_needed: the fraction of that direction's variance which
        goes with the directions that the answers rest on, where these were counted. unit, unit_auc, unit_floor,
        unit_detects: the unit that tells it best, chosen on one half.

        >>> census.concepts.pivot(index="concept", columns="layer", values="auc").shape  # none were asked for
        (0, 0)
        """
        return concept_table(self)

    def needed(self, layer: str, net: str = TRAINED) -> pd.DataFrame:
        """How much of the net's answers so many directions of a layer hold, as measured and to first order.

        A row for each number of directions that was tried, the rest of the layer being at its mean: fidelity is 1 -
        squared change of the answers / their variance on held-out examples, low and high its 95 % interval. It is 1
        where nothing changed, 0 where the answers are no better than their mean, and below 0 where they are worse.
        first_order is what the same directions carry by gradients, without trying: where it is far from the fidelity,
        what `directions` says of a single direction is as far off.

        net: "trained", "twin", or "replica0", "replica1", ...

        >>> census.needed("1").columns.tolist()
        ['directions', 'fidelity', 'low', 'high', 'first_order']
        >>> bool(census.needed("1", net="twin")["fidelity"].max() > 0.95)
        True

        Raises:
            CensusError: there is no such layer or net, or the layer was not asked (Settings(needed="all") asks all).
        """
        return needed_of(self, layer, net)

    def directions(self, layer: str, net: str = TRAINED) -> LayerDirections:
        """The directions that the answers rest on in a layer, what each carries to first order, and its ends.

        `(rows - mean) @ reader` are the scores of one's own rows of activations (..., units). Those that count as
        learned beside the first replica are in `learned_reader`. `lc.objectives.of_direction` makes an optimised image
        of one. net: "trained", or "replica0", "replica1", ...

        >>> found = census.directions("1")
        >>> found.reader.shape == found.writer.shape == (8, len(found.carries))
        True
        >>> [len(ids) for ids in found.top] == [9] * len(found.carries)
        True

        Raises:
            CensusError: as for `needed`; or the net is the twin, whose directions are not kept.
        """
        return directions_of(self, layer, net)

    def advise(
        self, model: Any, data: Any, *, parts: Sequence[str] | None = None, fidelity: Sequence[float] = (0.99, 0.95),
        labels: Sequence[Any] | None = None, output: Any = None, engine: str = "own", device: str | None = None,
    ) -> Advice:  # fmt: skip
        """What to prune, compress, remove, probe and freeze in the net that was counted, each with its measured effect.

        Half of the panel calibrates; of the other half some examples choose and others verify. What does not hold on
        those that verify is not given, and stands in `withheld` with the reason. Probes are fitted on the first half
        and judged on the other.

        model, data, labels, output: as they were given to `take`; examples that the net was not trained on tell most.
        parts: some of "prune", "compress", "remove", "probe", "freeze"; None for all. fidelity: how much of the
        answers' variance must be kept. engine: what makes smaller nets: "own" for modules that follow each other, or
        "torch_pruning" for any net. device: where the net runs, as for `take`.

        Cost: some ten passes over a few hundred examples for each layer.

        >>> import layercensus as lc, torch
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        >>> x = torch.randn(128, 4, generator=torch.Generator().manual_seed(0))
        >>> advice = lc.take(net, x, twin=False, settings=lc.Settings(progress=False)).advise(net, x, parts=["prune"])
        >>> advice.prune.columns[:5].tolist()
        ['layer', 'what', 'asked', 'before', 'after']

        Raises:
            CensusError: it is another model, the examples are too few, or an argument is not as it must be.
        """
        from ..advise.advise import PARTS, Wanted, advise

        wanted = Wanted(PARTS if parts is None else parts, fidelity, labels, output, engine, device)
        return advise(self, model, data, wanted)

    @cached_property
    def widths(self) -> pd.DataFrame:
        """Widths to train a net of this architecture with again: a row for each layer of neurons that was asked.

        least: as many units as directions hold 99 % of the answers. suggested: twice as many, but no more than are
        distinct. Nothing but training again verifies them; docs/advise.md shows where they kept the accuracy of small
        nets, and where not.

        >>> import layercensus as lc, torch
        >>> from torch import nn
        >>> net = nn.Sequential(nn.Linear(4, 40), nn.ReLU(), nn.Linear(40, 3))
        >>> x = torch.randn(128, 4, generator=torch.Generator().manual_seed(0))
        >>> found = lc.take(net, x, twin=False, settings=lc.Settings(progress=False)).widths.iloc[0]
        >>> bool(found["least"] <= found["suggested"] < found["width"] == 40)
        True

        Raises:
            CensusError: the census did not ask what the net needs.
        """
        from ..advise.width import widths

        return widths(self)

    def report(self, folder: str | Path, *, address: str | None = None, progress: bool = False) -> Path:
        """Write the pages of results into `folder` and return the path of its index.html.

        address: where the folder will stand on the web, if anywhere: a link to it then shows the picture of the answer.
        progress: show a bar on standard error; a net of fifty layers takes some ten seconds.

        >>> census.report("pages").as_posix()
        'pages/index.html'

        Raises:
            CensusError: when the folder cannot be written, or the address is none.
        """
        from ..report.page import write

        with neutral():
            return write(self, self.verdict, Path(folder), progress=progress, address=address)

    def _repr_html_(self) -> str:
        from ..report.notebook import snippet

        return snippet(self, self.verdict)

    def __repr__(self) -> str:
        about = self.about
        counts = f"{len(self.layers):,} layers, {len(self.units):,} units, {about['examples']:,} examples"
        return (
            f"<Census of {about['model']} on {about['data'].get('name', 'data')}: {counts}; print it for what it says>"
        )

    def __str__(self) -> str:
        from ..report.terminal import as_text

        return as_text(self, self.verdict)


def load(folder: str | Path) -> Census:
    """The census that was saved in `folder`.

    >>> import layercensus as lc, torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    >>> folder = lc.take(net, x, twin=False, settings=lc.Settings(progress=False)).save("results")
    >>> lc.load(folder).layers["width"].tolist()
    [8, 3]

    Raises:
        CensusError: when there is none, or it is damaged.
    """
    if not isinstance(folder, str | Path):
        raise CensusError(f"folder must be a string or a Path. Got {folder!r}.")
    return Census.of(read_record(Path(folder)))
