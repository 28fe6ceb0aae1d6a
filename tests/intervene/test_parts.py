"""What is asked, of what, and how it goes on: settings, streams, shards and interruptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

import layercensus as lc
from layercensus.cli.app import main
from layercensus.intervene import ask

from .planted import SMALL, census

X = torch.randn(200, 8, generator=torch.Generator().manual_seed(0))


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 12), nn.Tanh(), nn.Linear(12, 3))


def needs(census: lc.Census) -> list[list[Any]]:
    columns = [name for name in census.layers if name.startswith("needed")]
    return census.layers[columns].values.tolist()


def test_it_can_be_left_out() -> None:
    found = census(net(), X, layers=None, needed=False)
    assert found.layers[["needed", "needed_status"]].isna().to_numpy().all()
    assert not any("answers rest" in finding.sentence for finding in found.findings)


def test_all_layers_are_asked_where_that_is_wanted() -> None:
    deep = nn.Sequential(*(part for _ in range(17) for part in (nn.Linear(8, 8), nn.Tanh())), nn.Linear(8, 3))
    some, every = (census(deep, X[:40], layers=None, needed=which) for which in ("some", "all"))
    assert int(some.layers["needed"].notna().sum()) == 17  # 16 and the output
    assert bool(some.layers["needed"].notna().iloc[-2])  # the last hidden one
    assert bool(every.layers["needed"].notna().all())


def test_a_stream_is_read_once() -> None:
    def stream() -> Iterator[Tensor]:
        yield from X.split(32)

    once, again = census(net(), stream(), layers=None), census(net(), X, layers=None)
    assert needs(once) == needs(again)  # fewer examples than are kept of a stream: the same halves


@pytest.mark.parametrize("groups", [None, [row // 4 for row in range(len(X))]])
def test_shards_merged_are_one_count(tmp_path: Path, groups: list[int] | None) -> None:
    def count(**settings: Any) -> lc.Census:
        return lc.take(net(), X, twin=False, views=0.1, groups=groups, settings=lc.Settings(**SMALL | settings))

    folders = [tmp_path / str(number) for number in (1, 2)]
    for number, folder in enumerate(folders, 1):
        count(shard=(number, 2), out=folder)
    assert needs(lc.merge(folders, progress=False)) == needs(count())


def test_what_was_found_before_a_kill_is_not_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = census(net(), X, layers=None)
    asked: list[str] = []
    find = ask.needs_of

    def killed(net: Any, layers: Any, *given: Any, **named: Any) -> Iterator[Any]:
        for layer, found in find(net, layers, *given, **named):
            if len(asked) == 2:
                raise KeyboardInterrupt
            asked.append(layer.name)
            yield layer, found

    def counted(net: Any, layers: Any, *given: Any, **named: Any) -> Iterator[Any]:
        for layer, found in find(net, layers, *given, **named):
            asked.append(layer.name)
            yield layer, found

    monkeypatch.setattr(ask, "needs_of", killed)
    with pytest.raises(KeyboardInterrupt):
        census(net(), X, layers=None, out=tmp_path / "out")
    monkeypatch.setattr(ask, "needs_of", counted)
    resumed = census(net(), X, layers=None, out=tmp_path / "out", resume=True)
    assert asked == ["1", "3", "4"]
    assert needs(resumed) == needs(whole)


def test_a_count_of_other_answers_is_not_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def count(output: Any, **more: Any) -> lc.Census:
        settings = lc.Settings(**SMALL | {"out": tmp_path / "out"} | more)
        return lc.take(net(), X, twin=False, views=0.1, output=output, settings=settings)

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ask, "needs_of", killed)
    with pytest.raises(KeyboardInterrupt):
        count(lambda y: y[:, :1])
    monkeypatch.undo()
    with pytest.raises(lc.CensusError, match=r"holds another count: output '<lambda> \w{8}', not '<lambda> \w{8}'\."):
        count(lambda y: y[:, :2], resume=True)
    with pytest.raises(lc.CensusError, match="holds another count: output"):
        count(None, resume=True)
    assert count(lambda y: y[:, :1], resume=True).layers["needed"].notna().all()


def test_the_twin_and_replicas_are_asked_too() -> None:
    found = lc.take(net(), X, replicas=[net()], views=0.1, settings=lc.Settings(**SMALL))
    assert bool(found.layers["twin_needed"].notna().all())
    runs = found.runs.set_index(["net", "layer"])["needed"]
    assert runs.loc["replica0"].tolist() == runs.loc["trained"].tolist()


def test_the_flag_says_which_layers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["run", "digits", "digits", "--needed", "most", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(argv) == 2
    assert "--needed must be some, all or none. Got 'most'." in capsys.readouterr().err


class ByName(dict[str, Tensor]):
    """An output that is read by attribute, as those of transformers are."""

    def __getattr__(self, name: str) -> Tensor:
        return self[name]


class Pair(NamedTuple):
    hidden: Tensor
    more: None = None


class Body(nn.Module):
    def __init__(self, form: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.net, self.form = net()[:4], form

    def forward(self, x: Tensor) -> Any:
        return self.form(self.net(x))


class Whole(nn.Module):
    def __init__(self, form: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.body, self.head, self.act, self.out = Body(form), net()[4], nn.Tanh(), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.head(self.body(x).hidden)))


@pytest.mark.parametrize("form", [Pair, lambda x: ByName(hidden=x)], ids=["named tuple", "dict with attributes"])
def test_an_output_that_is_read_by_name_is_given_back_in_its_own_form(form: Callable[[Tensor], Any]) -> None:
    torch.manual_seed(0)
    one, other = Whole(form), Whole(lambda x: SimpleNamespace(hidden=x))  # of the last nothing is given back
    other.load_state_dict(one.state_dict())
    found = census(one, X, layers=["act", "out"])
    assert needs(found) == needs(census(other, X, layers=["act", "out"]))
    assert found.layers["needed"].notna().all()
