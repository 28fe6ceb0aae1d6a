"""On which device nets run, as a user says it, and the nets there for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CensusError, first_line
from ..settings import device_name

GPUS = ("cuda", "mps")  # what auto looks for, in this order


def device_named(name: str | torch.device) -> torch.device:
    """The device that a name stands for; "auto": a GPU where there is one, else the CPU.

    >>> device_named("cpu")
    device(type='cpu')

    Raises:
        CensusError: torch cannot use such a device here.
    """
    if name == "auto":
        return torch.device(next(filter(is_there, GPUS), "cpu"))
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        there = ", ".join(("auto", *filter(is_there, GPUS), "cpu"))
        raise CensusError(
            f"device must be one that torch can use here: {there}. Got {name!r} ({first_line(error)})."
        ) from error
    return device


def asked_device(name: Any) -> torch.device | None:
    """The device that a user asks for, before anything is opened; None: the nets stay where they are.

    Raises:
        CensusError: it is no name of a device, or torch cannot use it here.
    """
    name = device_name("device", name)
    return None if name is None else device_named(name)


def device_of(net: nn.Module) -> torch.device:
    """Where a net's first parameter or buffer lies; the CPU where it has none."""
    first = next((t for t in _tensors(net) if not t.is_meta), None)
    return torch.device("cpu") if first is None else first.device


def is_there(name: str) -> bool:
    """Whether torch can use a kind of GPU here."""
    return torch.cuda.is_available() if name == "cuda" else torch.backends.mps.is_available()


def in_words(device: torch.device) -> str:
    """A device as a reader knows it: "cpu", or "cuda (NVIDIA H100)"."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


@contextmanager
def on_device(nets: Sequence[nn.Module], device: torch.device | None) -> Iterator[None]:
    """The nets on a device as long as the block lasts; afterwards the very tensors that they had, where they were.

    device: None where the nets stay where they are. Cost: a copy of the weights of nets that lie elsewhere.

    Raises:
        CensusError: a net does not go there.
    """
    with ExitStack() as stack:
        for net in nets if device is not None else ():
            assert device is not None
            if any(_elsewhere(t, device) for t in _tensors(net)):
                stack.callback(_put_back, _held(net))
                _move(net, device)
        yield


@contextmanager
def on_cpu(net: nn.Module) -> Iterator[None]:
    """The net on the CPU as long as the block lasts; afterwards its tensors, as they are then, where they were."""
    places = [(module, name, tensor.device) for module, name, tensor, _ in _held(net) if tensor.device.type != "cpu"]
    if places:
        _move(net, torch.device("cpu"))
    yield
    for module, name, device in places:
        part = module._parameters if name in module._parameters else module._buffers
        tensor = part.get(name)
        if tensor is not None:
            tensor.data = tensor.data.to(device)


Held = list[tuple[nn.Module, str, Tensor, Tensor]]  # module, name, parameter or buffer, its content


def _tensors(net: nn.Module) -> Iterator[Tensor]:
    yield from net.parameters()
    yield from net.buffers()


def _elsewhere(tensor: Tensor, device: torch.device) -> bool:
    return tensor.device.type != device.type or device.index not in (None, tensor.device.index)


def _held(net: nn.Module) -> Held:
    """Every parameter and buffer with its content as it is now."""
    return [
        (module, name, tensor, tensor.data)
        for module in net.modules()
        for part in (module._parameters, module._buffers)
        for name, tensor in part.items()
        if tensor is not None
    ]


def _move(net: nn.Module, device: torch.device) -> None:
    try:
        with torch.no_grad():
            net.to(device)
    except (RuntimeError, NotImplementedError, ValueError) as error:
        raise CensusError(
            f"The net must be one that can be moved to {device}. Got {first_line(error)}. Pass device=None."
        ) from error


def _put_back(held: Held) -> None:
    for module, name, tensor, content in held:
        part = module._parameters if name in module._parameters else module._buffers
        gradient = tensor.grad if isinstance(tensor, nn.Parameter) else None
        if gradient is not None:
            tensor.grad = None  # it went with its parameter
        tensor.data = content
        if gradient is not None:
            tensor.grad = gradient.to(content.device)
        part[name] = tensor  # type: ignore[assignment]
