"""Whatever stands in a campaign file, reading it ends in a campaign or in an error for people."""

import copy
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loadrunner.campaign.file import load
from loadrunner.errors import CampaignError, SafetyError
from tests.loadrunner.campaign_files import SHOP, written

Place = tuple[Any, ...]

SHOP_VALUES = yaml.safe_load(SHOP)
SHOP_VALUES["scenarios"]["news"] = {"steps": [{"name": "get", "request": {"path": "/news"}}]}
SHOP_VALUES["scenarios"]["tips"] = {"steps": [{"name": "get", "request": {"path": "/tips"}}]}
SHOP_VALUES["mix"] = {
    "weights": {"news": 5, "tips": 2},
    "load": [
        {"phase": "up", "duration": "5s", "rate": {"from": 1, "to": 9}},
        {"phase": "plateau", "duration": "5s", "users": 7},
        {"staircase": {"from": 7, "to": 9, "stages": 2, "duration": "5s", "model": "closed"}},
    ],
}
ODD_TEXTS = st.sampled_from(
    [
        *("", "~", "on", ".nan", "-.inf", "1e999", "0x10", "10s", "-1s", "9" * 400, "null", "true"),
        *("${", "${x}", "$${x}", "${a.b:-${c}}", "*", "&a", "<<", "a/b@c", "//", "http://[", "1/s"),
        *("\u2028", "\x85", "é☃", "\n", "\t", " ", "$.a[0]", "5MB", "p95(chat) < 1ms", "not"),
    ]
)
ODD_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | ODD_TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXTS, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def reads_or_explains(folder: Path, content: str | bytes) -> None:
    file = written(folder, content)
    error = error_of(file)
    if isinstance(error, CampaignError):
        assert str(error).startswith(f"{file}, line {error.line}, key {error.key}: ")
        assert 1 <= error.line <= len(file.read_bytes()) + 1
        assert all(line.startswith(f"{file}, line ") for line in str(error).split("\n"))


def error_of(file: Path) -> Exception | None:
    """What the user is told; anything but these errors fails the test."""
    try:
        load(file, {}, {"HOME": "/root"})
    except (CampaignError, SafetyError) as error:
        return error
    return None


@given(content=st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes(folder: Path, content: bytes) -> None:
    reads_or_explains(folder, content)


@given(content=st.text(alphabet="ab:-[]{}?!&*<>|'\"#% \n\t.1~,$@`", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_of_yamls_own_signs(folder: Path, content: str) -> None:
    reads_or_explains(folder, content)


@given(value=ODD_VALUES)
@settings(max_examples=150, deadline=None)
def test_any_yaml(folder: Path, value: object) -> None:
    reads_or_explains(folder, yaml.safe_dump(value, allow_unicode=True))


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """Where a campaign may be changed: every key and every item in it."""
    keys: Iterable[Any] = value if isinstance(value, dict) else ()
    keys = range(len(value)) if isinstance(value, list) else keys
    for key in keys:
        one = value[key]
        yield (*here, key)
        yield from places(one, (*here, key))


@given(place=st.sampled_from(list(places(SHOP_VALUES))), value=ODD_VALUES)
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_value_anywhere_in_a_campaign(folder: Path, place: Place, value: object) -> None:
    campaign = copy.deepcopy(SHOP_VALUES)
    inner = campaign
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value

    reads_or_explains(folder, yaml.safe_dump(campaign, allow_unicode=True))


@given(place=st.sampled_from(list(places(SHOP_VALUES))), key=ODD_TEXTS | st.text(max_size=6))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_key_anywhere_in_a_campaign(folder: Path, place: Place, key: str) -> None:
    campaign = copy.deepcopy(SHOP_VALUES)
    inner = campaign
    for one in place[:-1]:
        inner = inner[one]
    if isinstance(inner, dict):
        inner[key] = inner.pop(place[-1])

    reads_or_explains(folder, yaml.safe_dump(campaign, allow_unicode=True))


@given(position=st.integers(0, len(SHOP) - 1), letter=st.characters(codec="utf-8"))
@settings(max_examples=300, deadline=None)
def test_any_letter_changed_in_a_campaign(folder: Path, position: int, letter: str) -> None:
    text = SHOP[:position] + letter + SHOP[position + 1 :]

    reads_or_explains(folder, text)
