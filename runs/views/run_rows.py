"""A run as one row of a list: the few figures by which people find and choose it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from runs.analysis import wording
from runs.models import Retest, Run

# Which scenario says most about a run, best first.
_MOST_IN_TITLE = 3
_TELLING = {"reached": 0, "inconclusive": 1, "not_reached": 2}


@dataclass(frozen=True)
class RunRow:
    """`point` is the most telling entry of the headline's capacities, `more` how many reached
    ones it leaves unsaid."""

    run: Run
    headline: Mapping[str, Any]
    point: Mapping[str, Any] | None
    more: int
    retests: Sequence[Retest]
    baseline: Run | None = None

    @property
    def goodput_rps(self) -> float | None:
        """At the plateau, where there is one."""
        at_plateau = self.headline.get("plateau_goodput_rps")
        return self.headline.get("goodput_rps") if at_plateau is None else at_plateau

    @property
    def goodput_is_of(self) -> str:
        return "whole run" if self.headline.get("plateau_goodput_rps") is None else "plateau"

    @property
    def p95_change(self) -> str:
        """'+5 %' against the baseline's p95; empty where there is none."""
        before = (self.baseline.headline or {}).get("p95_ms") if self.baseline else None
        if not before or self.p95_ms is None or self.baseline == self.run:
            return ""
        return wording.change(self.p95_ms / before)

    @property
    def load(self) -> str:
        return str(self.headline.get("shape") or "")

    @property
    def target(self) -> str:
        return str(self.headline.get("target") or "")

    @property
    def target_host(self) -> str:
        """The target without the scheme that all have."""
        return self.target.partition("://")[2] or self.target

    @property
    def p95_ms(self) -> float | None:
        return self.headline.get("p95_ms")

    @property
    def error_rate(self) -> float | None:
        return self.headline.get("error_rate")

    @property
    def labels(self) -> list[tuple[str, str]]:
        """Each as it is shown, and the address that looks for it."""
        return [
            (f"{key}={value}", "?" + urlencode({"label": f"{key}:{value}"}))
            for key, value in self.run.labels.items()
        ]


def row(run: Run, retests: Sequence[Retest] = (), baseline: Run | None = None) -> RunRow:
    headline = run.headline or {}
    points = headline.get("capacity") or []
    reached = [point for point in points if point.get("verdict") == "reached"]
    return RunRow(
        run=run,
        headline=headline,
        point=telling(points),
        more=max(len(reached) - 1, 0),
        retests=[one for one in retests if one.outcome != Retest.Outcome.NOT_APPLICABLE],
        baseline=baseline,
    )


def telling(points: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The saturation entry to put first: a reached one, then one with signs; None of none.

    Between equals, a scenario before the whole system, then the plan's order.
    """
    order = sorted(
        points,
        key=lambda point: (
            _TELLING.get(str(point.get("verdict")), 3),
            point.get("scenario") is None,
        ),
    )
    return order[0] if order else None


def title(run: Run, points: Sequence[Mapping[str, Any]]) -> str:
    """The answer that a run's page gives, in one line."""
    best = telling(points)
    if best is None:
        return f"{run.campaign}: no load was taken high enough to look for a saturation point"
    if best.get("verdict") == "not_reached":
        return _none_reached(run, points)
    others = [one for one in points if one is not best and one.get("verdict") == "reached"]
    if len(others) > _MOST_IN_TITLE:
        return f"{wording.capacity(best)}, and {len(others)} more scenarios saturate"
    return ", ".join([wording.capacity(best), *(_short(one) for one in others)])


def _short(point: Mapping[str, Any]) -> str:
    """'b2b at 90/s': a saturation point after the first of a sentence."""
    value, _ = wording.figure_and_interval(point.get("capacity_jps"), point.get("ci_jps"))
    name = wording.name(point.get("scenario") or "the whole system")
    return f"{name} too" if value == wording.UNKNOWN else f"{name} at {value}/s"


def _none_reached(run: Run, points: Sequence[Mapping[str, Any]]) -> str:
    if len(points) == 1:
        return wording.capacity(points[0])
    return f"{wording.who(run.campaign)}: no scenario saturated at the loads of this run"
