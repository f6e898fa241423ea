"""The settings that operators change: read from the environment, and each one documented."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from portal import environment

ROOT = Path(__file__).resolve().parents[2]


def test_every_setting_of_the_environment_is_documented_and_every_documented_one_exists() -> None:
    read = set()
    for path in (ROOT / "portal").glob("*.py"):
        read |= set(re.findall(r'"(HEADROOM_[A-Z_]+|DATABASE_URL)"', path.read_text("utf-8")))
    table = (ROOT / "docs" / "operations.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(HEADROOM_[A-Z_]+|DATABASE_URL)`", table, re.MULTILINE))

    assert documented == read


def test_sqlite_is_the_default_and_takes_its_write_lock_at_once(tmp_path: Path) -> None:
    found = environment.database("", tmp_path, tmp_path / "test.sqlite3")

    assert found["NAME"] == str(tmp_path / "headroom.sqlite3")
    assert found["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in found["OPTIONS"]["init_command"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://ada:p%40ss@db.example:5433/headroom?sslmode=require",
            {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": "headroom",
                "USER": "ada",
                "PASSWORD": "p@ss",
                "HOST": "db.example",
                "PORT": "5433",
                "OPTIONS": {"sslmode": "require"},
            },
        ),
        (
            "postgres:///headroom?host=/var/run/postgresql",
            {"NAME": "headroom", "HOST": "", "OPTIONS": {"host": "/var/run/postgresql"}},
        ),
        ("sqlite:////srv/headroom.sqlite3", {"NAME": "/srv/headroom.sqlite3"}),
    ],
)
def test_a_database_is_named_by_its_url(url: str, expected: dict[str, Any]) -> None:
    found = environment.database(url, Path("/data"), Path("/tmp/test"))

    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize("url", ["mysql://host/db", "postgresql://host"])
def test_a_database_that_cannot_be_used_is_refused_in_words(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        environment.database(url, Path("/data"), Path("/tmp/test"))


def test_the_secret_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = environment.secret_key({}, tmp_path / "data")
    second = environment.secret_key({}, tmp_path / "data")

    path = tmp_path / "data" / "secret-key"
    assert first == second
    assert len(first) >= 50
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["secret-key"]
    assert environment.secret_key({"HEADROOM_SECRET_KEY": "given"}, tmp_path) == "given"


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda env: environment.flag(env, "X", default=False), "maybe"),
        (lambda env: environment.number(env, "X", 30), "0"),
        (lambda env: environment.number(env, "X", 30), "ten"),
        (lambda env: environment.choice(env, "X", ("inline", "off")), "threads"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name_and_value(read: Any, value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"X is '{value}'"):
        read({"X": value})
