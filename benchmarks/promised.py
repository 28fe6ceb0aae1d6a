"""Does a pruned net keep on fresh examples what the advice promised, and is it smaller, and no slower?

    python benchmarks/promised.py               # a dense net, convolutions with residual blocks, one of the GPT kind
    python benchmarks/promised.py --nets dense

Each net is trained for 250 steps on 900 digits; 400 others are counted and advised on; 497 are seen by neither. A row
for each net that the advice gives at .95: parameters, the fidelity that it promises with its interval, fidelity and
accuracy on the fresh digits, and the processor's time of a pass beside the whole net's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import layercensus as lc
from layercensus.data.digits import Digits

STEPS, ASKED = 250, 0.95


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(width, 2 * width, 3, padding=1, bias=False), nn.BatchNorm2d(2 * width)
        self.r1 = nn.ReLU()
        self.c2, self.b2 = nn.Conv2d(2 * width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.r2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.r2(x + self.b2(self.c2(self.r1(self.b1(self.c1(x))))))


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.a = nn.Conv2d(1, 16, 3, padding=1), nn.ReLU()
        self.blocks, self.out = nn.Sequential(Residual(16), Residual(16)), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.blocks(self.a(self.stem(x))).mean((2, 3)))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(b, t, d))


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.l1, self.at, self.l2 = nn.LayerNorm(width), Attention(width, 4), nn.LayerNorm(width)
        self.fc, self.gelu, self.pj = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.at(self.l1(x))
        return x + self.pj(self.gelu(self.fc(self.l2(x))))


class Gpt(nn.Module):
    """Reads a digit row by row."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.emb, self.pos = nn.Linear(8, width), nn.Parameter(torch.randn(8, width) * 0.02)
        self.h = nn.ModuleList(Block(width) for _ in range(2))
        self.ln, self.head = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.emb(x.squeeze(1)) + self.pos
        for block in self.h:
            x = block(x)
        return self.head(self.ln(x)[:, -1])


def dense() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(128, 10),
    )  # fmt: skip


NETS: dict[str, Callable[[], nn.Module]] = {"dense": dense, "convolutions": Convolutions, "gpt": Gpt}


def trained(make: Callable[[], nn.Module], x: Tensor, y: Tensor) -> nn.Module:
    torch.manual_seed(0)
    net = make()
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(STEPS):
        rows = torch.randint(len(x), (64,))
        optimiser.zero_grad()
        F.cross_entropy(net(x[rows]), y[rows]).backward()
        optimiser.step()
    return net.eval()


def fidelity(whole: Tensor, small: Tensor) -> float:
    a, b = (y.double() - y.double().mean(1, keepdim=True) for y in (whole, small))
    return 1 - float((a - b).square().sum() / (a - a.mean(0)).square().sum())


def seconds(net: nn.Module, x: Tensor) -> float:
    """Of the processor, for four passes: the median of 15."""
    found = []
    for _ in range(15):
        start = time.process_time()
        for _ in range(4):
            net(x)
        found.append(time.process_time() - start)
    return float(np.median(found))


def rows(name: str, whole: nn.Module, counted: tuple[Tensor, Tensor], fresh: tuple[Tensor, Tensor]) -> None:
    settings = lc.Settings(
        progress=False, pictures=0, resamples=20, needed=False, other_views=False, panel=400, calibration=200,
        held_out=100,
    )  # fmt: skip
    census = lc.take(whole, counted, twin=False, settings=settings)
    advice = census.advise(whole, counted, parts=["prune", "compress"], fidelity=[ASKED])
    x, y = fresh
    for what, small in (("prune", advice.pruned), ("compress", advice.compressed)):
        told = advice.together[advice.together["what"] == what]
        if told.empty:
            print(f"| {name} | {what} | not advised | | | | |")
            continue
        net, one = small(ASKED), told.iloc[0]
        with torch.no_grad():
            before, after = whole(x), net(x)
            times = seconds(net, x[:128]) / seconds(whole, x[:128])
        right = [float((said.argmax(1) == y).double().mean()) for said in (before, after)]
        sizes = [sum(p.numel() for p in each.parameters()) for each in (whole, net)]
        print(
            f"| {name} | {what} | {sizes[0]:,} to {sizes[1]:,} "
            f"| {one['fidelity']:.3f} [{one['low']:.3f}, {one['high']:.3f}] | {fidelity(before, after):.3f} "
            f"| {right[0]:.1%} to {right[1]:.1%} | {times:.0%} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", nargs="+", default=list(NETS), choices=list(NETS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    digits = Digits()
    x, y = digits.images, torch.as_tensor(np.asarray(digits.labels)).long()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    training, counted, fresh = ((x[part], y[part]) for part in order.split([900, 400, len(x) - 1300]))
    print("| net | advice | parameters | promised | fresh | accuracy | time |\n|---|---|---|---|---|---|---|")
    for name in asked.nets:
        rows(name, trained(NETS[name], *training), counted, fresh)


if __name__ == "__main__":
    main()
