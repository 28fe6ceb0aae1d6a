"""What the decoder of an encoder-decoder is given beside the encoder's input."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .prepare import Prepare


def with_decoder(inputs: Mapping[str, Tensor], prepare: Prepare) -> dict[str, Tensor]:
    """The inputs, of an encoder-decoder also what its decoder is given: the text shifted by one, or a first token."""
    if prepare.decoder_start is None:
        return dict(inputs)
    tokens = inputs.get("input_ids")
    first = next(iter(inputs.values()))
    start = torch.full((len(first), 1), prepare.decoder_start, dtype=torch.int64)
    return dict(inputs) | {"decoder_input_ids": start if tokens is None else torch.cat([start, tokens[:, :-1]], 1)}
