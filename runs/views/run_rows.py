"""A run as one row of a list: the few figures by which people find and choose it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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

    @property
    def goodput_rps(self) -> float | None:
        return self.headline.get("goodput_rps")

    @property
    def p95_ms(self) -> float | None:
        return self.headline.get("p95_ms")

    @property
    def error_rate(self) -> float | None:
        return self.headline.get("error_rate")

    @property
    def labels(self) -> list[str]:
        return [f"{key}={value}" for key, value in self.run.labels.items()]


def row(run: Run, retests: Sequence[Retest] = ()) -> RunRow:
    headline = run.headline or {}
    points = headline.get("capacity") or []
    reached = [point for point in points if point.get("verdict") == "reached"]
    return RunRow(
        run=run,
        headline=headline,
        point=telling(points),
        more=max(len(reached) - 1, 0),
        retests=[one for one in retests if one.outcome != Retest.Outcome.NOT_APPLICABLE],
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
