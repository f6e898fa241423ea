"""The sentence that people read first, and what to run next where the answer is not good enough."""

from typing import Final

from runs.analysis.saturation import balance
from runs.analysis.saturation.closed import Closed
from runs.analysis.saturation.open_model import Found
from runs.analysis.saturation.result import Headroom
from runs.analysis.wording import decimals_for

# An interval wider than this part of the capacity, on either side, asks for a closer look.
_WIDE: Final = 0.06
# Goodput so much below the capacity has fallen, and so much above it still rises.
_LESS: Final = 0.95
_MORE: Final = 1.05
RECOVERED: Final = (
    "Nothing was due in this tool's results: the load is that of the requests that started."
)

_HINDER: Final = (
    "Requests slow each other down here, so that throughput may have a peak above that, which one"
    " large step of the load does not show."
)


def lasts(room: Headroom | None) -> str:
    """How long the headroom lasts at the stated growth; empty where none is stated."""
    if room is None or not room.growth_per_year or room.ratio is None:
        return ""
    growth = f"With a growth of {100 * room.growth_per_year:.3g} % a year"
    if room.ratio <= 1:
        return f" {growth} nothing is left: the peak does not fit today."
    if room.lasts_years is None:
        return f" {growth} the headroom lasts for more than a century."
    low, high = room.lasts_years_ci or (None, None)
    least = "at least " if high is None else ""
    span = "" if low is None or high is None else f" ({low:.2g} to {high:.2g})"
    return f" {growth} the headroom lasts for {least}{room.lasts_years:.2g} years{span}."


def rate(value: float) -> str:
    """Three significant digits at least, and no more decimals than they need."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def of_open(name: str, found: Found, sustained: float | None, up_to: float | None) -> str:
    if found.verdict == "inconclusive":
        return _untold(name, found, sustained)
    if found.verdict == "not_reached":
        return f"{name} kept up with every load it was given, up to {rate(up_to or 0)} journeys/s."
    if found.cause == "quota":
        return _quota(name, found)
    first = min(stage.offered for stage in balance.caused(found.stages))
    last = max(
        (stage for stage in found.stages if stage.is_overloaded), key=lambda stage: stage.offered
    )
    doubt = f" {_HINDER}" if found.is_lower else ""
    return f"{_where(name, found)}: {_what(found, first, last.goodput, last.offered)}.{doubt}"


def _untold(name: str, found: Found, sustained: float | None) -> str:
    kept = f" It kept up with {rate(sustained)} journeys/s." if sustained else ""
    return f"Where {name} saturates cannot be told: {found.why}.{kept}"


def _quota(name: str, found: Found) -> str:
    quota = found.limit.quota if found.limit else None
    if found.capacity is None or quota is None or quota.window_s is None:
        return (
            f"{name} uses up a quota: from some point on every request is refused. How many it"
            " allows in which time cannot be told, since no two of its windows were seen."
        )
    whose = " for each identity" if found.scope == "per_identity" else ""
    return (
        f"{name} is held at {rate(found.capacity)} journeys/s by a quota of {quota.requests:,}"
        f" requests in {rate(quota.window_s)} s{whose}; once it is used up, everything is refused"
        " until the next window."
    )


def _where(name: str, found: Found) -> str:
    assert found.capacity is not None
    assert found.ci is not None
    low, high = found.ci
    digits = decimals_for(low, high)
    span = f"{low:,.{digits}f} to {high:,.{digits}f}"
    least = "at least " if found.is_lower else ""
    return f"{name} saturates at {least}{found.capacity:,.{digits}f} journeys/s ({span})"


def _what(found: Found, first: float, goodput: float, top: float) -> str:
    begin = f"from {rate(first)}/s on"
    if found.cause == "rate_limit":
        whose = {"global": " for everybody", "per_identity": " for each identity"}
        return f"{begin} requests beyond a rate limit{whose.get(found.scope, '')} are refused"
    if found.is_wasted:
        return (
            f"{begin} requests time out, and goodput falls, to {rate(goodput)}/s at {rate(top)}/s"
        )
    assert found.capacity is not None
    if found.falls or goodput < _LESS * found.capacity:
        return f"{begin} goodput falls, to {rate(goodput)}/s at {rate(top)}/s"
    if found.is_shared:
        return f"{begin} more is asked for than is worked off, and all requests slow down together"
    if found.share_served:
        return (
            f"{begin} a part fails or queues, while about {found.share_served:.0%} of the load is"
            f" served all the same, so that goodput still rises, to {rate(goodput)}/s at"
            f" {rate(top)}/s"
        )
    if goodput > _MORE * found.capacity:
        return f"{begin} a part is lost, while goodput still rises, to {rate(goodput)}/s"
    how = {
        "queue": "while requests queue",
        "dependency": "while calls behind the service fail",
    }.get(found.cause, "and the rest is lost")
    return f"{begin} goodput stays at {rate(goodput)}/s {how}"


def next_of_open(found: Found, sustained: float | None, up_to: float | None) -> str:
    """Empty where the answer is good enough."""
    if found.verdict == "not_reached":
        top = up_to or 0
        return f"To find the limit, go on from {rate(top)} to {rate(2 * top)}/s in steps of 10 %."
    if found.verdict == "inconclusive":
        return _more(found, sustained, up_to)
    if found.cause == "quota" and found.capacity is None:
        return "Stay above the quota for more than two of its windows, so that its size shows."
    if found.capacity is None or found.ci is None:
        return ""
    half = (found.ci[1] - found.ci[0]) / 2
    if half <= _WIDE * found.capacity and not found.is_lower:
        return ""
    low, high = 0.8 * found.ci[0], 1.15 * found.ci[1]
    return f"Repeat with steps of 10 % between {rate(low)} and {rate(high)}/s, to narrow it down."


def _more(found: Found, sustained: float | None, up_to: float | None) -> str:
    bad = [stage.offered for stage in balance.caused(found.stages)]
    if bad:
        low = sustained if sustained and sustained < min(bad) else 0.7 * min(bad)
        return f"Repeat with longer steps of 10 % between {rate(low)} and {rate(1.3 * min(bad))}/s."
    if up_to:
        return f"Offer at least three loads, from {rate(0.5 * up_to)}/s up, in steps of 10 to 20 %."
    return "See that the flow succeeds at a low load first, then raise it in steps."


def of_closed(name: str, found: Closed) -> tuple[str, str]:
    """The sentence and the next run."""
    most = round(max((level.users for level in found.levels), default=0))
    if found.verdict == "inconclusive":
        few = len(found.levels) < 3
        why = "too few numbers of users were tried" if few else "the evidence is not clear"
        return (
            f"Where {name} saturates cannot be told: {why}, up to {most} users.",
            f"Try at least five numbers of users, up to {max(2 * most, 10)}.",
        )
    if found.verdict == "not_reached":
        best = max(level.goodput for level in found.levels)
        return (
            f"{name} gave more with every user, up to {rate(best)} journeys/s at {most} users"
            " (closed model).",
            f"To find the limit, go on from {most} to {3 * most} users.",
        )
    assert found.capacity is not None
    assert found.ci is not None
    low, high = found.ci
    digits = decimals_for(low, high)
    how = "falls" if found.is_retrograde else "no longer rises"
    return (
        f"{name} saturates at {found.capacity:,.{digits}f} journeys/s ({low:,.{digits}f} to"
        f" {high:,.{digits}f}): with more than about {found.users:.0f} users goodput {how}"
        " (closed model).",
        "",
    )
