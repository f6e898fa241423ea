"""The arrows between the rooms: who may import whom."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# For each room, the prefixes of our own and foreign modules that its files must not import.
# The first room that a file falls into holds.
FORBIDDEN: dict[str, tuple[str, ...]] = {
    "runs/analysis": (
        "django",
        "ninja",
        "runs",
        "loadrunner",
        "ingest",
        "portal",
        "httpx",
        "plotly",
    ),
    "runs/formats": ("django", "ninja", "runs", "loadrunner", "ingest", "portal"),
    "runs/figures": ("django", "ninja", "runs", "loadrunner", "ingest", "portal"),
    "loadrunner": ("django", "ninja", "runs", "ingest", "portal"),
    "runs": ("loadrunner", "ingest", "portal"),
    "ingest": ("loadrunner", "portal"),
    "portal": ("loadrunner",),
    "tools": ("django", "runs", "loadrunner", "ingest", "portal"),
    "tests": (),
    "benchmarks": ("portal",),
}
# What a room may import all the same, though a prefix above forbids it.
ALLOWED: dict[str, tuple[str, ...]] = {
    "runs/analysis": ("runs.analysis",),
    "runs/formats": ("runs.formats", "runs.analysis"),
    "runs/figures": ("runs.figures", "runs.analysis"),
    "loadrunner": ("runs.analysis", "runs.formats", "runs.figures"),
}
# The analysis reads no clock and touches no file or socket.
IMPURE = ("os", "pathlib", "time", "socket", "subprocess", "io", "requests", "urllib", "random")


def imported(source: str) -> Iterator[str]:
    """Every module that a source imports, in functions too, as `package.module[.name]`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong(room: str, source: str) -> list[str]:
    """The imports of a source that its room must not have."""
    forbidden = FORBIDDEN[room] + (IMPURE if room == "runs/analysis" else ())
    return [
        module
        for module in imported(source)
        if _is_under(module, forbidden) and not _is_under(module, ALLOWED.get(room, ()))
    ]


def _is_under(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def _room(path: Path) -> str:
    text = path.relative_to(ROOT).as_posix()
    return next(room for room in FORBIDDEN if text.startswith((f"{room}/", f"{room}.py")))


def _files() -> list[Path]:
    rooms = sorted({room.split("/")[0] for room in FORBIDDEN} - {"tests"})
    return [path for room in rooms for path in sorted((ROOT / room).rglob("*.py"))]


@pytest.mark.parametrize("path", _files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_imports_only_what_its_room_may(path: Path) -> None:
    assert wrong(_room(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("runs/analysis", "from django.db import models"),
        ("runs/analysis", "def f():\n    import time"),
        ("runs/analysis", "from runs.models import Run"),
        ("runs/formats", "import django"),
        ("runs/figures", "from runs import models"),
        ("loadrunner", "import django.conf"),
        ("loadrunner", "from runs import models"),
        ("loadrunner", "from runs.models import Run"),
        ("runs", "from loadrunner.pacing import RateCurve"),
        ("runs", "from portal import settings"),
        ("ingest", "import portal.settings"),
        ("loadrunner", "from portal.settings import BASE_DIR"),
    ],
)
def test_the_rule_turns_red(room: str, source: str) -> None:
    assert wrong(room, source)


def test_the_package_of_the_warehouse_is_empty_so_that_its_pure_rooms_need_no_django() -> None:
    assert (ROOT / "runs" / "__init__.py").read_text() == ""


def test_the_top_level_holds_what_the_map_names() -> None:
    named = {"manage.py", "portal", "runs", "ingest", "loadrunner", "templates", "tests"}
    assert named | {"requirements.txt"} <= {path.name for path in ROOT.iterdir()}
