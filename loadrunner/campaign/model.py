"""The campaign as the rest of the command sees it: read, validated, nothing left to look up
but what only a running journey knows (extracted values, data, built-ins)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runs.analysis.plan import Model, ProbeMetric

DEFAULT_MAX_IN_FLIGHT = 10_000


Escape = Literal["none", "json", "url"]


@dataclass(frozen=True)
class Variable:
    """A `${name}` that a journey fills in: extracted, `set.column`, or a built-in.

    `escape` says how the value is written into its place: as it is, as the inside of a JSON
    string (quotes not included), or percent-encoded with nothing safe, `/` included.
    """

    name: str
    escape: Escape = "none"


Template = tuple[str | Variable, ...]
"""Literal text and variables, in order; everything static is folded into the text."""


@dataclass(frozen=True)
class Request:
    """`body` is the text that is sent (JSON already serialised); headers keep their order."""

    method: str
    path: Template
    headers: tuple[tuple[str, Template], ...] = ()
    body: Template | None = None


@dataclass(frozen=True)
class Retry:
    on: tuple[int, ...] = (429,)
    max: int = 1
    honour_retry_after: bool = True
    backoff_s: float = 0.5


@dataclass(frozen=True)
class Script:
    """A journey written in Python: the async `function` of `file`, called once a journey."""

    file: Path
    function: str
    sha256: str


@dataclass(frozen=True)
class Step:
    """One named request. `expect` and `refusals` are statuses; `extract` maps a variable to a
    path like `$.items[0].id` in the JSON answer. `request` is None where a script makes it."""

    name: str
    request: Request | None
    expect: tuple[int, ...] = (200,)
    refusals: tuple[int, ...] = (429,)
    retry: Retry | None = None
    stream: Literal["sse"] | None = None
    extract: Mapping[str, str] = field(default_factory=dict)
    think_time_s: float = 0.0
    on_failure: Literal["continue", "stop"] = "continue"
    timeout_s: float | None = None
    identity: str | None = None


@dataclass(frozen=True)
class Load:
    """One phase of one scenario; seconds since the run's start, rates in journeys/s. Where the
    number of users rises or falls, `users` is the most there are."""

    phase: str
    start_s: float
    duration_s: float
    model: Model = "open"
    rate_from: float | None = None
    rate_to: float | None = None
    users: int | None = None
    users_from: int | None = None
    users_to: int | None = None
    think_time_s: float = 0.0
    warm_up_s: float = 0.0


@dataclass(frozen=True)
class Scenario:
    """With a `script` the steps only say what its requests are called and what they expect;
    `variables` are what it may read."""

    name: str
    steps: tuple[Step, ...]
    load: tuple[Load, ...]
    identity: str | None = None
    destructive: bool = False
    arrivals: Literal["uniform", "poisson"] = "uniform"
    on_late: Literal["send", "drop"] = "send"
    max_in_flight: int = DEFAULT_MAX_IN_FLIGHT
    script: Script | None = None
    variables: Mapping[str, Template] = field(default_factory=dict)


@dataclass(frozen=True)
class Login:
    """How a token is obtained; the paths point into the JSON answer."""

    request: Request
    token: str
    expires_in: str | None = None


@dataclass(frozen=True)
class Identity:
    """Who a request is sent as: either `count` logins, or one fixed header.

    `header` is the header's name and `value` its full value (`Authorization`, `Bearer …`);
    for a login the header carries `Bearer TOKEN`. Values are secrets: see Campaign.secrets.
    """

    name: str
    header: str = "Authorization"
    value: str | None = None
    login: Login | None = None
    count: int = 1


@dataclass(frozen=True)
class DataSet:
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    order: Literal["sequential", "random"] = "sequential"
    at_end: Literal["restart", "stop"] = "restart"


@dataclass(frozen=True)
class SetupRequest:
    name: str
    request: Request
    identity: str | None = None
    expect: tuple[int, ...] = ()  # empty: any 2xx


@dataclass(frozen=True)
class ProbePlan:
    """`values` and `ceilings` map a metric to its JSON path (`$.a.b`); a ceiling may be fixed."""

    name: str
    path: str
    metrics: tuple[ProbeMetric, ...]
    values: Mapping[str, str]
    ceilings: Mapping[str, str | float] = field(default_factory=dict)
    identity: str | None = None
    every_s: float = 1.0


AbortStatistic = Literal["error_rate", "rate_5xx", "refusal_rate", "drop_rate", "p95"]


@dataclass(frozen=True)
class AbortRule:
    """What ends a run early: the statistic of any of the `steps` (scenario, step), over the last
    `window_s`, goes beyond `limit` (a share of 1, or milliseconds for p95), or with `or_equal`
    reaches it. `text` is the rule as written."""

    text: str
    statistic: AbortStatistic
    steps: tuple[tuple[str, str], ...]
    limit: float
    window_s: float
    or_equal: bool = False


@dataclass(frozen=True)
class Limits:
    """The caps of a run, None where there is none; requests count retries, bytes both ways."""

    rate_rps: float | None = None
    requests: int | None = None
    bytes: int | None = None
    duration_s: float | None = None


@dataclass(frozen=True)
class Target:
    """`allow` are the hosts, addresses and networks that may be loaded; every request goes to
    `base_url`. A run ends when the file `stop_file` appears."""

    base_url: str
    allow: tuple[str, ...]
    timeout_s: float = 10.0
    connect_timeout_s: float = 5.0
    first_byte_timeout_s: float | None = None
    verify_tls: bool = True
    ca_file: Path | None = None
    stop_file: Path | None = None


@dataclass(frozen=True)
class Campaign:
    """`text` is the file as it was but for secret values, which are masked in it; `sha256` is
    that of the file itself. `secrets` are the values that must never be written.

    `skipped` names the scenarios that are left out, and as `criterion TEXT` and `abort TEXT`
    what goes with them, each with the reason in words. `notes` are remarks for the user.
    `mix` has the weights by which scenarios, also those left out, share a load; their parts of
    it are in their own loads already. It is empty in a smoke run, which has no mix.
    """

    name: str
    file: Path
    text: str
    sha256: str
    target: Target
    scenarios: tuple[Scenario, ...]
    mix: Mapping[str, float] = field(default_factory=dict)
    identities: Mapping[str, Identity] = field(default_factory=dict)
    data: Mapping[str, DataSet] = field(default_factory=dict)
    setup: tuple[SetupRequest, ...] = ()
    cleanup: tuple[SetupRequest, ...] = ()
    peak_jps: Mapping[str, float] = field(default_factory=dict)
    growth_per_year: float | None = None
    probes: tuple[ProbePlan, ...] = ()
    criteria: tuple[str, ...] = ()
    limits: Limits = Limits()
    abort: tuple[AbortRule, ...] = ()
    secrets: frozenset[str] = frozenset()
    skipped: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    is_smoke: bool = False

    @property
    def names_of_setup(self) -> frozenset[str]:
        """The identities that set-up requests are sent as."""
        return frozenset(one.identity for one in self.setup if one.identity is not None)

    @property
    def names_of_scenarios(self) -> frozenset[str]:
        """The identities of the scenarios that are run, and of their steps."""
        steps = (step.identity for one in self.scenarios for step in one.steps)
        names = {*steps, *(one.identity for one in self.scenarios)}
        return frozenset(name for name in names if name is not None)

    @property
    def functions(self) -> tuple[tuple[str, str], ...]:
        """Journeys in Python: the file's name and the function's."""
        scripts = (one.script for one in self.scenarios)
        return tuple((one.file.name, one.function) for one in scripts if one is not None)

    @property
    def scripts(self) -> Mapping[str, str]:
        """The SHA-256 of each Python file, by its name."""
        scripts = (one.script for one in self.scenarios)
        return {one.file.name: one.sha256 for one in scripts if one is not None}

    @property
    def used_identities(self) -> Mapping[str, Identity]:
        """Those that a run sends something as; nobody else has to log in for it."""
        probes = {one.identity for one in self.probes}
        names = self.names_of_setup | self.names_of_scenarios | probes
        return {name: one for name, one in self.identities.items() if name in names}

    @property
    def longest_timeout_s(self) -> float:
        """How long an answer may take at the most, whichever step it is of."""
        steps = (step.timeout_s for one in self.scenarios for step in one.steps)
        return max(self.target.timeout_s, *(one for one in steps if one is not None), 0.0)

    @property
    def duration_s(self) -> float:
        ends = (load.start_s + load.duration_s for one in self.scenarios for load in one.load)
        return max(ends, default=0.0)
