"""The critical flows: their steps with what each may use, and their load."""

from collections.abc import Collection, Mapping, Sequence

from loadrunner.campaign.document import Path
from loadrunner.campaign.loads import loads
from loadrunner.campaign.model import Request, Retry, Scenario, SetupRequest, Step, Template
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.requests import keep_secret, request
from loadrunner.campaign.schema import RetrySection, ScenarioSection, SetupSection, StepSection
from loadrunner.campaign.scripts import script
from loadrunner.campaign.variables import BUILT_INS, Scope

SETUP_NAMES = ("uuid", "now")
RUN_ID = "run_id"
# What a step says of itself where a function makes its requests.
_BESIDE_JOURNEY = ("name", "expect", "refusals", "retry", "stream", "timeout", "identity")


def scenarios(
    sections: Mapping[str, ScenarioSection],
    data: Scope,
    identities: Collection[str],
    reading: Reading,
) -> tuple[Scenario, ...]:
    """`data` is a scope that knows the data sets alone."""
    return tuple(
        _scenario(name, section, data, identities, reading) for name, section in sections.items()
    )


def _scenario(
    name: str,
    section: ScenarioSection,
    data: Scope,
    identities: Collection[str],
    reading: Reading,
) -> Scenario:
    path: Path = ("scenarios", name)
    reading.check_name(section.identity, identities, "identity", (*path, "identity"))
    scope = Scope(columns=data.columns, built_ins=BUILT_INS)
    _check_journey(section, path, reading)
    return Scenario(
        name=name,
        steps=_steps(section.steps, (*path, "steps"), data, identities, reading),
        load=loads(section.load, section.start_at, (*path, "load"), reading),
        identity=section.identity,
        destructive=section.destructive,
        arrivals=section.arrivals,
        on_late=section.on_late,
        max_in_flight=section.max_in_flight,
        script=script(section, (*path, "journey"), reading),
        variables=_variables(section, (*path, "variables"), scope, reading),
    )


def _check_journey(section: ScenarioSection, path: Path, reading: Reading) -> None:
    """Requests stand in the steps, or a function makes them; never both."""
    if section.journey is None and section.variables:
        reading.problems.add(
            (*path, "variables"), "found variables without a journey, allowed: beside journey"
        )
    for index, step in enumerate(section.steps):
        here = (*path, "steps", index)
        if section.journey is None and step.request is None:
            told = "is missing, required: the request of this step (or a journey in Python)."
            reading.problems.add((*here, "request"), told)
        extra = sorted(step.model_fields_set - set(_BESIDE_JOURNEY))
        if section.journey is not None and extra:
            reading.problems.add(
                (*here, extra[0]),
                f"found {extra[0]} beside a journey in Python, which does that itself; allowed:"
                f" {', '.join(_BESIDE_JOURNEY)}",
            )


def _variables(
    section: ScenarioSection, path: Path, scope: Scope, reading: Reading
) -> dict[str, Template]:
    """What a journey in Python may read; a name such as `password` makes a secret of its value."""
    templates = {}
    for name, text in section.variables.items():
        templates[name] = reading.template(text, (*path, name), scope)
        keep_secret(name, templates[name], reading)
    return templates


def _steps(
    sections: Sequence[StepSection],
    path: Path,
    data: Scope,
    identities: Collection[str],
    reading: Reading,
) -> tuple[Step, ...]:
    names = [section.name for section in sections]
    steps = []
    for index, section in enumerate(sections):
        here = (*path, index)
        if section.name in names[:index]:
            reading.problems.add(
                (*here, "name"), f"found '{section.name}' again, allowed: each step's name once"
            )
        reading.check_name(section.identity, identities, "identity", (*here, "identity"))
        steps.append(_step(section, here, _scope(sections, index, data), reading))
    return tuple(steps)


def _scope(sections: Sequence[StepSection], index: int, data: Scope) -> Scope:
    """What a step may use: names that earlier steps extract, data, and all built-ins."""
    extracted = [name for section in sections[:index] for name in section.extract]
    later = {
        name: "this step itself" if at == index else f"the later step {sections[at].name}"
        for at in range(len(sections) - 1, index - 1, -1)
        for name in sections[at].extract
        if name not in extracted
    }
    return Scope(extracted, data.columns, BUILT_INS, later)


def _step(section: StepSection, path: Path, scope: Scope, reading: Reading) -> Step:
    return Step(
        name=section.name,
        request=_request(section, (*path, "request"), scope, reading),
        expect=section.expect,
        # A status that the step expects is no refusal, unless the file says both: an error.
        refusals=tuple(status for status in section.refusals if status not in section.expect),
        retry=_retry(section.retry),
        stream=section.stream,
        extract=dict(section.extract),
        think_time_s=section.think_time,
        on_failure=section.on_failure,
        timeout_s=section.timeout,
        identity=section.identity,
    )


def _request(section: StepSection, path: Path, scope: Scope, reading: Reading) -> Request | None:
    return None if section.request is None else request(section.request, path, scope, reading)


def _retry(section: RetrySection | None) -> Retry | None:
    if section is None:
        return None
    return Retry(section.on, section.max, section.honour_retry_after, section.backoff)


def setup(
    sections: Sequence[SetupSection], identities: Collection[str], reading: Reading
) -> tuple[SetupRequest, ...]:
    """The requests before the run; no journey runs yet, so they know next to nothing."""
    return _beside(sections, "setup", SETUP_NAMES, identities, reading)


def cleanup(
    sections: Sequence[SetupSection], identities: Collection[str], reading: Reading
) -> tuple[SetupRequest, ...]:
    """The requests that undo a run; they know which run it was."""
    return _beside(sections, "cleanup", (*SETUP_NAMES, RUN_ID), identities, reading)


def _beside(
    sections: Sequence[SetupSection],
    key: str,
    names: Collection[str],
    identities: Collection[str],
    reading: Reading,
) -> tuple[SetupRequest, ...]:
    """Requests that stand beside the load, with the built-in names that they may use."""
    scope = Scope(built_ins=names)
    requests = []
    for index, section in enumerate(sections):
        path: Path = (key, index)
        reading.check_name(section.identity, identities, "identity", (*path, "identity"))
        sent = request(section.request, (*path, "request"), scope, reading)
        requests.append(SetupRequest(section.name, sent, section.identity, section.expect))
    return tuple(requests)
