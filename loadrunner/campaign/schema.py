"""The campaign file's sections: what each key may hold, and what it means.

The same models validate a file and give its JSON Schema, so that an editor and `validate` agree.
Values arrive with static variables folded in; requests still hold theirs.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from loadrunner.campaign import quantities
from loadrunner.campaign.found import described
from loadrunner.campaign.model import DEFAULT_MAX_IN_FLIGHT
from loadrunner.campaign.variables import VARIABLE_NAME
from loadrunner.engine.json_path import compiled as compiled_json_path

_NAME = re.compile(r"\w[\w.:-]{0,99}")
_SET_NAME = re.compile(r"[A-Za-z_][\w-]{0,99}", re.ASCII)
_CAMPAIGN_NAME = re.compile(r"\w[\w .-]{0,99}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SCRIPT = re.compile(r"[^:]+\.py:[A-Za-z_]\w*")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_VARIABLE = r"\$\{"
MANY = 1_000_000


def _matching(pattern: re.Pattern[str], allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"found {described(value)}, allowed: {allowed}")
        return value

    return check


def _text_schema(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^(?:{pattern.pattern})$"})


def _whole_schema(lowest: int, highest: int) -> WithJsonSchema:
    """Where a number is asked for, `${NAME:-10}` is a text until the file is read."""
    number = {"type": "integer", "minimum": lowest, "maximum": highest}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": _VARIABLE}]})


def _whole(lowest: int, highest: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        number = quantities.whole_number(value)
        if number is None or not lowest <= number <= highest:
            raise ValueError(
                f"found {described(value)}, allowed: a whole number from {lowest:,} to {highest:,}"
            )
        return number

    return check


def _truth(value: object) -> bool:
    truths = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in truths:
        return truths[value]
    raise ValueError(f"found {described(value)}, allowed: true or false")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"found {described(value)}, allowed: a text, in quotes if need be")
    return value


def _path(value: object) -> str:
    text = _text(value)
    if not text.startswith("/"):
        raise ValueError(
            f"found {described(text)}, allowed: a path from / on; it is added to target.base_url"
        )
    if any(ord(letter) <= 32 or letter == "#" or ord(letter) == 127 for letter in text):
        raise ValueError(f"found {described(text)}, allowed: a path without spaces and #")
    return text


def _method(value: object) -> str:
    if not isinstance(value, str) or value.upper() not in _METHODS:
        raise ValueError(f"found {described(value)}, allowed: {', '.join(_METHODS)}")
    return value.upper()


def _json_path(value: object) -> str:
    try:
        compiled_json_path(_text(value))
    except ValueError as error:
        raise ValueError(
            f"found {described(value)}, allowed: a path such as $.items[0].id"
        ) from error
    return str(value)


def _statuses(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _empty_map(value: object) -> object:
    """A section whose entries are all commented out is an empty one."""
    return {} if value is None else value


def _empty_list(value: object) -> object:
    return [] if value is None else value


_PAUSE_PATTERN = r"^([0-9.]+ *(us|ms|s|m|h))+$|" + _VARIABLE
# The same with a digit above zero in it.
_DURATION_PATTERN = r"^(?=.*[1-9])([0-9.]+ *(us|ms|s|m|h))+$|" + _VARIABLE
_GROWTH_PATTERN = r"^[0-9.]+ *% */ *(year|quarter|month|week)$|" + _VARIABLE
_SIZE_PATTERN = r"^[0-9.]+ *([kKMG]?B|[KMG]iB)$|" + _VARIABLE
_RATE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": quantities.FASTEST_PER_S},
        {"type": "string", "pattern": r"^(?=.*[1-9])[0-9.]+( */ *[smh])?$|" + _VARIABLE},
    ]
}
_RAMP_END_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": quantities.FASTEST_PER_S},
        {"type": "string", "pattern": r"^[0-9.]+( */ *[smh])?$|" + _VARIABLE},
    ]
}
_WEIGHT_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": quantities.HEAVIEST},
        {"type": "string", "pattern": _VARIABLE},
    ]
}

Name = Annotated[
    str,
    BeforeValidator(_matching(_NAME, "letters, digits and _ - . :, at most 100")),
    _text_schema(_NAME),
]
SetName = Annotated[
    str,
    BeforeValidator(_matching(_SET_NAME, "letters, digits, _ and -, a letter first")),
    _text_schema(_SET_NAME),
]
CampaignName = Annotated[
    str,
    BeforeValidator(_matching(_CAMPAIGN_NAME, "letters, digits, spaces and _ - .")),
    _text_schema(_CAMPAIGN_NAME),
]
ScriptName = Annotated[
    str,
    BeforeValidator(_matching(_SCRIPT, "FILE.py:FUNCTION, such as journeys.py:checkout")),
    WithJsonSchema({"type": "string", "pattern": rf"^{_SCRIPT.pattern}$|{_VARIABLE}"}),
]
VariableName = Annotated[
    str,
    BeforeValidator(_matching(VARIABLE_NAME, "letters, digits and _, a letter first")),
    _text_schema(VARIABLE_NAME),
]
HeaderName = Annotated[
    str, BeforeValidator(_matching(_HEADER, "the name of a header")), _text_schema(_HEADER)
]
Text = Annotated[str, BeforeValidator(_text)]
Filled = Annotated[Text, StringConstraints(min_length=1)]
# Where a value is a text whatever it looks like: `0123` stays `0123` in a header.
_SCALAR = {"type": ["string", "number", "boolean"]}
Verbatim = Annotated[Text, WithJsonSchema(_SCALAR)]
FilledVerbatim = Annotated[Filled, WithJsonSchema({**_SCALAR, "minLength": 1})]
Truth = Annotated[
    bool,
    BeforeValidator(_truth),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "string", "pattern": _VARIABLE}]}),
]
Url = Annotated[
    Filled, WithJsonSchema({"type": "string", "pattern": r"^https?://[^\s?#@]+$|" + _VARIABLE})
]
Duration = Annotated[
    float,
    BeforeValidator(quantities.duration_s),
    WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN, "examples": ["10s", "500ms"]}),
]
Pause = Annotated[
    float,
    BeforeValidator(quantities.pause_s),
    WithJsonSchema({"type": "string", "pattern": _PAUSE_PATTERN, "examples": ["0s", "500ms"]}),
]
Rate = Annotated[float, BeforeValidator(quantities.rate_per_s), WithJsonSchema(_RATE_SCHEMA)]
RampEnd = Annotated[
    float, BeforeValidator(quantities.ramp_end_per_s), WithJsonSchema(_RAMP_END_SCHEMA)
]
Growth = Annotated[
    float,
    BeforeValidator(quantities.growth_per_year),
    WithJsonSchema({"type": "string", "pattern": _GROWTH_PATTERN, "examples": ["40%/year"]}),
]
Size = Annotated[
    float,
    BeforeValidator(quantities.size_bytes),
    WithJsonSchema({"type": "string", "pattern": _SIZE_PATTERN, "examples": ["5MB", "2GiB"]}),
]
UrlPath = Annotated[
    str, BeforeValidator(_path), WithJsonSchema({"type": "string", "pattern": "^/"})
]
Method = Annotated[
    str,
    BeforeValidator(_method),
    WithJsonSchema({"type": "string", "enum": [*_METHODS, *(name.lower() for name in _METHODS)]}),
]
JsonPath = Annotated[
    str,
    BeforeValidator(_json_path),
    WithJsonSchema({"type": "string", "pattern": r"^\$", "examples": ["$.items[0].id"]}),
]
Count = Annotated[int, BeforeValidator(_whole(1, MANY)), _whole_schema(1, MANY)]
MOST_REQUESTS = 1_000_000_000_000
RequestCount = Annotated[
    int, BeforeValidator(_whole(1, MOST_REQUESTS)), _whole_schema(1, MOST_REQUESTS)
]
Weight = Annotated[float, BeforeValidator(quantities.weight), WithJsonSchema(_WEIGHT_SCHEMA)]
UserCount = Annotated[int, BeforeValidator(_whole(0, MANY)), _whole_schema(0, MANY)]
StageCount = Annotated[int, BeforeValidator(_whole(2, 1_000)), _whole_schema(2, 1_000)]
RetryCount = Annotated[int, BeforeValidator(_whole(1, 100)), _whole_schema(1, 100)]
Status = Annotated[int, BeforeValidator(_whole(100, 599))]
_STATUS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": r"^[1-5]\d\d$|" + _VARIABLE},
    ]
}
_STATUSES_SCHEMA: dict[str, Any] = {
    "anyOf": [*_STATUS_SCHEMA["anyOf"], {"type": "array", "items": _STATUS_SCHEMA}]
}
Statuses = Annotated[
    tuple[Status, ...], BeforeValidator(_statuses), WithJsonSchema(_STATUSES_SCHEMA)
]
SomeStatuses = Annotated[
    tuple[Status, ...],
    BeforeValidator(_statuses),
    Field(min_length=1),
    WithJsonSchema({**_STATUSES_SCHEMA, "minItems": 1}),
]


def _one_of(*kinds: str, **beside: tuple[str, ...]) -> dict[str, Any]:
    """Of these keys exactly one may stand, with those that it needs."""
    return {"oneOf": [{"required": [kind, *beside.get(kind, ())]} for kind in kinds]}


class Section(BaseModel):
    """One mapping of the file; a key that is not listed here is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RequestSection(Section):
    model_config = ConfigDict(json_schema_extra={"not": {"required": ["json", "body"]}})

    method: Method = "GET"
    path: UrlPath = Field(
        description="The path below target.base_url, with its query; ${name} is percent-encoded."
    )
    headers: dict[HeaderName, Verbatim] = Field({}, description="Further headers, by name.")
    json_body: Any = Field(
        None, alias="json", description="The body as JSON; ${name} in its texts is escaped."
    )
    body: Verbatim | None = Field(None, description="The body as a text that is sent as it is.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        if self.has_json and self.body is not None:
            raise ValueError("found json and body, allowed: one of them")
        return self

    @property
    def has_json(self) -> bool:
        """Also for `json: null`, which sends the four letters."""
        return "json_body" in self.model_fields_set


class TlsSection(Section):
    verify: Truth = Field(True, description="Whether the server's certificate must be valid.")
    ca: Filled | None = Field(
        None, description="A file of certificates to trust beside the system's own."
    )


class TargetSection(Section):
    base_url: Url = Field(
        description="Where requests go, such as http://127.0.0.1:8900; step paths are added to it."
    )
    allow: Annotated[tuple[Filled, ...], Field(min_length=1)] | None = Field(
        None,
        description="The hosts that this campaign may load; without it, this machine's own only.",
    )
    timeout: Duration = Field(10.0, description="How long an answer may take as a whole.")
    connect_timeout: Duration = Field(5.0, description="How long a connection may take.")
    first_byte_timeout: Duration | None = Field(
        None, description="How long an answer may take to begin; without it, as long as a whole."
    )
    tls: TlsSection = Field(
        TlsSection(), description="How the server of an https:// address is trusted."
    )
    stop_file: Filled | None = Field(
        None, description="A run ends in order when this file appears; relative to the campaign."
    )


class BasicSection(Section):
    user: FilledVerbatim = Field(description="The user's name.")
    password: FilledVerbatim = Field(description="The password; take it from the environment.")


class IdentitySection(Section):
    """Who requests are sent as: exactly one of login, header with value, bearer, basic."""

    model_config = ConfigDict(
        json_schema_extra=_one_of(
            "login", "header", "bearer", "basic", login=("token",), header=("value",)
        )
    )

    login: RequestSection | None = Field(
        None, description="The request that obtains a token; ${index} is the user's number."
    )
    token: JsonPath | None = Field(None, description="Where the token stands in the login's JSON.")
    expires_in: JsonPath | None = Field(
        None, description="Where the token's lifetime in seconds stands in the login's JSON."
    )
    count: Count = Field(1, description="How many users log in.")
    header: HeaderName | None = Field(None, description="The name of the header that is sent.")
    value: FilledVerbatim | None = Field(None, description="The header's value.")
    bearer: FilledVerbatim | None = Field(None, description="The token of an Authorization header.")
    basic: BasicSection | None = Field(None, description="User and password of HTTP Basic.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self.model_fields_set
        kinds = [kind for kind in ("login", "header", "bearer", "basic") if kind in given]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none of them"
            raise ValueError(
                f"found {found}, allowed: exactly one of login (with token), header (with value),"
                " bearer, basic"
            )
        self._check_companions(kinds[0], given)
        return self

    def _check_companions(self, kind: str, given: set[str]) -> None:
        needed = {"login": "token", "header": "value"}.get(kind)
        if needed and needed not in given:
            raise ValueError(f"found {kind} without {needed}, allowed: both")
        allowed = {"login": {"token", "expires_in", "count"}, "header": {"value"}}.get(kind, set())
        if extra := sorted(given - allowed - {kind}):
            raise ValueError(
                f"found {extra[0]} beside {kind}, allowed beside it:"
                f" {', '.join(sorted(allowed)) or 'nothing'}"
            )


class DataSection(Section):
    file: Filled = Field(description="A CSV file with a header row, relative to the campaign.")
    order: Literal["sequential", "random"] = "sequential"
    at_end: Literal["restart", "stop"] = Field(
        "restart", description="What happens after the last row of a sequential set."
    )

    @model_validator(mode="after")
    def _end_of_random(self) -> Self:
        if self.order == "random" and self.at_end == "stop":
            raise ValueError("found at_end: stop, allowed: with order: sequential only")
        return self


class SetupSection(Section):
    name: Name = Field(description="What the request is called in messages.")
    request: RequestSection = Field(description="The request, sent once.")
    identity: Name | None = Field(None, description="Who it is sent as.")
    expect: Statuses = Field((), description="Statuses that count as success; else any 2xx.")


class RetrySection(Section):
    on: Statuses = Field((429,), description="Statuses after which the request is sent again.")
    max: RetryCount = Field(1, description="How many times at most.")
    honour_retry_after: Truth = Field(True, description="Wait as long as Retry-After says.")
    backoff: Pause = Field(0.5, description="How long to wait where no Retry-After says it.")


class StepSection(Section):
    name: Name = Field(description="What the step's results are kept by, as scenario/step.")
    request: RequestSection | None = Field(
        None, description="The request of this step; required unless the scenario has a journey."
    )
    expect: SomeStatuses = Field((200,), description="The statuses that are right.")
    refusals: Statuses = Field(
        (429,), description="The statuses by which the service protects itself."
    )
    retry: RetrySection | None = None
    stream: Literal["sse"] | None = Field(
        None, description="sse: keep the time to the first token beside the whole."
    )
    extract: dict[VariableName, JsonPath] = Field(
        {}, description="Names for later steps, with where they stand in the answer's JSON."
    )
    think_time: Pause = Field(0.0, description="The pause before this step.")
    on_failure: Literal["continue", "stop"] = Field(
        "continue", description="Whether the journey goes on after this step failed."
    )
    timeout: Duration | None = Field(None, description="In place of target.timeout.")
    identity: Name | None = Field(None, description="In place of the scenario's identity.")

    @model_validator(mode="after")
    def _one_meaning_a_status(self) -> Self:
        both = sorted(set(self.expect) & set(self.refusals))
        if both and "refusals" in self.model_fields_set:
            raise ValueError(f"found {both[0]} in expect and in refusals, allowed: one of them")
        return self


def _step_of(value: object) -> object:
    """A step of which nothing but the name needs to be said, as a journey in Python has them."""
    return {"name": value} if isinstance(value, str) else value


Steps = tuple[
    Annotated[StepSection, BeforeValidator(_step_of, json_schema_input_type=StepSection | Name)],
    ...,
]


def _ramp(value: object) -> object:
    if isinstance(value, Mapping):
        return value
    rate = quantities.rate_per_s(value)
    return {"from": rate, "to": rate}


class RampSection(Section):
    from_: RampEnd = Field(alias="from", description="Journeys per second at the start.")
    to: RampEnd = Field(description="Journeys per second at the end.")

    @model_validator(mode="after")
    def _some_load(self) -> Self:
        if self.from_ <= 0 and self.to <= 0:
            raise ValueError("found a rate of zero, allowed: a rate above zero, such as 30")
        return self


Ramp = Annotated[RampSection, BeforeValidator(_ramp, json_schema_input_type=RampSection | Rate)]


def _users(value: object) -> object:
    if isinstance(value, Mapping):
        return value
    users = _whole(1, MANY)(value)
    return {"from": users, "to": users}


class UsersSection(Section):
    from_: UserCount = Field(alias="from", description="Users at the start.")
    to: UserCount = Field(description="Users at the end.")

    @model_validator(mode="after")
    def _some_load(self) -> Self:
        if self.most == 0:
            raise ValueError("found no users, allowed: a number above zero, such as 20")
        return self

    @property
    def most(self) -> int:
        return max(self.from_, self.to)


Users = Annotated[
    UsersSection, BeforeValidator(_users, json_schema_input_type=UsersSection | Count)
]


class StaircaseSection(Section):
    from_: Rate = Field(alias="from", description="Journeys per second, or users, at first.")
    to: Rate = Field(description="Journeys per second, or users, at last.")
    stages: StageCount = Field(description="How many stages, the first and last included.")
    duration: Duration = Field(description="How long each stage lasts.")
    model: Literal["open", "closed"] = Field(
        "open", description="open: from and to are rates; closed: they are numbers of users."
    )
    think_time: Pause = Field(0.0, description="Closed: the pause between a user's journeys.")
    warm_up: Pause = Field(0.0, description="The start of each stage that is not judged.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_warm_up(self.warm_up, self.duration)
        if self.model == "open" and "think_time" in self.model_fields_set:
            raise ValueError("found think_time in a staircase of rates, allowed: model: closed")
        if self.model == "closed":
            for end in (self.from_, self.to):
                _whole(1, MANY)(end)
        return self


_OF_A_PHASE = ("phase", "duration")


class LoadSection(Section):
    """One phase, or a staircase of them: exactly one of rate, users, staircase."""

    model_config = ConfigDict(
        json_schema_extra=_one_of("rate", "users", "staircase", rate=_OF_A_PHASE, users=_OF_A_PHASE)
    )

    phase: Name | None = Field(None, description="The phase's name; stages are PHASE_01, …")
    duration: Duration | None = Field(None, description="How long the phase lasts.")
    rate: Ramp | None = Field(
        None, description="Open model: journeys per second, or a ramp {from, to}."
    )
    users: Users | None = Field(
        None, description="Closed model: users at the same time, or a ramp {from, to}."
    )
    think_time: Pause = Field(0.0, description="Closed: the pause between a user's journeys.")
    warm_up: Pause = Field(0.0, description="The start of the phase that is not judged.")
    staircase: StaircaseSection | None = Field(
        None, description="Stages of equal length whose load rises evenly."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = self.model_fields_set
        kinds = [kind for kind in ("rate", "users", "staircase") if kind in given]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none of them"
            raise ValueError(
                f"found {found}, allowed: exactly one of rate (open model), users (closed model),"
                " staircase"
            )
        if self.staircase:
            self._check_staircase(given)
        else:
            self._check_phase(kinds[0], given)
        return self

    def _check_staircase(self, given: set[str]) -> None:
        if extra := sorted(given - {"staircase", "phase"}):
            raise ValueError(f"found {extra[0]} beside staircase, allowed: {extra[0]} inside of it")

    def _check_phase(self, kind: str, given: set[str]) -> None:
        if self.phase is None or self.duration is None:
            missing = "phase" if self.phase is None else "duration"
            raise ValueError(f"found {kind} without {missing}, allowed: both")
        if kind == "rate" and "think_time" in given:
            raise ValueError("found think_time beside rate, allowed: with users (closed model)")
        _check_warm_up(self.warm_up, self.duration)


def _check_warm_up(warm_up_s: float, duration_s: float) -> None:
    if warm_up_s >= duration_s:
        raise ValueError(
            f"found a warm_up of {warm_up_s:g}s, allowed: less than the duration of {duration_s:g}s"
        )


# What an editor can be told of the rule that campaign/scenarios.py holds in full.
_REQUEST_UNLESS_JOURNEY: dict[str, Any] = {
    "if": {"not": {"required": ["journey"]}},
    "then": {"properties": {"steps": {"items": {"type": "object", "required": ["request"]}}}},
}


class ScenarioSection(Section):
    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra=_REQUEST_UNLESS_JOURNEY
    )

    identity: Name | None = Field(None, description="Who the requests are sent as.")
    destructive: Truth = Field(
        False, description="Left out without --allow-destructive, and always in --smoke."
    )
    steps: Steps = Field(min_length=1, description="The journey, in order.")
    journey: ScriptName | None = Field(
        None, description="A journey in Python: FILE.py:FUNCTION, relative to the campaign."
    )
    variables: dict[VariableName, Text] = Field(
        {}, description="What a journey in Python may read, by name; ${name} as in a request."
    )
    load: tuple[LoadSection, ...] = Field(
        default_factory=tuple,
        min_length=1,
        description="Phases, one after another; required unless mix.weights names the scenario.",
    )
    start_at: Pause = Field(0.0, description="When its first phase starts.")
    arrivals: Literal["uniform", "poisson"] = Field(
        "uniform", description="Evenly spaced, or at random with the run's seed."
    )
    on_late: Literal["send", "drop"] = Field(
        "send", description="What becomes of a journey that could not start in time."
    )
    max_in_flight: Count = Field(
        DEFAULT_MAX_IN_FLIGHT, description="Requests that may be in flight when a journey starts."
    )


class MixSection(Section):
    """One load that several scenarios share, each by its weight."""

    weights: dict[Name, Weight] = Field(
        min_length=1, description="How much of the load each scenario has, by its name."
    )
    load: tuple[LoadSection, ...] = Field(
        min_length=1, description="Phases of all of them together, one after another."
    )


def _ceiling(value: object) -> float | str:
    if isinstance(value, str) and value.startswith("$"):
        return _json_path(value)
    if quantities.is_number(value):
        return float(value)  # type: ignore[arg-type]
    return quantities.size_bytes(value)


class MetricSection(Section):
    json_path: JsonPath = Field(alias="json", description="Where the figure stands in the answer.")
    ceiling: (
        Annotated[
            float | str,
            BeforeValidator(_ceiling),
            WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string"}]}),
        ]
        | None
    ) = Field(None, description="The most it can be: a number, a size, or a JSON path.")
    area: Literal["database", "cache", "rate_limit", "llm", "cpu", "other"] = "other"
    better: Literal["lower", "higher"] = "lower"
    feeds: tuple[Name, ...] = Field((), description="The metrics that this one drives.")


class ProbeSection(Section):
    path: UrlPath = Field(description="Where the target shows its own figures, as JSON.")
    identity: Name | None = Field(None, description="Who the probe asks as.")
    every: Duration = Field(1.0, description="How often it is read during the run.")
    metrics: dict[Name, MetricSection] = Field(min_length=1, description="The figures, by name.")

    @model_validator(mode="after")
    def _not_a_load(self) -> Self:
        if self.every < 0.1:
            raise ValueError(f"found every: {self.every:g}s, allowed: 100ms or more")
        return self


def _criterion(value: object) -> object:
    if isinstance(value, str):
        return {"criterion": value}
    if not isinstance(value, Mapping):
        raise ValueError(
            f"found {described(value)}, allowed: a text such as p95(*) < 800ms, or a mapping"
            " with criterion, by"
        )
    return value


class CriterionSection(Section):
    criterion: Filled = Field(description="Such as p95(chat/send_message@plateau) < 800ms.")
    by: Literal["point", "interval"] | None = Field(
        None, description="Judged by the observed value, or by its whole 95 % interval."
    )

    @property
    def text(self) -> str:
        """The criterion with its way of judging, as runs.analysis.criteria reads it."""
        return f"{self.criterion} by {self.by}" if self.by else self.criterion


Criterion = Annotated[
    CriterionSection, BeforeValidator(_criterion, json_schema_input_type=CriterionSection | Text)
]
Criteria = Annotated[tuple[Criterion, ...], BeforeValidator(_empty_list)]


class LimitsSection(Section):
    """What a run of this campaign must never exceed."""

    rate: Rate | None = Field(None, description="Requests per second, all scenarios together.")
    requests: RequestCount | None = Field(None, description="Requests in all, retries included.")
    size: Size | None = Field(
        None, alias="bytes", description="Bytes sent and received, headers included."
    )
    duration: Duration | None = Field(None, description="How long the phases take in all.")


class SmokeSection(Section):
    """What --smoke runs in place of the loads: one phase `plateau` for each scenario."""

    duration: Duration = 10.0
    rate: Rate = Field(2.0, description="Journeys per second of each scenario.")
    criteria: Criteria = (
        CriterionSection(criterion="p95(*) < 2s"),
        CriterionSection(criterion="rate_5xx(*) == 0%"),
    )


class _Schema(GenerateJsonSchema):
    """Names that do not fit are refused; pydantic's own way takes anything under them."""

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        found = super().dict_schema(schema)
        if "patternProperties" in found:
            found["additionalProperties"] = False
        return found


def _version(value: object) -> object:
    if value not in (1, "1") or value is True:
        raise ValueError(f"found {described(value)}, allowed: 1, the version that is read here")
    return 1


# What an editor can be told of the rule that campaign/mix.py holds in full.
_LOAD_UNLESS_MIX: dict[str, Any] = {
    "if": {"not": {"required": ["mix"]}},
    "then": {"properties": {"scenarios": {"additionalProperties": {"required": ["load"]}}}},
}


class CampaignFile(Section):
    """A campaign: what load to put on which target."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        title="Headroom campaign",
        json_schema_extra=_LOAD_UNLESS_MIX,
    )

    campaign: CampaignName = Field(description="The campaign's name.")
    version: Annotated[
        Literal[1], BeforeValidator(_version), WithJsonSchema({"enum": [1, "1"]})
    ] = 1
    target: TargetSection = Field(description="What is loaded.")
    identities: Annotated[dict[Name, IdentitySection], BeforeValidator(_empty_map)] = Field(
        {}, description="Who requests are sent as, by name."
    )
    data: Annotated[dict[SetName, DataSection], BeforeValidator(_empty_map)] = Field(
        {}, description="Data sets, by name; ${set.column} takes a value from one."
    )
    setup: Annotated[tuple[SetupSection, ...], BeforeValidator(_empty_list)] = Field(
        (), description="Requests that are sent once, in order, before the run."
    )
    scenarios: dict[Name, ScenarioSection] = Field(
        min_length=1, description="The critical flows, by name."
    )
    mix: MixSection | None = Field(
        None, description="One load that scenarios without a load of their own share by weight."
    )
    peak: Annotated[dict[Name, Rate], BeforeValidator(_empty_map)] = Field(
        {}, description="Journeys per second that production sees at its peak, by scenario."
    )
    growth: Growth | None = Field(
        None, description="By how much the peaks grow: says how long the headroom lasts."
    )
    probes: Annotated[dict[Name, ProbeSection], BeforeValidator(_empty_map)] = Field(
        {}, description="Periodic readings of the target's own metrics, by name."
    )
    criteria: Criteria = Field((), description="What the run is judged by.")
    limits: LimitsSection = Field(
        LimitsSection(), description="Caps on rate, requests, bytes and duration."
    )
    abort: Annotated[tuple[Filled, ...], BeforeValidator(_empty_list)] = Field(
        (), description="Rules that end a run early, such as error_rate(*) > 50% for 10s."
    )
    cleanup: Annotated[tuple[SetupSection, ...], BeforeValidator(_empty_list)] = Field(
        (), description="Requests that undo what a run made; sent by `loadrunner cleanup`."
    )
    smoke: SmokeSection = Field(SmokeSection(), description="The short run of --smoke.")


def document() -> JsonSchemaValue:
    """The JSON Schema of a campaign file."""
    return CampaignFile.model_json_schema(schema_generator=_Schema)
