"""Figures as people read them: digits, units and spans, in one place for terminal and pages.

Every function takes None for unknown and answers with a dash, so that no caller invents a zero.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from runs.analysis.percentiles import QUANTILES

UNKNOWN = "–"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_CAUSES = {
    "queue": "a queue: work waits for something that has a fixed size",
    "rate_limit": "a rate limit: the service refuses what goes beyond it",
    "quota": "a quota: a fixed number of requests in each window of time",
    "retrograde": "contention: the service does less work the more it is given",
    "dependency": "a slow dependency behind the service",
    "unknown": "a cause that the samples do not show",
    "none": "nothing yet",
}


def number(value: float | None, digits: int = 3) -> str:
    """`digits` significant digits, never fewer than the integer part has."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{value:,.{_decimals(value, digits)}f}"


def _decimals(value: float, digits: int) -> int:
    """How many decimals leave `digits` significant ones; none where the value is whole."""
    if value == int(value):
        return 0
    magnitude = math.floor(math.log10(abs(value)))
    return min(max(digits - 1 - magnitude, 0), 6)


def decimals_for(low: float, high: float) -> int:
    """Decimals that an interval deserves: the first digit of its half-width, and no more.

    A lower end above zero gets one digit of its own, so that it never reads as zero.
    """
    half = (high - low) / 2
    if half <= 0 or not math.isfinite(half):
        return _decimals(high, 3) if math.isfinite(high) else 0
    least = min(low, half) if low > 0 else half
    return min(max(-math.floor(math.log10(least) + 1e-9), 0), 6)


def figure_and_interval(
    value: float | None, interval: Sequence[float | None] | None
) -> tuple[str, str]:
    """A figure and its 95 % interval, with the digits that the interval deserves.

    ('74', '73 to 75'); the second is empty where no interval is known.
    """
    if value is None or not math.isfinite(value):
        return UNKNOWN, ""
    low, high = bounds(interval)
    if low is None or high is None:
        return number(value), ""
    places = decimals_for(low, high)
    return f"{value:,.{places}f}", f"{low:,.{places}f} to {high:,.{places}f}"


def bounds(interval: Sequence[float | None] | None) -> tuple[float | None, float | None]:
    """Both ends of an interval, or two Nones unless both are finite."""
    if not interval or len(interval) != 2:
        return None, None
    low, high = interval
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None, None
    return low, high


def milliseconds(value: float | None) -> str:
    """'12.3 ms', or '1.23 s' from a second on."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{number(value / 1000)} s" if abs(value) >= 1000 else f"{number(value)} ms"


def per_second(value: float | None) -> str:
    return UNKNOWN if value is None else f"{number(value)}/s"


def percent(share: float | None) -> str:
    """A share of 1 as '0.4 %'; what rounds to nothing but is something is '< 0.01 %'."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    if 0 < share < 0.0001:
        return "< 0.01 %"
    return f"{number(share * 100, 2 if share < 0.1 else 3)} %"


def is_among_unanswered(name: str, unanswered: float | None) -> bool:
    """Whether a percentile of the response time, such as p95, falls among the requests that did
    not get their expected answer, which rank above every time."""
    return unanswered is not None and QUANTILES[name] > 1 - unanswered + 1e-12


def change(ratio: float | None) -> str:
    """A ratio as a signed change: 1.18 is '+18 %', 0.9 is '−10 %'."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    percents = round((ratio - 1) * 100, 1 if abs(ratio - 1) < 0.1 else 0)
    if percents == 0:
        return "±0 %"
    return f"{'+' if percents > 0 else '−'}{abs(percents):g} %"


def duration(seconds: float | None) -> str:
    """'45 s', '1 min 30 s', '2 h 5 min'."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < _MINUTE:
        return f"{number(seconds, 2)} s"
    whole = round(seconds)
    if whole < _HOUR:
        return _two(whole // _MINUTE, "min", whole % _MINUTE, "s")
    return _two(whole // _HOUR, "h", whole % _HOUR // _MINUTE, "min")


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big} {big_unit} {small} {small_unit}" if small else f"{big} {big_unit}"


def size(count: int | None) -> str:
    """Bytes with decimal prefixes: '3.4 MB'."""
    if count is None:
        return UNKNOWN
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{number(value)} {unit}"


def relative(when: datetime | None, now: datetime) -> str:
    """'just now', '5 minutes ago', 'yesterday', '3 weeks ago', or 'in 2 days'."""
    if when is None:
        return UNKNOWN
    seconds = (now - when).total_seconds()
    span = _span(abs(seconds))
    if not span:
        return "just now"
    return f"{span} ago" if seconds > 0 else f"in {span}"


def _span(seconds: float) -> str:
    steps = ((60, "minute"), (60, "hour"), (24, "day"), (7, "week"), (4.35, "month"), (12, "year"))
    value, name = seconds, ""
    for factor, unit in steps:
        if value < factor:
            break
        value, name = value / factor, unit
    return plural(int(value), name) if name else ""


def plural(count: int, noun: str) -> str:
    """'1 run', '2 runs', '2 retries', '2 criteria'."""
    if count == 1:
        return f"1 {noun}"
    if noun == "criterion":
        return f"{count:,} criteria"
    many = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{count:,} {many}"


def users(most: int | None, first: int | None = None, last: int | None = None) -> str:
    """'20 users', and of a number that rises or falls '1 to 50 users'."""
    if first == last:
        return plural(most or 0, "user")
    return f"{first or 0:,} to {plural(last or 0, 'user')}"


def name(code: str | None) -> str:
    """A code as a word to read: 'no_change' -> 'no change'."""
    return (code or UNKNOWN).replace("_", " ")


def measured(value: float | None, unit: str | None) -> str:
    """A criterion's figure with its unit as the grammar writes it (ms, s, %, /s, none)."""
    match unit:
        case "ms":
            return milliseconds(value)
        case "s":
            return milliseconds(None if value is None else value * 1000)
        case "%":
            return UNKNOWN if value is None else f"{number(value)} %"
        case "/s":
            return per_second(value)
        case _:
            return number(value)


def cause(code: str | None) -> str:
    """What stopped a scenario, as the end of a sentence."""
    return _CAUSES.get(code or "none", name(code))


def who(scenario: str | None) -> str:
    """A scenario at the start of a sentence."""
    if scenario is None:
        return "The whole system"
    words = name(scenario)
    first, space, rest = words.partition(" ")
    if len(first) <= 4 and any(letter.isdigit() for letter in first):
        return first.upper() + space + rest  # b2b
    return words[:1].upper() + words[1:]


def capacity(point: Mapping[str, Any]) -> str:
    """A saturation entry of the report in one line, as a title says it.

    'Billing saturates at 74/s (73 to 75)', 'Chat: not reached up to 30/s'.
    """
    subject = who(point.get("scenario"))
    if point.get("verdict") == "reached":
        return f"{subject} {_reached(point)}"
    up_to = per_second(point.get("up_to_jps"))
    if point.get("verdict") == "not_reached":
        return f"{subject}: saturation not reached up to {up_to}"
    return f"{subject}: too little evidence of a saturation point up to {up_to}"


def seen(explanation: str) -> str:
    """What was seen of a saturation point, without the point that stands beside it already."""
    head, colon, rest = explanation.partition("): ")
    return rest[:1].upper() + rest[1:] if colon and " saturates at " in head else explanation


def _reached(point: Mapping[str, Any]) -> str:
    value, interval = figure_and_interval(point.get("capacity_jps"), point.get("ci_jps"))
    if value == UNKNOWN:
        return "saturates, at a load that this run does not pin down"
    more = " or more" if point.get("bound") == "lower" else ""
    return f"saturates at {value}/s{more}" + (f" ({interval})" if interval else "")


def span_ms(low: float, high: float) -> str:
    """An interval of milliseconds: '310 to 342 ms', '1.21 to 1.4 s'."""
    factor, unit = (1000.0, "s") if high >= 1000 else (1.0, "ms")
    places = decimals_for(low / factor, high / factor)
    return f"{low / factor:,.{places}f} to {high / factor:,.{places}f} {unit}"


def headroom(entry: Mapping[str, Any]) -> str:
    """'1.68× the production peak of 50/s (1.62 to 1.74)'; open intervals say 'at least'."""
    peak = per_second(entry.get("peak_jps"))
    ratio = entry.get("ratio")
    if ratio is None:
        return f"unknown: the capacity was not pinned down; the production peak is {peak}"
    low, high = entry.get("ci") or (None, None)
    if high is None:
        return (
            f"at least {number(low if low is not None else ratio)}× the production peak of {peak}"
        )
    value, span = figure_and_interval(ratio, (low, high))
    return f"{value}× the production peak of {peak} ({span})"


def headroom_sentence(point: Mapping[str, Any]) -> str:
    """'84 journeys/s (81 to 87), peak 50: 1.68×'."""
    entry = point["headroom"]
    value, span = figure_and_interval(point.get("capacity_jps"), point.get("ci_jps"))
    if value == UNKNOWN:
        value = f"at least {number(point.get('sustained_jps') or point.get('up_to_jps'))}"
    interval = f" ({span})" if span else ""
    ratio = entry.get("ratio")
    times = "" if ratio is None else f": {number(ratio)}×"
    return f"{value} journeys/s{interval}, peak {number(entry.get('peak_jps'))}{times}"
