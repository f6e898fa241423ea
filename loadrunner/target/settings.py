"""Every size, time and limit of the reference target, in one table.

A field of `TargetSettings` is one setting. Its name gives the flag (`db_pool`: `--db-pool`) and
the environment variable (`TARGET_DB_POOL`); its metadata give the default, how it is written, and
what it means. The command, the errors and the documentation's table all come from here.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loadrunner.errors import UsageError

DELETE_STATUSES = (200, 202, 404, 409)

_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h|d)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)(%?)")


@dataclass(frozen=True)
class Kind:
    """How a value is written. `parse` raises ValueError for what is not `allowed`."""

    allowed: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str] = str


def _matched(pattern: re.Pattern[str], text: str) -> tuple[str, ...]:
    match = pattern.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return match.groups()


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _duration(text: str) -> float:
    number, unit = _matched(_DURATION, text)
    return float(number) * _UNIT_S[unit]


def show_duration(seconds: float) -> str:
    """The way people would write it: `54ms`, `1.5s`, `15m`, `1d`."""
    for unit in ("d", "h", "m"):
        count = seconds / _UNIT_S[unit]
        if count >= 1 and math.isclose(count, round(count)):
            return f"{count:.0f}{unit}"
    return f"{seconds:.6g}s" if seconds >= 1 or seconds == 0 else f"{seconds * 1000:.6g}ms"


def _rate(text: str) -> float:
    return float(_matched(_RATE, text)[0])


def _share(text: str) -> float:
    number, percent = _matched(_SHARE, text)
    share = float(number) / (100 if percent else 1)
    if share > 1:
        raise ValueError(text)
    return share


def _count(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise ValueError(text)
    return int(text)


def _positive(text: str) -> int:
    count = _count(text)
    if count < 1:
        raise ValueError(text)
    return count


def _port(text: str) -> int:
    port = _count(text)
    if port > 65535:
        raise ValueError(text)
    return port


def _spread(text: str) -> float:
    cv = _number(text)
    if cv > 5:
        raise ValueError(text)
    return cv


def _time(text: str) -> float:
    seconds = _duration(text)
    if seconds <= 0:
        raise ValueError(text)
    return seconds


def _mix(text: str) -> tuple[float, ...]:
    """`200:70,202:20,404:7,409:3` -> shares in the order of DELETE_STATUSES, summing to 1."""
    weights = dict.fromkeys(DELETE_STATUSES, 0.0)
    for part in text.split(","):
        status, _, weight = part.partition(":")
        if int(status) not in weights:
            raise ValueError(text)
        weights[int(status)] = _number(weight.strip())
    total = sum(weights.values())
    if total <= 0:
        raise ValueError(text)
    return tuple(weight / total for weight in weights.values())


def _show_mix(mix: tuple[float, ...]) -> str:
    parts = zip(DELETE_STATUSES, mix, strict=True)
    return ",".join(f"{status}:{share * 100:.6g}" for status, share in parts)


def _show_share(share: float) -> str:
    return f"{share * 100:.6g}%"


TEXT = Kind("a text", str)
PORT = Kind("a port from 0 to 65535; 0 takes any free one", _port)
COUNT = Kind("a whole number from 0", _count)
SIZE = Kind("a whole number from 1", _positive)
DURATION = Kind("a duration with its unit, for example 54ms, 5s, 15m", _duration, show_duration)
TIME = Kind("a duration above zero with its unit, for example 54ms", _time, show_duration)
RATE = Kind("a rate per second, for example 60/s; 0 means no limit", _rate, "{:g}/s".format)
SHARE = Kind("a share, for example 90% or 0.9", _share, _show_share)
SPREAD = Kind("a coefficient of variation from 0 to 5, for example 0.1", _spread, "{:g}".format)
MIX = Kind(
    "shares of the statuses 200, 202, 404 and 409, for example 200:70,202:30", _mix, _show_mix
)


def _setting(default: Any, kind: Kind, meaning: str, secret: str | None = None) -> Any:
    """A dataclass field; `secret` is the environment variable of a value that takes no flag."""
    metadata = {"kind": kind, "meaning": meaning, "secret": secret}
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True)
class TargetSettings:
    """Times in seconds (`_time`, `_wait`, `_ttl`, `_window`), rates per second, shares 0 to 1.

    A `_cv` is the coefficient of variation of the lognormal time of the same name; 0 is constant.
    """

    host: str = _setting("127.0.0.1", TEXT, "the address to listen on")
    port: int = _setting(8900, PORT, "the port to listen on; 0 takes any free one")
    seed: int = _setting(1, COUNT, "the seed of the service times")

    load_password: str = _setting(
        "load-test-password", TEXT, "the password of every user", secret="LOAD_PASSWORD"
    )
    ops_token: str = _setting(
        "demo-ops-token", TEXT, "the bearer token of the ops endpoints", secret="OPS_TOKEN"
    )
    b2b_api_key: str = _setting(
        "demo-partner-key", TEXT, "the API key of the B2B partner", secret="B2B_API_KEY"
    )
    b2b_more_keys: str = _setting(
        "",
        TEXT,
        "further API keys, with commas between; each has its own limit and quota",
        secret="B2B_MORE_KEYS",
    )

    token_ttl: float = _setting(900.0, TIME, "how long an access token is good for")
    login_time: float = _setting(0.005, DURATION, "how long a login takes")

    db_pool: int = _setting(4, SIZE, "connections of the database pool")
    db_time: float = _setting(0.054, TIME, "mean time of a query")
    db_cv: float = _setting(0.1, SPREAD, "variation of the time of a query")
    db_max_wait: float = _setting(
        5.0, DURATION, "longest wait for a connection; beyond it the answer is 503"
    )
    billing_cache_hit_rate: float = _setting(
        0.0, SHARE, "share of the billing reads that the cache answers; 0 asks no cache"
    )
    billing_cache_reach: float = _setting(
        0.0, RATE, "reads a second from which the cache answers no more; 0 means it keeps its share"
    )
    billing_cpu: float = _setting(
        0.0, DURATION, "computing time of a billing read, which only one core does"
    )

    cache_time: float = _setting(0.001, DURATION, "how long a cache lookup takes")
    chat_cache_hit_rate: float = _setting(
        0.9, SHARE, "share of the conversations that the cache holds"
    )
    chat_store_time: float = _setting(
        0.015, DURATION, "further time where the cache misses: the conversation store, no queue"
    )

    llm_pool: int = _setting(8, SIZE, "LLM calls that may be in flight at once")
    llm_time: float = _setting(0.1, TIME, "mean time of an LLM call")
    llm_cv: float = _setting(0.1, SPREAD, "variation of the time of an LLM call")
    llm_max_wait: float = _setting(
        10.0, DURATION, "longest wait for an LLM call; beyond it the answer is 503"
    )
    llm_tokens: int = _setting(8, SIZE, "tokens of a streamed answer")
    llm_first_token: float = _setting(
        0.3, SHARE, "share of the call's time after which the first token comes"
    )

    export_workers: int = _setting(6, SIZE, "exports that are worked on at once")
    export_time: float = _setting(0.15, TIME, "mean time of an export")
    export_cv: float = _setting(0.1, SPREAD, "variation of the time of an export")
    export_max_wait: float = _setting(
        60.0,
        DURATION,
        "longest queue of exports, in waiting time; beyond it 503 with Retry-After",
    )

    delete_workers: int = _setting(3, SIZE, "deletions that are looked at at once")
    delete_time: float = _setting(0.06, TIME, "mean time of a deletion")
    delete_cv: float = _setting(0.1, SPREAD, "variation of the time of a deletion")
    delete_max_wait: float = _setting(
        5.0, DURATION, "longest wait for a deletion worker; beyond it the answer is 503"
    )
    delete_mix: tuple[float, ...] = _setting(
        (0.7, 0.2, 0.07, 0.03), MIX, "what deletions are answered with, in which shares"
    )

    b2b_rate: float = _setting(60.0, RATE, "the plan's limit for an API key")
    b2b_burst: int = _setting(10, SIZE, "requests that the plan lets through at once")
    b2b_quota: int = _setting(
        100_000_000, COUNT, "requests that the plan holds for a window; 0 means no quota"
    )
    b2b_quota_window: float = _setting(86400.0, TIME, "length of the quota's window")
    b2b_time: float = _setting(0.008, DURATION, "mean time of a quote; no queue")
    b2b_cv: float = _setting(0.1, SPREAD, "variation of the time of a quote")

    global_rate: float = _setting(0.0, RATE, "limit for all requests together; 0 means none")
    global_burst: int = _setting(100, SIZE, "requests that the global limit lets through at once")
    user_rate: float = _setting(1000.0, RATE, "limit for each signed-in user; 0 means none")
    user_burst: int = _setting(1000, SIZE, "requests that a user's limit lets through at once")

    summary_window: float = _setting(1.0, TIME, "stretch over which the summary takes its means")
    kept_records: int = _setting(
        100_000, SIZE, "conversations and exports that are kept; the oldest are forgotten"
    )


@dataclass(frozen=True)
class Setting:
    """One row of the table. `flag` is None where a value must not stand on a command line."""

    name: str
    flag: str | None
    env: str
    default: Any
    kind: Kind
    meaning: str

    @property
    def shown_default(self) -> str:
        return self.kind.show(self.default)

    def parse(self, text: str, source: str) -> Any:
        """`source` is the flag or variable that the text came from, for the error's sake."""
        try:
            return self.kind.parse(text)
        except ValueError:
            raise UsageError(f"{source} is {text!r}; it must be {self.kind.allowed}.") from None


def _row(field: dataclasses.Field[Any]) -> Setting:
    secret = field.metadata["secret"]
    return Setting(
        name=field.name,
        flag=None if secret else "--" + field.name.replace("_", "-"),
        env=secret or "TARGET_" + field.name.upper(),
        default=field.default,
        kind=field.metadata["kind"],
        meaning=field.metadata["meaning"],
    )


SETTINGS = tuple(_row(field) for field in dataclasses.fields(TargetSettings))


def read(flags: Mapping[str, str | None], env: Mapping[str, str]) -> TargetSettings:
    """A flag goes before its environment variable, which goes before the default.

    `flags` maps a setting's name to the text given, or None. Raises UsageError naming the flag or
    the variable, its value, and what is allowed.
    """
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        given = flags.get(setting.name)
        if given is not None:
            values[setting.name] = setting.parse(given, setting.flag or setting.env)
        elif env.get(setting.env):
            values[setting.name] = setting.parse(env[setting.env], setting.env)
    return TargetSettings(**values)
