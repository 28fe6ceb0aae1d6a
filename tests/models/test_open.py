from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from layercensus.errors import CensusError
from layercensus.models.factory import import_factory
from layercensus.models.model import Model
from layercensus.models.open import open_model

USERS = """
from torch import nn
from layercensus import Model

def make_net():
    return nn.Sequential(nn.Linear(3, 2))

class Net(nn.Linear):
    def __init__(self):
        super().__init__(2, 2)

def make_model():
    return Model(nn.Linear(1, 1), "mine", classes=("a",))

def number():
    return 3

def fails():
    raise RuntimeError("out of paper\\nand ink")

def leaves():
    raise SystemExit(2)

def needs(width):
    return nn.Linear(width, width)

net = nn.Linear(2, 2)
size = 3
"""


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module in the current folder."""
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p])
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users_nets.py").write_text(USERS)
    (tmp_path / "broken_nets.py").write_text("import no_such_dependency\n")
    (tmp_path / "script_nets.py").write_text("raise SystemExit('usage: script')\n")
    (tmp_path / "wrong_nets.py").write_text("def make(:\n")
    return "users_nets"


@pytest.mark.filterwarnings("ignore:.*script_method:DeprecationWarning")
def test_a_module_and_a_model() -> None:
    net = nn.Linear(2, 3)
    opened = open_model(net)
    assert opened.net is net
    assert opened.name == "Linear"
    assert (opened.fresh, opened.prepare, opened.example) == (None, None, None)
    assert open_model(opened) is opened
    assert open_model(torch.compile(net)).name == "Linear"  # type: ignore[arg-type]


@pytest.mark.parametrize(("factory", "kind"), [("make_net", nn.Sequential), ("Net", nn.Linear)])
def test_a_factory_in_the_current_folder(users: str, factory: str, kind: type) -> None:
    opened = open_model(f"{users}:{factory}")
    assert isinstance(opened.net, kind)
    assert opened.name == f"{users}:{factory}"


def test_a_factory_may_give_a_model(users: str) -> None:
    assert open_model(f"{users}:make_model").classes == ("a",)


def test_a_factory_in_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab_of_nets" / "deep").mkdir(parents=True)
    (tmp_path / "lab_of_nets" / "deep" / "six.py").write_text("make = dict")
    assert import_factory("lab_of_nets.deep.six:make", "data") is dict


FAILURES = {
    "no_such_module:make": "model must be one of module:factory, ",
    "users_nets.deeper:make": "no module named 'users_nets.deeper'",
    "users_nets:make_nut": "model must name something in the module users_nets. Got 'users_nets:make_nut': not in it. "
    "Did you mean users_nets:make_net",
    "users_nets:zzz": "model must name something in the module users_nets. Got 'users_nets:zzz': not in it.",
    "users_nets:size": "users_nets:size must be a function. Got int.",
    "users_nets:net": "users_nets:net must be a function that returns the net. Got the net itself (Linear).",
    "users_nets:number": "users_nets:number must return an nn.Module. Got int.",
    "users_nets:fails": "The factory users_nets:fails failed: RuntimeError: out of paper",
    "users_nets:leaves": "The factory users_nets:leaves failed: SystemExit: 2",
    "users_nets:needs": "The factory users_nets:needs failed: TypeError: needs() missing 1 required positional",
    "broken_nets:make": "The module broken_nets cannot be imported: ModuleNotFoundError: No module named 'no_such_dep",
    "script_nets:make": "The module script_nets cannot be imported: SystemExit: usage: script",
    "wrong_nets:make": "The module wrong_nets cannot be imported: SyntaxError: invalid syntax (wrong_nets.py, line 1)",
}


@pytest.mark.parametrize("text", FAILURES)
def test_every_failure_is_one_line_that_names_the_cause(users: str, text: str) -> None:
    with pytest.raises(CensusError) as caught:
        open_model(text)
    assert FAILURES[text] in str(caught.value)
    assert "\n" not in str(caught.value)


UNKNOWN = {
    "digit": "digits, ",
    "efficientnet-lite0": "efficientnet-lite:0, ",
    "EfficientNet-Lite:0": "efficientnet-lite:0, ",
    "hf": "hf:NAME_OR_FOLDER, ",
    "hf:": "hf:NAME_OR_FOLDER, ",
    "net.pt2": "",
    "a\0b": "",
    "\ud800.pt": "",
    "x" * 9000: "",
    "/a/folder:make": "",
    "": "",
}


@pytest.mark.parametrize("text", UNKNOWN)
def test_an_unknown_name_lists_what_exists_nearest_first(text: str) -> None:
    with pytest.raises(CensusError) as caught:
        open_model(text)
    assert str(caught.value).startswith(f"model must be one of {UNKNOWN[text]}")
    assert str(caught.value).endswith(f". Got {text!r}.")
    assert all(
        name in str(caught.value) for name in ("digits", "efficientnet-lite:0", "hf:NAME_OR_FOLDER", "module:factory")
    )


@pytest.mark.parametrize("text", ["timm_not_here:resnet50", "a.b.c:d"])
def test_an_unknown_prefix_lists_what_exists(text: str) -> None:
    with pytest.raises(CensusError, match=r"efficientnet-lite:0.*no module named '"):
        open_model(text)


def test_what_is_no_model() -> None:
    with pytest.raises(CensusError, match=r"model must be an nn.Module or a short name. Got int."):
        open_model(3)  # type: ignore[arg-type]
    with pytest.raises(CensusError, match=r"Got a DataParallel at '0': put its \.module in its place"):
        open_model(nn.Sequential(nn.DataParallel(nn.Linear(1, 1))))


def test_a_model_is_a_value() -> None:
    with pytest.raises(AttributeError):
        Model(nn.Linear(1, 1), "net").name = "other"  # type: ignore[misc]


INSTEAD = {
    "weights.pt": "Weights alone are no model: write a function that builds the net, and name both: "
    "module:factory@weights.pt. Got 'weights.pt'.",
    "runs/best.pth": "Weights alone are no model",
    "last.ckpt": "Weights alone are no model",
    "pytorch_model.bin": "Weights alone are no model",
    "MODEL.SAFETENSORS": "Weights alone are no model",
    "net.pt2": "An exported graph has no layers to read, but its weights can be: write a function that builds the net, "
    "and name both: module:factory@net.pt2. Got 'net.pt2'.",
    "net.onnx": "A graph has no layers to read",
    "resnet50": "A net of a library is named with it: timm:resnet50, torchvision:resnet50 or hf:resnet50. Got 'resn",
    "efficientnet-lite0": "hf:NAME_OR_FOLDER",  # near what there is: no more said
    "nets.py": "Name a function of that file that returns the net: nets:FUNCTION. Got 'nets.py'.",
    "saved": "A folder that transformers saved is named hf:saved. Got 'saved'.",
    "saved/": "A folder that transformers saved is named hf:saved/. Got 'saved/'.",
    "bare": "A folder is no model: write a function that returns the net, and name it module:factory. Got 'bare'.",
    "held": "Weights alone are no model",
}


@pytest.mark.parametrize("text", INSTEAD)
def test_files_and_folders_are_answered_with_what_opens_them(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, files in {"saved": ("config.json", "model.safetensors"), "bare": (), "held": ("a.pt",)}.items():
        (tmp_path / folder).mkdir()
        for name in files:
            (tmp_path / folder / name).write_bytes(b"{}")
    for given in (text, Path(text)):
        with pytest.raises(CensusError) as caught:
            open_model(given)  # type: ignore[arg-type]
        assert INSTEAD[text].replace("saved/", str(given)) in str(caught.value).replace(f"{text!r}", repr(str(given)))
        assert "\n" not in str(caught.value)


def relu(x: torch.Tensor) -> torch.Tensor:
    return x.relu()


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (
            nn.Linear(2, 3).state_dict(),
            r"Got OrderedDict: weights alone: load them into a net with load_state_dict",
        ),
        ({"epoch": 3, "state_dict": nn.Linear(2, 3).state_dict()}, "Got dict: weights alone"),
        ({"epoch": 3}, r"Got dict\.$"),
        (nn.Linear, r"Got type: a class: pass a net of it, Linear\(\.\.\.\)\.$"),
        ([nn.Linear(2, 3), nn.ReLU()], r"Got list of modules: pass one of them, or nn\.Sequential\(\*modules\)\.$"),
        (relu, r"Got function: call it, and pass what it returns\.$"),
    ],
)
def test_objects_that_are_no_module(given: object, line: str) -> None:
    with pytest.raises(CensusError, match=line):
        open_model(given)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamic", [False, True])
def test_an_exported_program_has_no_layers_to_read(dynamic: bool) -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    shapes = ({0: torch.export.Dim("batch")},) if dynamic else None
    exported = torch.export.export(net, (torch.zeros(32, 3),), dynamic_shapes=shapes)
    with pytest.raises(CensusError, match="Got an exported program: pass the Python module that was exported"):
        open_model(exported.module())
    with pytest.raises(CensusError, match="Got ExportedProgram: pass the Python module that was exported"):
        open_model(exported)  # type: ignore[arg-type]
