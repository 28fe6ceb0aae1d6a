"""Whether an example depends on the others is asked in whole float32: shorter products follow the batch's size."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.layers.survey import survey
from layercensus.layers.torch_state import neutral

seen = set[tuple[str, bool]]()  # not of the net, whose state a survey puts back


class Noting(nn.Module):
    """A net that notes what torch allows for its products."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        seen.add((torch.get_float32_matmul_precision(), shortened()))
        out: Tensor = self.conv(x).relu().mean((2, 3))
        return out


def shortened() -> bool:
    """Whether cuDNN's convolutions may take TF32."""
    conv = getattr(torch.backends.cudnn, "conv", None)
    return torch.backends.cudnn.allow_tf32 if conv is None else conv.fp32_precision == "tf32"


def test_a_survey_sees_whole_products_whatever_the_caller_allows() -> None:
    torch.set_float32_matmul_precision("high")
    before = shortened()
    try:
        seen.clear()
        with neutral():
            survey(Noting(), torch.randn(3, 1, 8, 8))
        assert seen == {("highest", False)}
        assert (torch.get_float32_matmul_precision(), shortened()) == ("high", before)
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
def test_examples_of_a_deep_convolution_net_are_read_together_on_a_gpu() -> None:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for number in range(12):
        parts += [nn.Conv2d(64 if number else 3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()]
    net = nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))
    settings = lc.Settings(progress=False, needed=False, twins=1, panel=32, batch=32)
    census = lc.take(net, torch.randn(64, 3, 32, 32), device="cuda", settings=settings)
    assert not [f.sentence for f in census.findings if "alone" in f.sentence or "one by one" in f.sentence]
    with neutral():
        assert {layer.alone for layer in survey(net.cuda().eval(), torch.randn(8, 3, 32, 32).cuda())} == {None}
