"""Weights from files: what fits is loaded and gives the same answers, what does not is named in one line."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from layercensus.errors import CensusError
from layercensus.models.open import open_model
from layercensus.models.twin import untrained
from tests.user_models import Small, small


def exported(state: dict[str, Tensor], folder: Path) -> Path:
    net = Small()
    net.load_state_dict(state)
    torch.export.save(torch.export.export(net.eval(), (torch.randn(2, 1, 8, 8),)), folder / "net.pt2")
    return folder / "net.pt2"


Save = Callable[[dict[str, Tensor], Path], Path]
NAME = "tests.user_models:small"


def trained() -> Small:
    torch.manual_seed(7)
    return Small()


def torch_saved(wrap: Callable[[dict[str, Tensor]], object], name: str) -> Save:
    def save(state: dict[str, Tensor], folder: Path) -> Path:
        torch.save(wrap(state), folder / name)
        return folder / name

    return save


def one_file(state: dict[str, Tensor], folder: Path) -> Path:
    save_file(state, folder / "net.safetensors")
    return folder / "net.safetensors"


def sharded(state: dict[str, Tensor], folder: Path) -> Path:
    names = list(state)
    where = {name: f"model-{n % 2}.safetensors" for n, name in enumerate(names)}
    for file in set(where.values()):
        save_file({name: state[name] for name in names if where[name] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return folder


def sharded_index(state: dict[str, Tensor], folder: Path) -> Path:
    return sharded(state, folder) / "model.safetensors.index.json"


FORMS: dict[str, Save] = {
    "a safetensors file": one_file,
    "a state dict": torch_saved(lambda state: state, "net.pt"),
    "a checkpoint": torch_saved(lambda state: {"epoch": 3, "state_dict": state}, "last.ckpt"),
    "one of DataParallel": torch_saved(lambda state: {f"module.{n}": t for n, t in state.items()}, "net.pth"),
    "one of torch.compile": torch_saved(lambda state: {f"_orig_mod.{n}": t for n, t in state.items()}, "net.bin"),
    "one of a trainer": torch_saved(lambda state: {"state_dict": {f"net.{n}": t for n, t in state.items()}}, "a.ckpt"),
    "a sharded folder": sharded,
    "the index of one": sharded_index,
    "an exported net": exported,
}
EXPORTS = pytest.mark.filterwarnings("ignore::FutureWarning")  # of torch's own, when it exports


@EXPORTS
@pytest.mark.parametrize("form", FORMS)
def test_the_net_answers_as_the_one_that_was_saved(form: str, tmp_path: Path) -> None:
    net, x = trained(), torch.randn(3, 1, 8, 8)
    file = FORMS[form](net.state_dict(), tmp_path)
    opened = open_model(f"{NAME}@{file}")
    assert torch.equal(opened.net(x), net(x))
    assert not torch.equal(small()(x), net(x))
    assert opened.name == f"{NAME}@{file}"
    assert opened.about == {"weights from": f"the file {file.name}"}


def refused(state: object, file: Path) -> str:
    torch.save(state, file)
    with pytest.raises(CensusError) as caught:
        open_model(f"{NAME}@{file}")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    state = trained().state_dict()
    del state["conv1.bias"]
    state |= {"conv9.weight": torch.zeros(2), "fc.weight": torch.zeros(5, 6)}
    assert refused(state, tmp_path / "net.pt") == (
        f"The weights in {tmp_path / 'net.pt'} must fit {NAME}. Got others: missing: conv1.bias; "
        "left over: conv9.weight; of another shape: fc.weight (5, 6) for (10, 6)."
    )


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return print, ("code of the file runs",)


def test_no_code_of_the_file_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "net.pt"
    assert "cannot be read: UnpicklingError" in refused({"state_dict": Bomb()}, file)
    file.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CensusError, match="cannot be read"):
        open_model(f"{NAME}@{file}")
    assert capfd.readouterr().out == ""


@EXPORTS
def test_no_code_of_an_exported_net_runs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = exported(trained().state_dict(), tmp_path)
    with zipfile.ZipFile(file) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    config = next(name for name in held if name.endswith("model_weights_config.json"))
    entries = json.loads(held[config])
    entries["config"]["fc.bias"]["use_pickle"] = True
    weight = f"{config.rpartition('/')[0]}/{entries['config']['fc.bias']['path_name']}"
    held |= {config: json.dumps(entries).encode(), weight: pickle.dumps(Bomb())}
    with zipfile.ZipFile(file, "w") as archive:
        for name, part in held.items():
            archive.writestr(name, part)
    with pytest.raises(CensusError, match=r"must be plain numbers. fc.bias is not"):
        open_model(f"{NAME}@{file}")
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("state", "said"), [(torch.zeros(3), "Got Tensor."), ({"epoch": 3, "loss": 0.5}, "Got epoch, loss."), ({}, "Got .")]
)
def test_what_holds_no_weights(state: object, said: str, tmp_path: Path) -> None:
    assert refused(state, tmp_path / "net.pt").endswith(said)


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CensusError, match=r"Weights must be a file or a folder. Got .*none.pt, which is not there"):
        open_model(f"{NAME}@{tmp_path / 'none.pt'}")
    index = sharded_index(trained().state_dict(), tmp_path)
    (tmp_path / "model-1.safetensors").unlink()
    with pytest.raises(CensusError, match=r"Missing: model-1.safetensors"):
        open_model(f"{NAME}@{index}")


class Wide(nn.Module):
    """Initialised by rules of its own, which `reset_parameters` knows nothing of."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(20, 30)
        nn.init.normal_(self.fc.weight, std=3.0)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(x)
        return out


def wide() -> nn.Module:
    return Wide()


def test_the_twin_is_the_factorys_own_where_that_is_random(tmp_path: Path) -> None:
    save_file(Wide().state_dict(), tmp_path / "net.safetensors")
    opened = open_model(f"{__name__}:wide@{tmp_path / 'net.safetensors'}")
    assert opened.fresh is not None
    twin = untrained(opened, 0)[0]
    assert float(twin.get_parameter("fc.weight").detach().std()) == pytest.approx(3.0, rel=0.15)
    always_the_same = open_model(f"{NAME}@{one_file(trained().state_dict(), tmp_path)}")  # it sets the seed itself
    assert always_the_same.fresh is None
