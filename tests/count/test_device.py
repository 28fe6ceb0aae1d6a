"""Where nets run and in which precision: neither changes what is counted, and everything is put back."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.cli.app import main
from layercensus.layers.device import device_named, device_of, in_words, on_cpu, on_device
from layercensus.models.model import Model
from layercensus.models.twin import untrained
from layercensus.testing.planted import Truth, planted

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
QUICK = lc.Settings(progress=False, needed=False, twins=1)


def normed() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


def test_a_net_comes_back_as_the_very_tensors_that_it_was() -> None:
    net = normed()
    net(torch.randn(5, 1, 8, 8)).sum().backward()
    before = {name: (tensor, tensor.data_ptr()) for name, tensor in net.state_dict(keep_vars=True).items()}
    gradient = net[0].weight.grad.clone()  # type: ignore[union-attr,operator]
    with suppress(KeyError), on_device([net], torch.device("meta")):  # a device whose tensors hold nothing
        there = {tensor.device.type for tensor in net.state_dict().values()}
        raise KeyError
    assert there == {"meta"}
    after = net.state_dict(keep_vars=True)
    assert {name: (tensor, tensor.data_ptr()) for name, tensor in after.items()} == before
    assert net[0].weight.grad.device.type == "cpu"  # type: ignore[union-attr]
    assert gradient.shape == net[0].weight.grad.shape  # type: ignore[union-attr]


def test_a_net_that_is_there_is_not_touched() -> None:
    net = normed()
    with on_device([net], torch.device("cpu")), on_cpu(net):
        net[0].bias.data += 1  # type: ignore[operator,union-attr]
    assert device_of(net) == torch.device("cpu")
    assert torch.equal(net[0].bias, normed()[0].bias + 1)  # type: ignore[arg-type,operator]


def test_auto_is_a_gpu_where_there_is_one() -> None:
    kinds = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    expected = next((kind for kind, there in kinds.items() if there), "cpu")
    assert device_named("auto").type == expected
    assert device_of(normed().to("meta")).type == "cpu"  # nothing lies on it
    assert in_words(torch.device("cpu")) == "cpu"


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "tpu", 3, ""])
def test_a_device_that_torch_has_no_name_for_is_refused(name: object) -> None:
    with pytest.raises(lc.CensusError, match=r"^device must be auto, cpu, cuda, cuda:1 or mps\. Got "):
        lc.Settings(device=name)  # type: ignore[arg-type]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_here_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(lc.CensusError, match=r"^device must be one that torch can use here: auto, .*Got 'cuda'"):
        lc.take(normed(), torch.randn(9, 1, 8, 8), device="cuda", settings=QUICK)
    for words in (
        ["run", "digits", "digits", "--out", str(tmp_path)],
        ["layers", "digits"],
        ["see", "digits", "out:0"],
        ["demo"],
    ):
        assert main([*words, "--device", "cuda"]) == 2
        assert "--device must be one that torch can use here" in capsys.readouterr().err


def test_the_device_is_said_in_take_and_in_settings() -> None:
    x = torch.randn(40, 1, 8, 8)
    tables = [
        lc.take(normed(), x, settings=QUICK).layers,
        lc.take(normed(), x, device="cpu", settings=QUICK).layers,
        lc.take(normed(), x, settings=lc.Settings(progress=False, needed=False, twins=1, device="cpu")).layers,
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])
    assert lc.layers_of(normed(), x, device="cpu") == lc.layers_of(normed(), x)


class Watched(nn.Module):
    """Remembers the precision of what its layers give."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.seen = net, set[torch.dtype]()
        for part in net.modules():
            if isinstance(part, (nn.Linear, nn.Conv2d)):
                part.register_forward_hook(lambda module, args, out: self.seen.add(out.dtype))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)  # type: ignore[no-any-return]


@pytest.mark.parametrize(("name", "dtype"), [("bf16", torch.bfloat16), ("fp16", torch.float16)])
@pytest.mark.parametrize("kind", ["linear", "conv", "token"])
def test_half_precision_is_of_forward_passes_alone(kind: str, name: str, dtype: torch.dtype) -> None:
    made = planted(kind, Truth(6, 2, dead=2, noise=3), seed=3)
    net = Watched(made.net)
    settings = lc.Settings(progress=False, needed=False, dtype=name)
    census = lc.take(net, made.data, views=made.views, layers="net.layers.0", twin=False, settings=settings)
    row = census.layers.iloc[0]
    assert net.seen == {dtype}
    assert (row["distinct"], row["dead"], row["noise"], row["duplicate"]) == (6, 2, 3, 6)
    layer = made.net.layers[0]  # type: ignore[union-attr,index]
    with torch.no_grad(), torch.autocast("cpu", dtype):
        out = layer(made.data).float()
    expected = out.double() if kind == "linear" else out.mean((2, 3) if kind == "conv" else 1).double()
    np.testing.assert_allclose(census.units["mean"].astype(float), expected.mean(0), rtol=1e-5, atol=1e-6)
    net(made.data[:2])
    assert net.seen == {dtype, torch.float32}


@CUDA
def test_a_twin_is_drawn_alike_on_every_device() -> None:
    here, there = normed(), normed().cuda()
    twins = [untrained(Model(net, "net"), 7)[0] for net in (here, there)]
    assert device_of(twins[1]).type == "cuda"
    for one, other in zip(twins[0].parameters(), twins[1].parameters(), strict=True):
        assert torch.equal(one, other.cpu())


@CUDA
@pytest.mark.parametrize("kind", ["linear", "conv", "token"])
def test_planted_counts_are_the_same_on_cuda(kind: str) -> None:
    made = planted(kind, Truth(6, 2, dead=2, noise=3), seed=3)
    tables = [
        lc.take(made.net, made.data, views=made.views, twin=False, device=device, settings=QUICK).layers
        for device in ("cpu", "cuda")
    ]
    counts = ["distinct", "dead", "noise", "duplicate"]
    pd.testing.assert_frame_equal(tables[0][counts], tables[1][counts])
