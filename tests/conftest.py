"""Fixtures of the portal: its data folder, and real servers."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

# Imported where it is used, so that rooms without a portal can be tested without its packages.
if TYPE_CHECKING:
    from tests.portals import Portal

# In CI the examples are the same each time, so that a change is judged and not the dice; whoever
# works on the code throws them anew. How long one takes is the machine's affair.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None)
hypothesis.settings.register_profile("own", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "own")

MakePortal = Callable[..., "Portal"]


@pytest.fixture
def make_portal(tmp_path: Path) -> Iterator[MakePortal]:
    """Make a portal of one's own, with settings such as HEADROOM_WORKER="off"; not started."""
    from tests.portals import prepare

    made: list[Portal] = []

    def make(**settings: str) -> "Portal":
        data = tmp_path / f"portal-{len(made)}"
        data.mkdir()
        made.append(prepare(data, **settings))
        return made[-1]

    yield make
    for portal in made:
        portal.remove()


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Portal]":
    """One running portal for all tests that only add to it."""
    from tests.portals import prepare

    portal = prepare(tmp_path_factory.mktemp("portal"))
    portal.start()
    yield portal
    portal.remove()


@pytest.fixture
def data_folder(tmp_path: Path, settings: Any) -> Path:
    """The store of a test that runs in this process, without a server."""
    settings.HEADROOM_DATA = tmp_path / "data"
    return tmp_path / "data"
