"""The settings that come from the environment, read and checked in one place."""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = ("1", "on", "true", "yes")
_FALSE = ("", "0", "off", "false", "no")
_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
    "PRAGMA cache_size=-20000;PRAGMA temp_store=MEMORY;PRAGMA mmap_size=134217728"
)


def flag(environ: Mapping[str, str], name: str, default: bool) -> bool:
    """`on` or `off`, under any of their usual names."""
    value = environ.get(name)
    if value is None:
        return default
    word = value.strip().lower()
    if word not in _TRUE + _FALSE:
        raise ImproperlyConfigured(f"{name} is {value!r}; write on or off.")
    return word in _TRUE


def number(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    """A whole number of at least `least`."""
    value = environ.get(name, str(default)).strip()
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise ImproperlyConfigured(f"{name} is {value!r}; write a whole number from {least} on.")
    return int(value)


def choice(environ: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`; the first is the default."""
    value = environ.get(name, allowed[0]).strip()
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}; allowed are {', '.join(allowed)}.")
    return value


def words(environ: Mapping[str, str], name: str, default: str) -> list[str]:
    """A list, separated by commas."""
    return [part.strip() for part in environ.get(name, default).split(",") if part.strip()]


def secret_key(environ: Mapping[str, str], data: Path) -> str:
    """The given key, or one that is made once and kept in the data folder for its owner alone."""
    given = environ.get("HEADROOM_SECRET_KEY", "")
    if given:
        return given
    path = data / "secret-key"
    if not path.exists():
        _make_secret(path)
    return path.read_text(encoding="ascii").strip()


def _make_secret(path: Path) -> None:
    """Two processes that start together must end up with one key: the first link wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"secret-key.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(50))
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def is_collecting() -> bool:
    """Whether this process is `manage.py collectstatic`, which writes what others then serve."""
    return "collectstatic" in sys.argv[1:2]


def database(url: str, data: Path, test_file: Path) -> dict[str, Any]:
    """Django's description of the database: SQLite in the data folder, or what the URL names."""
    if not url:
        return sqlite(data / "headroom.sqlite3", test_file)
    parts = urlsplit(url)
    if parts.scheme in ("postgres", "postgresql"):
        return _postgresql(url)
    if parts.scheme == "sqlite":
        # As everywhere else: three slashes for a relative path, four for an absolute one.
        return sqlite(Path(unquote(parts.path)[1:]), test_file)
    raise ImproperlyConfigured(
        f"DATABASE_URL starts with {parts.scheme!r}; allowed are postgresql://USER:PASSWORD@HOST/"
        "NAME and sqlite:///PATH."
    )


def sqlite(path: Path, test_file: Path) -> dict[str, Any]:
    """Options under which eight writers neither fail nor wait long for each other.

    IMMEDIATE takes the write lock at the start of a transaction, where waiting for it works;
    Django's default upgrades a read lock later, which SQLite refuses at once.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": _SQLITE_PRAGMAS,
        },
        "TEST": {"NAME": str(test_file)},
    }


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    name = unquote(parts.path.lstrip("/"))
    if not name:
        raise ImproperlyConfigured("DATABASE_URL names no database: …@HOST/NAME is needed.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": dict(parse_qsl(parts.query)),
    }
