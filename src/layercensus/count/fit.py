"""Data in another form than the net takes: mended where one change alone makes them fit, and said."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..data.batch import Batch
from ..data.mended import Mended, mends_of, raw_pictures
from ..data.source import Source
from ..errors import CensusError
from ..layers.chance import kept_chance
from ..layers.net import Inputs, call, unwrap
from ..layers.state import kept_state
from ..models.model import Model

TRIED = 2  # examples


def suited(model: Model, source: Source) -> Source:
    """The source as the net takes it: pictures in bytes prepared by the model's own convention, other forms mended.

    A form is mended where one change, or two together, make the net take the examples and no other change does:
    channels on the last axis, no axis of channels, grey for a net of colours, integers, and another size where the
    model names its own. Data that the net takes are left as they are. Cost: one pass of two examples.

    Raises:
        CensusError: several changes would do.
    """
    if not source.reusable:
        return source
    own = raw_pictures(source, model.prepare)
    if own is not None:
        return Mended(source, own, model.prepare)
    net, batch = unwrap(model.net), source.first(TRIED)
    if not isinstance(batch.inputs, Tensor) or not any(map(len, mends_of(batch.inputs, model.prepare))):
        return source
    return source if _takes(net, batch.for_net(net)) else _mended(net, source, batch, model)


def _mended(net: nn.Module, source: Source, batch: Batch, model: Model) -> Source:
    for mends in mends_of(batch.inputs, model.prepare):
        good = [m for m in mends if _takes(net, batch.with_inputs(m.change(batch.inputs)).for_net(net))]
        if len(good) > 1:
            ways = " or ".join(m.said for m in good)
            raise CensusError(
                f"The model must accept the data. Got shape {tuple(batch.inputs.shape[1:])} for an example, which "
                f"could be meant in {len(good)} ways: {ways}. Give it in the form that is meant."
            )
        if good:
            return Mended(source, good[0])
    return source


def _takes(net: nn.Module, inputs: Inputs) -> bool:
    was = [(module, module.training) for module in net.modules()]
    net.eval()
    try:
        with kept_chance(), kept_state(net), torch.no_grad():
            call(net, inputs)
    except Exception:  # the net's own code
        return False
    finally:
        for module, training in was:
            module.training = training
    return True
