"""A shard of a data set, counted apart on another machine or at another time: what it says of itself on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from ..data.files import write_text
from ..errors import CensusError, first_line
from ..layers.layer import Layer, View
from ..tally import Streams
from .late import sentences
from .nets import LayerKey, Net, Nets
from .provenance import Provenance
from .store import COUNTING, SHARD, Store
from .untrained import UntrainedCounts


@dataclass(frozen=True)
class Counted:
    """What is known of a count once it is over, beside what its store holds."""

    nets: Nets
    class_names: tuple[str, ...] | None
    provenance: Provenance
    untrained: UntrainedCounts


def write_shard(store: Store, counted: Counted) -> None:
    """Write beside the checkpoints what a later merge needs and only the count knows."""
    head = {
        "about": counted.provenance.as_json(),
        "classes": list(counted.class_names) if counted.class_names else None,
        "untrained": counted.untrained.as_json(),
        "nets": [[net.name, [asdict(layer) for layer in net.layers]] for net in counted.nets],
        "roles": {"twin": counted.nets.twin is not None, "replicas": len(counted.nets.replicas)},
    }
    write_text(store.shard_file, json.dumps(head, ensure_ascii=False))


def read_shard(folder: Path) -> tuple[Store, Counted]:
    """What `write_shard` and the count left in a results folder; the nets have layers, and no weights.

    Raises:
        CensusError: there is no counted shard, or it is damaged.
    """
    file = folder / COUNTING / SHARD
    if not file.is_file():
        raise CensusError(
            f"{folder} must hold a counted shard, of take(..., settings=Settings(shard=(1, 4), out=FOLDER)). Got none."
        )
    try:
        head: dict[str, Any] = json.loads(file.read_text("utf-8"))
        counted = Counted(
            _nets(head["nets"], **head["roles"]),
            tuple(head["classes"]) if head["classes"] else None,
            Provenance.from_json(head["about"]),
            UntrainedCounts.from_json(head["untrained"]),
        )
    except Exception as error:  # whatever the wrong words in the place of others lead to
        raise CensusError(f"{file} is damaged ({first_line(error)}). Count this shard again.") from error
    return Store.open(file.parent), counted


def whole(stores: Sequence[Store], shards: Sequence[Counted], store: Store) -> Counted:
    """What is known of all shards together, once `store` holds what each of theirs does."""
    first = shards[0].provenance
    data = {name: value for name, value in first.data.items() if name != "skipped"}
    skipped = [str(shard.provenance.data["skipped"]) for shard in shards if "skipped" in shard.provenance.data]
    formats = sorted({str(shard.provenance.memory_format["name"]) for shard in shards})
    examples, ids = store.counted()
    provenance = replace(
        first, data=data | ({"skipped": "; ".join(skipped)} if skipped else {}), shard=None, shards=len(shards),
        memory_format={"name": " and ".join(formats), "seconds": {}}, mask_unfit=store.unmasked,
        met_late=sentences(store.met_late), examples=examples, ids=ids,
        copies=_copies([shard.provenance.copies for shard in shards], len(store.copies)),
    )  # fmt: skip
    names = max((shard.class_names or () for shard in shards), key=len) or None
    return Counted(shards[0].nets, names, provenance, shards[0].untrained)


def _copies(shards: Sequence[Mapping[str, Any]], across: int) -> dict[str, Any]:
    """The copies of all shards together; each may know those of all the data, or its own alone."""
    some = [copies for copies in shards if copies]
    if some and all(copies["of_all"] for copies in some):
        return dict(some[0])
    total: dict[str, Any] = {"copies": sum(c["copies"] for c in some), "read": sum(c["read"] for c in some)}
    found = total | {"of_all": True} if some else {}
    return found | {"across_shards": across} if across else found


def join(store: Store, shards: Sequence[Store], keys: Sequence[LayerKey]) -> None:
    """Bring everything that the shards' stores hold into `store`."""
    total: dict[LayerKey, Streams] = {}
    for shard in shards:
        for key, streams in zip(keys, shard.many_streams(keys), strict=True):
            if streams is not None and key in total:
                total[key].merge(streams)
            elif streams is not None:
                total[key] = streams
        store.merge(shard, total)


def _nets(written: Sequence[tuple[str, Sequence[dict[str, Any]]]], twin: bool, replicas: int) -> Nets:
    nets = [Net(name, nn.Identity(), tuple(map(_layer, layers))) for name, layers in written]
    return Nets(nets[0], nets[1] if twin else None, tuple(nets[len(nets) - replicas :]) if replicas else ())


def _layer(written: dict[str, Any]) -> Layer:
    lists = {name: tuple(value) for name, value in written.items() if isinstance(value, list)}
    view = written["view"] | {name: tuple(written["view"].get(name, ())) for name in ("join", "split")}
    return Layer(**(written | lists | {"view": View(**view)}))
