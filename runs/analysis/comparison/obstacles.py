"""What keeps one side from being compared with the first, as sentences, and where."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from runs.analysis import wording
from runs.analysis.report import Report
from runs.analysis.series import Series

SAME_LOAD: Final = 0.03


class Obstacles:
    """One run against the first."""

    def __init__(self, base: Report, other: Report, letter: str) -> None:
        self._base, self._other, self._letter = base, other, letter
        self.is_invalid = "invalid" in (base.validity.verdict, other.validity.verdict)
        self.models = _models(base), _models(other)
        self.loads = _loads(base), _loads(other)
        self.users = _users(base), _users(other)
        self.plans = _plans(base), _plans(other)

    def __iter__(self) -> Iterator[str]:
        if self._base.run.campaign != self._other.run.campaign:
            yield (
                f"Run {self._letter} is of the campaign {self._other.run.campaign}, run A of"
                f" {self._base.run.campaign}: only what has the same name and load is compared."
            )
        yield from self._environment()
        scenarios = dict.fromkeys((*self.models[0], *self.models[1]))
        for scenario in scenarios:
            yield from self._of_scenario(scenario)
        yield from self._mix(list(scenarios))

    def _mix(self, scenarios: Sequence[str]) -> Iterator[str]:
        """What has the same load on both sides may still have had other company."""
        same = [one for one in scenarios if self._has_same_loads(one)]
        if same and len(same) < len(scenarios):
            has = "has" if len(same) == 1 else "have"
            yield (
                f"The mix of scenarios differs between run A and run {self._letter}:"
                f" {_listed(same)} {has} the same load in both and can be compared, but a change"
                " may be the mix's."
            )

    @property
    def is_repeat(self) -> bool:
        """Whether the one may be a repeat of the other: the same phases under loads that are the
        same but for chance, as arrivals may be drawn."""
        here, there = self.loads
        return here.keys() == there.keys() and all(
            self.models[0].get(key[0]) == "closed" or _is_by_chance(load, there[key])
            for key, load in here.items()
        )

    def _has_same_loads(self, scenario: str) -> bool:
        phases = [{phase for owner, phase in one if owner == scenario} for one in self.loads]
        is_both = bool(phases[0]) and phases[0] == phases[1]
        return is_both and all(self.allows(scenario, phase) for phase in phases[0])

    def _environment(self) -> Iterator[str]:
        here, there = (_environment(one) for one in (self._base, self._other))
        if here and there and here != there:
            yield (
                f"Run A ran in the environment {here}, run {self._letter} in {there}: a change may"
                " be the environment's."
            )

    def _of_scenario(self, scenario: str) -> Iterator[str]:
        if not all(scenario in models for models in self.models):
            letter = "A" if scenario in self.models[0] else self._letter
            yield f"{scenario} is in run {letter} only."
        elif self.differs_in_model(scenario):
            words = [
                f"{model} in run {letter}"
                for model, letter in zip(
                    (models[scenario] for models in self.models), ("A", self._letter), strict=True
                )
            ]
            yield f"The load of {scenario} is {' and '.join(words)}: they are never compared."
        else:
            yield from self._phases_of(scenario)
            yield from self._steps_of(scenario)

    def _phases_of(self, scenario: str) -> Iterator[str]:
        base, other = (
            {key[1]: load for key, load in loads.items() if key[0] == scenario}
            for loads in self.loads
        )
        for letter, mine, theirs in (("A", base, other), (self._letter, other, base)):
            alone = [phase for phase in mine if phase not in theirs]
            if alone:
                yield f"{scenario} has {_listed(alone)} in run {letter} only."
        for phase in base:
            if phase in other and not self.has_same_load(scenario, phase):
                yield self._other_load(scenario, phase)

    def _other_load(self, scenario: str, phase: str) -> str:
        here, there = (one.get((scenario, phase)) for one in self.users)
        if here is not None or there is not None:
            words = [f"{'no' if one is None else one} users" for one in (here, there)]
            told = f"{scenario} had {words[0]} in {phase} of run A and {words[1]}"
        else:
            planned = self._planned(scenario, phase)
            if planned is None or _is_near(*planned, SAME_LOAD):
                planned = (self.loads[0][scenario, phase][0], self.loads[1][scenario, phase][0])
            rates = [wording.per_second(one) for one in planned]
            told = f"{scenario} was offered {rates[0]} in {phase} of run A and {rates[1]}"
        return f"{told} in run {self._letter}: only its capacity can be compared."

    def _steps_of(self, scenario: str) -> Iterator[str]:
        """Steps of phases that both have; what a phase alone has goes with the phase."""
        mine, theirs = (_steps(one, scenario) for one in (self._base, self._other))
        for letter, here, there in (("A", mine, theirs), (self._letter, theirs, mine)):
            alone = [step for step in here if step not in there]
            if alone:
                yield f"{scenario} has the step {_listed(alone)} in run {letter} only."

    def differs_in_model(self, scenario: str) -> bool:
        here, there = (models.get(scenario) for models in self.models)
        return here is not None and there is not None and here != there

    def has_same_load(self, scenario: str, phase: str) -> bool:
        """The same rate, by the plans where they say it: arrivals that are drawn at random come at
        another one by chance. Of a closed model the same users: its rate follows from answers."""
        here, there = (loads.get((scenario, phase)) for loads in self.loads)
        if here is None or there is None:
            return False
        if self.models[0].get(scenario) == "closed":
            users = [one.get((scenario, phase)) for one in self.users]
            return None in users or users[0] == users[1]
        planned = self._planned(scenario, phase)
        if planned is not None:
            return _is_near(*planned, SAME_LOAD) and _is_by_chance(here, there)
        count = max(here[1], there[1])
        return _is_near(here[0], there[0], SAME_LOAD + 2 / max(count, 1))

    def _planned(self, scenario: str, phase: str) -> tuple[float, float] | None:
        here, there = (one.get((scenario, phase)) for one in self.plans)
        return None if here is None or there is None else (here, there)

    def allows(self, scenario: str, phase: str | None) -> bool:
        if self.differs_in_model(scenario):
            return False
        return phase is None or self.has_same_load(scenario, phase)


def _is_near(one: float, other: float, share: float) -> bool:
    return abs(one - other) <= share * max(one, other)


def _is_by_chance(one: tuple[float, int], other: tuple[float, int]) -> bool:
    """Whether loads, with their requests, differ by no more than random arrivals may."""
    return _is_near(one[0], other[0], SAME_LOAD + 3 / math.sqrt(max(min(one[1], other[1]), 1)))


def _environment(report: Report) -> str | None:
    return report.run.labels.get("env") or report.run.labels.get("environment")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def judged(report: Report) -> Iterator[Series]:
    return (one for one in report.series if not one.pooled)


def _steps(report: Report, scenario: str) -> dict[str, None]:
    mine = (one for one in judged(report) if one.scenario == scenario and one.count)
    return dict.fromkeys(one.step for one in mine if one.step is not None)


def _models(report: Report) -> dict[str, str]:
    """The model of each scenario, by the plan where the report says it; else by its samples: what
    the plan called for has a dispatch delay, what a user does after the answer before has none.
    Empty of scenarios without samples."""
    found: dict[str, str] = {}
    for one in judged(report):
        if one.scenario is not None and one.count:
            is_open = one.model != "closed" and one.dispatch_delay_ms.max is not None
            known = "open" if is_open else found.get(one.scenario, "closed")
            found[one.scenario] = known
    return found


def _loads(report: Report) -> dict[tuple[str, str], tuple[float, int]]:
    """The offered load of each scenario and phase, by its busiest step, with its requests."""
    found: dict[tuple[str, str], tuple[float, int]] = {}
    for one in judged(report):
        if one.scenario is None or one.phase is None or not one.count:
            continue
        key, load = (one.scenario, one.phase), (one.offered_rps or 0.0, one.count)
        found[key] = max(found.get(key, load), load)
    return found


def _users(report: Report) -> dict[tuple[str, str], int]:
    return {
        (one.scenario, one.phase): one.users
        for one in judged(report)
        if one.scenario is not None and one.phase is not None and one.users is not None
    }


def _plans(report: Report) -> dict[tuple[str, str], float]:
    return {
        (one.scenario, one.phase): one.planned_jps
        for one in judged(report)
        if one.scenario is not None and one.phase is not None and one.planned_jps is not None
    }
