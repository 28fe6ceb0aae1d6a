"""What torch and numpy are set to: the library's own state for statistics, the caller's for the caller's net."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.overrides import _get_current_function_mode_stack, _pop_mode, _push_mode
from torch.utils._python_dispatch import _disable_current_modes, _get_current_dispatch_mode_stack

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}  # as a user says them
DEVICES = ("cpu", "cuda", "xpu", "mps")  # that autocast knows
WARNING = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}  # numpy's own defaults


@dataclass(frozen=True)
class Precision:
    """In which precision torch computes what does not say so itself."""

    autocast: tuple[tuple[bool, torch.dtype], ...]  # of each of DEVICES: on, and to what
    cache: bool
    dtype: torch.dtype  # of new tensors
    matmul: str


@dataclass(frozen=True)
class Caller:
    """What a caller had set before a function of the library began."""

    precision: Precision
    inference: bool
    functions: tuple[Any, ...]  # modes, such as that of a default device, the outermost first
    dispatches: tuple[Any, ...]


PLAIN = Precision(((False, torch.bfloat16),) * len(DEVICES), True, torch.float32, "highest")
_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


@contextmanager
def neutral() -> Iterator[None]:
    """Torch as it starts, whatever the caller has set; afterwards all of it is as it was, also after an error.

    That is: no autocast, float32 for new tensors and whole float32 products, the CPU as default device, no inference
    mode, no mode of the caller's over functions, and numpy's own treatment of floating-point errors. Autocast,
    inference mode, modes and a default device belong to a thread; the other settings to the whole process, so that
    another thread sees them as they are here meanwhile. Random numbers, threads and determinism stay.

    >>> with torch.autocast("cpu"), neutral():
    ...     torch.is_autocast_enabled("cpu")
    False
    """
    before = _present()
    known = _caller.get()
    with ExitStack() as stack:
        if known is None:
            stack.callback(_caller.set, None)
            _caller.set(before)
        _enter(stack, PLAIN, before.precision)
        if before.inference:
            gradients = torch.is_grad_enabled()
            stack.enter_context(torch.inference_mode(False))
            stack.enter_context(torch.set_grad_enabled(gradients if known is not None else True))
        if before.dispatches:
            stack.enter_context(_disable_current_modes())
        for mode in reversed(before.functions):
            _pop_mode()  # type: ignore[no-untyped-call]
            stack.callback(_push_mode, mode)
        stack.enter_context(np.errstate(**WARNING))  # type: ignore[arg-type]
        yield


@contextmanager
def as_called() -> Iterator[None]:
    """Inside `neutral`, what the caller had set, for a forward pass of the caller's net; gradients stay as they are.

    Autocast keeps no copies of weights: those made without gradients would serve the caller's training afterwards.
    """
    caller = _caller.get()
    if caller is None:
        yield
        return
    with ExitStack() as stack:
        here = _present()
        _enter(stack, caller.precision, here.precision, cache=False)
        if caller.inference and not here.inference and not torch.is_grad_enabled():
            stack.enter_context(torch.inference_mode())
        for mode in (*caller.functions, *caller.dispatches):
            stack.enter_context(mode)
        yield


@contextmanager
def forward_in(dtype: torch.dtype | None, device: str) -> Iterator[None]:
    """Inside `neutral`, forward passes of the caller's net under autocast to `dtype`; None: as the caller has it.

    device: the kind on which the net runs.
    """
    caller = _caller.get()
    if dtype is None or caller is None:
        yield
        return
    autocast = tuple(
        (True, dtype) if kind == device else own for kind, own in zip(DEVICES, caller.precision.autocast, strict=True)
    )
    token = _caller.set(replace(caller, precision=replace(caller.precision, autocast=autocast)))
    try:
        yield
    finally:
        _caller.reset(token)


@contextmanager
def whole_products(*, autocast: bool = True) -> Iterator[None]:
    """Inside `neutral`, float32 products of the caller's net in float32 also where the caller allows shorter ones.

    autocast: whether what the caller asked for by autocast stays.

    A GPU's convolutions take TF32 as torch starts, whose rounding, some 1e-3, follows the size of the batch: by
    comparison an example then seems to follow the others. https://docs.pytorch.org/docs/stable/notes/cuda.html
    """
    caller = _caller.get()
    if caller is None:
        yield
        return
    asked = caller.precision if autocast else replace(caller.precision, autocast=PLAIN.autocast)
    token = _caller.set(replace(caller, precision=replace(asked, matmul="highest")))
    convolutions = [part for part in (_cudnn("conv"), _cudnn("rnn")) if part is not None]
    before = [part.fp32_precision for part in convolutions]
    try:
        for part in convolutions:
            part.fp32_precision = "ieee"
        with nullcontext() if convolutions else _older_cudnn():
            yield
    finally:
        for part, was in zip(convolutions, before, strict=True):
            part.fp32_precision = was
        _caller.reset(token)


def _cudnn(part: str) -> Any:
    """The setting of a kind of cuDNN's operations in torch 2.9 and later."""
    found = getattr(torch.backends.cudnn, part, None)
    return found if hasattr(found, "fp32_precision") else None


@contextmanager
def _older_cudnn() -> Iterator[None]:
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def _present() -> Caller:
    autocast = tuple((torch.is_autocast_enabled(d), torch.get_autocast_dtype(d)) for d in DEVICES)
    precision = Precision(
        autocast, torch.is_autocast_cache_enabled(), torch.get_default_dtype(), torch.get_float32_matmul_precision()
    )
    functions, dispatches = _get_current_function_mode_stack(), _get_current_dispatch_mode_stack()  # type: ignore[no-untyped-call]
    return Caller(precision, torch.is_inference_mode_enabled(), tuple(functions), tuple(dispatches))


def _enter(stack: ExitStack, wanted: Precision, before: Precision, *, cache: bool = True) -> None:
    """Set what differs, and what was before when the stack ends."""
    for device, (on, dtype), (was_on, was) in zip(DEVICES, wanted.autocast, before.autocast, strict=True):
        if on != was_on or (on and dtype != was):
            stack.callback(torch.set_autocast_dtype, device, was)
            stack.callback(torch.set_autocast_enabled, device, was_on)
            torch.set_autocast_enabled(device, on)
            if on:
                torch.set_autocast_dtype(device, dtype)
    if any(on for on, _ in wanted.autocast) and before.cache != cache:
        stack.callback(torch.set_autocast_cache_enabled, before.cache)
        torch.set_autocast_cache_enabled(cache)
    if wanted.dtype != before.dtype:
        stack.callback(torch.set_default_dtype, before.dtype)
        torch.set_default_dtype(wanted.dtype)
    if wanted.matmul != before.matmul:
        stack.callback(torch.set_float32_matmul_precision, before.matmul)
        torch.set_float32_matmul_precision(wanted.matmul)
