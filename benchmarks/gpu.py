"""What a census costs on a device beside the bare passes that it makes itself, on three nets with random weights.

    python benchmarks/gpu.py                                  # on a GPU: 50,000 images of 224 x 224 from host memory
    python benchmarks/gpu.py --nets ResNet-50 --dtype auto    # of one net, in float32 as torch has it
    python benchmarks/gpu.py --all-needed --nets ResNet-50    # what all its layers need, on 512 of them
    python benchmarks/gpu.py --device cpu --smoke             # a few small ones, to see that it runs

Prints the device, seconds of the bare passes and of the census, their ratio, that of a further image, and the peak of
the memory on a GPU. Bare passes and census take the same batches from the same tensor, warm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.layers.device import asked_device, in_words, on_device
from layercensus.layers.modes import evaluating


class Residual(nn.Module):
    """A bottleneck of ResNet-50's (He et al. 2016)."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.conv1, self.bn1 = nn.Conv2d(inside, width, 1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out)
        self.short = None
        if stride > 1 or inside != out:
            self.short = nn.Sequential(nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        self.act1, self.act2, self.act3 = nn.ReLU(), nn.ReLU(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.act2(self.bn2(self.conv2(y)))))
        return self.act3(y + (x if self.short is None else self.short(x)))


def resnet(depths: tuple[int, ...] = (3, 4, 6, 3), width: int = 64) -> nn.Module:
    """ResNet-50, or a smaller one."""
    parts: list[nn.Module] = [nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    parts.append(nn.MaxPool2d(3, 2, 1))
    inside = width
    for stage, depth in enumerate(depths):
        for block in range(depth):
            parts.append(Residual(inside, width << stage, 2 if stage and not block else 1))
            inside = 4 * (width << stage)
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 1000))


class Transformer(nn.Module):
    """ViT-B/16 (Dosovitskiy et al. 2021) without its class token, or a smaller one."""

    def __init__(self, width: int = 768, depth: int = 12, heads: int = 12, side: int = 224) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 16, 16)
        self.place = nn.Parameter(0.02 * torch.randn(1, (side // 16) ** 2, width))
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, nn.GELU(), batch_first=True, norm_first=True
        )  # fmt: skip
        self.blocks = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.head = nn.Linear(width, 1000)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patch(x).flatten(2).transpose(1, 2) + self.place
        out: Tensor = self.head(self.blocks(tokens).mean(1))
        return out


def line(width: int = 256, depth: int = 8) -> nn.Module:
    """A net of convolutions over signals."""
    parts: list[nn.Module] = []
    for number in range(depth):
        parts += [nn.Conv1d(width if number else 1, width, 9, 2, 4), nn.BatchNorm1d(width), nn.ReLU()]
    return nn.Sequential(*parts, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(width, 10))


@dataclass(frozen=True)
class Case:
    """A net and the shape of its examples."""

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]


FULL = (
    Case("ResNet-50", resnet, (3, 224, 224)), Case("ViT-B/16", Transformer, (3, 224, 224)),
    Case("1-D", line, (1, 16_384)),
)  # fmt: skip
SMOKE = (
    Case("small ResNet", lambda: resnet((1, 1), 8), (3, 32, 32)),
    Case("small transformer", lambda: Transformer(32, 2, 2, 32), (3, 32, 32)),
    Case("small 1-D", lambda: line(8, 3), (1, 256)),
)


def examples(shape: tuple[int, ...], count: int) -> Tensor:
    """(count, *shape): smooth random examples, so that no two are alike."""
    chance = torch.Generator().manual_seed(0)
    coarse = torch.randn(count, shape[0], *(side // 16 for side in shape[1:]), generator=chance)
    return nn.functional.interpolate(coarse, size=shape[1:], mode="nearest")


def bare(net: nn.Module, x: Tensor, batch: int, device: torch.device, dtype: torch.dtype | None) -> float:
    """Seconds to bring every example to the device and through the net."""
    _wait(device)
    begun = time.perf_counter()
    with on_device([net], device), evaluating(net), torch.autocast(device.type, dtype, enabled=dtype is not None):
        for part in x.split(batch):
            net(part.to(device))
        _wait(device)
    return time.perf_counter() - begun


def census(net: nn.Module, x: Tensor, settings: lc.Settings, *, twin: bool = False) -> float:
    """Seconds of a whole census without its page."""
    begun = time.perf_counter()
    lc.take(net, x, twin=twin, settings=settings)
    return time.perf_counter() - begun


def measured(case: Case, count: int, settings: lc.Settings, device: torch.device) -> None:
    """Print one line for a net."""
    torch.manual_seed(0)
    net, x = case.make(), examples(case.shape, count)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(settings.dtype)
    bare(net, x[: 2 * settings.batch], settings.batch, device, dtype)
    passes = count + 2 * min(settings.panel, count)
    plain = bare(net, x, settings.batch, device, dtype)
    peak_bare = _peak(device)
    half = census(net, x[: count // 2], settings)
    whole = census(net, x, settings)
    further = (whole - half) / (count - count // 2) / (plain / count)
    print(
        f"{case.name}, {settings.dtype}: {passes:,} bare passes {plain * passes / count:.1f} s, census {whole:.1f} s, "
        f"ratio {whole / (plain * passes / count):.2f}, a further image {further:.2f}"
        + (f", peak {_peak(device) / 1e9:.2f} GB (bare {peak_bare / 1e9:.2f})" if device.type == "cuda" else ""),
        flush=True,
    )


def all_needed(case: Case, settings: lc.Settings) -> None:
    """Print how long the question takes what every counted layer needs, beside the same census without it."""
    torch.manual_seed(0)
    net, x = case.make(), examples(case.shape, settings.panel)
    census(net, x, settings)  # warm
    without, whole = census(net, x, settings), census(net, x, replace(settings, needed="all"))
    print(
        f"{case.name}: what all layers need on {settings.panel} examples {whole - without:.1f} s "
        f"(census {whole:.1f} s, without {without:.1f} s)",
        flush=True,
    )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak(device: torch.device) -> int:
    """Bytes at most since this was asked last."""
    if device.type != "cuda":
        return 0
    most = torch.cuda.max_memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    return int(most)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--dtype", nargs="*", default=["auto", "bf16"])
    parser.add_argument("--needed", action="store_true", help="also with a twin and what the net needs, in seconds")
    parser.add_argument("--nets", nargs="*", help="names of some of the nets")
    parser.add_argument("--all-needed", action="store_true", help="seconds of what every layer needs, and nothing else")
    parser.add_argument("--smoke", action="store_true")
    asked = parser.parse_args()
    device = asked_device(asked.device)
    assert device is not None
    print(f"{in_words(device)}, torch {torch.__version__}, one run")
    count, batch = (96, 16) if asked.smoke else (asked.count, asked.batch)
    settings = lc.Settings(
        device=str(device), batch=batch, needed=False, pictures=0, twins=1, progress=False,
        panel=16 if asked.smoke else 2048,
    )  # fmt: skip
    cases = SMOKE if asked.smoke else FULL
    for case in [case for case in cases if asked.nets is None or case.name in asked.nets]:
        if asked.all_needed:
            all_needed(case, replace(settings, panel=16 if asked.smoke else 512))
            continue
        for dtype in asked.dtype[:1] if asked.smoke else asked.dtype:
            measured(case, count, replace(settings, dtype=dtype), device)
        if asked.needed:
            net, x = case.make(), examples(case.shape, count)
            seconds = census(net, x, replace(settings, needed="some"), twin=True)
            print(f"{case.name}: with twin and what it needs {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
