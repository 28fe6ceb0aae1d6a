"""The house: what stands at the top, which way imports go, and that no file imports itself by a detour."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "layercensus"
PACKAGE = SOURCE.name
TOP = {"__init__", "__main__", "demo", "errors", "progress", "settings", "take"}
# A room may import those before it. What is named in a table of openers is imported when it is used, and not seen here.
FLOORS = (
    "errors", "settings", "progress", "layers", "models", "data", "tally", "measures", "count", "intervene", "concepts",
    "gallery", "census",
    "verdict", "visualise", "report", "take", "watch", "advise", "engine", "demo", "labs", "testing", "cli",
    "__init__", "__main__",
)  # fmt: skip
UPWARDS = {
    ("census/census", "verdict"),
    ("census/census", "report"),
    ("census/census", "advise"),
}  # the facade alone reaches for what is drawn of it
FILES = {"io", "json", "os", "pathlib", "shutil", "tempfile", "PIL", "safetensors"}
UNKNOWN = {  # room -> what it must not know, though the floors would let it: rooms of ours and others' packages
    "layers": FILES | {"scipy"},
    "models": {"data"},
    "data": {"layers"},
    "tally": FILES | {"layers", "models", "data"},
    "measures": FILES | {"layers", "models", "data", "count"},
    "count": {"PIL", "jinja2", "matplotlib"},
    "intervene": FILES | {"PIL", "jinja2", "matplotlib"},
    "concepts": {"jinja2", "matplotlib"},
    "census": {"PIL", "jinja2", "matplotlib"},
    "watch": {"PIL", "matplotlib", "labs", "gallery"},
    "verdict": {"torch", "models", "data", "layers", "tally"},
    "gallery": {"census", "jinja2"},
    "report": {"torch", "count", "tally", "models"},
}
KEYWORDS = (  # these took six to eight things by position
    "labs/identity/train train", "labs/cdbn/page write_cdbn", "visualise/of_census see_census",
    "visualise/score score", "gallery/top_examples top_examples", "report/page _layer_html",
)  # fmt: skip


def modules() -> dict[str, Path]:
    return {"/".join(file.relative_to(SOURCE).with_suffix("").parts): file for file in SOURCE.rglob("*.py")}


def imports(name: str, file: Path, known: dict[str, Path]) -> Iterator[str]:
    """Every file of the package that a file imports, also inside functions and for types alone."""
    package = name.split("/")[:-1]
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".")[1:] for alias in node.names if alias.name.split(".")[0] == PACKAGE]
            yield from (_file("/".join(target), known) for target in targets)
        elif isinstance(node, ast.ImportFrom):
            path = (node.module or "").split(".")
            if not node.level and path[0] != PACKAGE:
                continue
            base = package[: len(package) - node.level + 1] if node.level else []
            target = "/".join([*base, *(path if node.level else path[1:])]).strip("/")
            for alias in node.names:
                yield _file(f"{target}/{alias.name}".strip("/"), known, target)


def _file(target: str, known: dict[str, Path], otherwise: str | None = None) -> str:
    """The file of the package that a dotted name means, or that of the module that it is taken from."""
    names = [target] if otherwise is None else [target, otherwise]
    candidates = [candidate for name in names for candidate in (name, f"{name}/__init__".strip("/"))]
    return next((candidate for candidate in candidates if candidate in known), target)


def others(file: Path) -> set[str]:
    """The packages from elsewhere that a file imports."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    plain = {alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    taken = {(node.module or "").split(".")[0] for node in nodes if isinstance(node, ast.ImportFrom) if not node.level}
    return plain | taken


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    known = modules()
    return {name: set(imports(name, file, known)) for name, file in known.items()}


def room(name: str) -> str:
    return name.split("/")[0]


def test_few_files_stand_at_the_top() -> None:
    assert {file.stem for file in SOURCE.glob("*.py")} == TOP
    assert {folder.name for folder in SOURCE.iterdir() if (folder / "__init__.py").is_file()} <= set(FLOORS)


def test_every_import_leads_to_a_file(graph: dict[str, set[str]]) -> None:
    assert {target for targets in graph.values() for target in targets} <= set(graph)


def test_imports_go_one_way_between_rooms(graph: dict[str, set[str]]) -> None:
    floor = {name: number for number, name in enumerate(FLOORS)}
    upwards = {
        (name, room(target))
        for name, targets in graph.items()
        for target in targets
        if floor[room(target)] > floor[room(name)]
    }
    assert upwards <= UPWARDS


@pytest.mark.parametrize("name", sorted(UNKNOWN))
def test_a_room_does_not_know_what_is_not_its_own(name: str, graph: dict[str, set[str]]) -> None:
    known = modules()
    inside = {file for file in graph if room(file) == name}
    found = {(file, room(target)) for file in inside for target in graph[file]}
    found |= {(file, package) for file in inside for package in others(known[file])}
    assert {(file, target) for file, target in found if target in UNKNOWN[name]} == set()


@pytest.mark.parametrize(
    "line", ["import layercensus.count.nets", "from layercensus.count import nets", "from ..count.nets import Net"]
)
def test_every_way_to_import_is_seen(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(line)
    assert set(imports("report/a", tmp_path / "a.py", modules())) == {"count/nets"}


def test_no_file_imports_itself_by_a_detour(graph: dict[str, set[str]]) -> None:
    assert circle(graph) == []


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle of imports, or none. An __init__ that its own package's files reach is one as well."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for target in sorted(graph[name]):
            round_trip = visit(target, [*path, name])
            if round_trip:
                return round_trip
        done.add(name)
        return []

    return next(filter(None, (visit(name, []) for name in sorted(graph))), [])


def functions() -> Iterator[tuple[str, ast.arguments]]:
    """Every function of the package, as "file:line name", with its parameters."""
    for name, file in modules().items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield f"{name}:{node.lineno} {node.name}", node.args


def without_self(arguments: ast.arguments) -> list[str]:
    """The parameters that can be given by position."""
    return [one.arg for one in (*arguments.posonlyargs, *arguments.args) if one.arg not in ("self", "cls")]


def test_no_function_takes_many_things_by_position() -> None:
    assert [name for name, arguments in functions() if len(without_self(arguments)) > 6] == []


@pytest.mark.parametrize("where", KEYWORDS, ids=lambda where: where.split()[1])
def test_what_was_long_by_position_is_named(where: str) -> None:
    file, name = where.split()
    found = [arguments for at, arguments in functions() if at.startswith(f"{file}:") and at.endswith(f" {name}")]
    assert [len(without_self(arguments)) <= 3 for arguments in found] == [True]


def test_only_take_has_more_than_eight_parameters() -> None:
    long = [name for name, of in functions() if len(without_self(of)) + len(of.kwonlyargs) > 8]
    assert [name.split()[1] for name in long] == ["take"]


def test_a_circle_would_be_seen() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) == ["a", "b", "c", "a"]
