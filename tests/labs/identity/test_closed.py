"""What one layer learns from one picture is known: gradient descent, the expected error, and the counts of weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from layercensus.labs.identity.inputs import make_inputs
from layercensus.labs.identity.nets import Shape, build, parameters

from .closed import convolution, full_layer, full_layer_error, patch_rank


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def descended(start: Tensor, loss: nn.Module | object, steps: int) -> Tensor:
    """Conjugate gradients, with the exact step on a quadratic: what gradient descent reaches, sooner."""
    w = start.clone().requires_grad_()
    direction = before = None
    for _ in range(steps):
        (g,) = torch.autograd.grad(loss(w), w)  # type: ignore[operator]
        if float(g.norm()) < 1e-13:
            break
        direction = -g if before is None else -g + direction * (g.square().sum() / before.square().sum())
        (curved,) = torch.autograd.grad(loss(w + direction), w)  # type: ignore[operator]
        slope, bent = (g * direction).sum(), ((curved - g) * direction).sum()
        w = (w - direction * slope / bent).detach().requires_grad_()
        before = g
    return w.detach()


def test_one_full_layer_by_plain_gradient_descent(rng: torch.Generator) -> None:
    x = torch.rand(30, dtype=torch.float64, generator=rng)
    start = torch.randn(30, 30, dtype=torch.float64, generator=rng) / 30**0.5
    w = start.clone()
    for _ in range(2000):
        w = w - 0.5 / float(x @ x) * torch.outer(w @ x - x, x)
    assert float((w - full_layer(start, x)).abs().max()) < 1e-6


def test_expected_error_of_one_full_layer(rng: torch.Generator) -> None:
    d, scale = 40, 0.3
    x, z = torch.rand(2, d, dtype=torch.float64, generator=rng)
    errors = [
        float((full_layer(scale * torch.randn(d, d, dtype=torch.float64, generator=rng), x) @ z - z).square().sum())
        for _ in range(4000)
    ]
    assert sum(errors) / len(errors) == pytest.approx(full_layer_error(x, z, scale), rel=0.02)


@pytest.mark.parametrize("kernel", [3, 5])
def test_one_convolution_on_a_real_digit(kernel: int, rng: torch.Generator) -> None:
    x = make_inputs().training[0, 0].double()
    start = torch.randn(kernel, kernel, dtype=torch.float64, generator=rng)

    def loss(w: Tensor) -> Tensor:
        out = nn.functional.conv2d(x[None, None], w[None, None], padding=kernel // 2)[0, 0]
        return (out - x).square().sum() / 2

    assert float((descended(start, loss, 400) - convolution(start, x)).abs().max()) < 1e-4
    assert patch_rank(x, kernel) == kernel**2
    delta = torch.zeros(kernel, kernel, dtype=torch.float64)
    delta[kernel // 2, kernel // 2] = 1
    assert float((convolution(start, x) - delta).abs().max()) < 1e-4


def test_a_convolution_keeps_what_no_patch_tells_it(rng: torch.Generator) -> None:
    x = torch.zeros(12, 12, dtype=torch.float64)
    x[0, 0] = 1  # only nine positions see it
    assert patch_rank(x, 5) == 9
    start = torch.randn(5, 5, dtype=torch.float64, generator=rng)
    learned = convolution(start, x)

    def loss(w: Tensor) -> Tensor:
        out = nn.functional.conv2d(x[None, None], w[None, None], padding=2)[0, 0]
        return (out - x).square().sum() / 2

    assert float((descended(start, loss, 100) - learned).abs().max()) < 1e-9
    out = nn.functional.conv2d(x[None, None], learned[None, None], padding=2)[0, 0]
    assert float((out - x).abs().max()) < 1e-9
    delta = torch.zeros(5, 5, dtype=torch.float64)
    delta[2, 2] = 1
    assert float((learned - delta).abs().max()) > 0.1


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        (Shape(depth=20, channels=128, bias=False), 7_379_200),
        (Shape(kind="fc", depth=6, bias=False), 3_687_936),
        (Shape(depth=3, channels=4), 4 * 25 + 4 + 16 * 25 + 4 + 4 * 25 + 1),
        (Shape(kind="fc", depth=2), None),
        (Shape(depth=1, channels=9), 26),
    ],
)
def test_counts_of_parameters(shape: Shape, count: int | None) -> None:
    counted = sum(p.numel() for p in build(shape, 0).parameters())
    assert parameters(shape) == counted
    assert count is None or counted == count
