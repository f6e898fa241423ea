"""A forecast for people: a table of the phases and a picture of the load over time."""

from collections.abc import Sequence

from loadrunner.campaign.forecast import Forecast, PhaseForecast, levels
from loadrunner.campaign.mix import in_words
from loadrunner.campaign.model import Campaign
from runs.analysis.wording import duration, number, per_second, plural, users

COLUMNS = 60
_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*%#"
_HEAD = ("scenario", "phase", "start", "length", "load", "journeys", "requests")


def text(campaign: Campaign, plan: Forecast, encoding: str) -> str:
    """`encoding` is that of the output; where it knows no block letters, plain ones are used."""
    parts = [
        [_title(campaign, plan)],
        _table([_HEAD, *(_cells(phase) for phase in plan.phases)]),
        [f"Mix: {in_words(campaign)}."] if campaign.mix else [],
        _totals(plan),
        _picture(plan, _letters(encoding)),
        [f"Left out: {name}: {reason}" for name, reason in campaign.skipped.items()],
        [f"Note: {note}" for note in campaign.notes],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _title(campaign: Campaign, plan: Forecast) -> str:
    smoke = " (smoke)" if campaign.is_smoke else ""
    return (
        f"Campaign {campaign.name}{smoke} against {campaign.target.base_url},"
        f" {duration(plan.duration_s)}"
    )


def _cells(phase: PhaseForecast) -> tuple[str, ...]:
    return (
        phase.scenario,
        phase.phase,
        duration(phase.start_s) if phase.start_s else "0 s",
        duration(phase.duration_s),
        _load(phase),
        _count(phase.journeys),
        "as sent" if phase.requests is None and phase.journeys else _count(phase.requests),
    )


def _load(phase: PhaseForecast) -> str:
    if phase.rate_from is None or phase.rate_to is None:
        return users(phase.users, phase.users_from, phase.users_to)
    if phase.rate_from == phase.rate_to:
        return per_second(phase.rate_to)
    return f"{number(phase.rate_from)} to {per_second(phase.rate_to)}"


def _count(count: int | None) -> str:
    return "as answered" if count is None else f"{count:,}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as need be; from the third on they are figures and stand to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return [
        "  ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _totals(plan: Forecast) -> list[str]:
    lines = []
    if plan.journeys:
        is_whole = not any(one.journeys and one.requests is None for one in plan.phases)
        more = "retries" if is_whole else "retries, and what functions send beyond one request,"
        lines.append(
            f"In all {plural(plan.journeys, 'journey')} and {plural(plan.requests, 'request')},"
            f" at most {number(plan.peak_jps)} journeys/s and {number(plan.peak_rps)} requests/s;"
            f" {more} not counted."
        )
    if plan.peak_users:
        lines.append(
            f"At most {plural(plan.peak_users, 'closed user')} at a time, which send as fast as"
            " they are answered."
        )
    if before := plan.setup_requests + plan.logins:
        lines.append(
            f"Before it {plural(before, 'request')}:"
            f" {plan.setup_requests} of setup, {plural(plan.logins, 'login')}."
        )
    return lines


def _letters(encoding: str) -> str:
    try:
        _BLOCKS.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return _ASCII
    return _BLOCKS


def _picture(plan: Forecast, letters: str) -> list[str]:
    """One line a scenario, each to the scale of its own highest load, over a common time axis."""
    width = max(len(name) for name in plan.scenarios)
    lines = []
    for name in plan.scenarios:
        row = levels(plan.phases_of(name), plan.duration_s, COLUMNS)
        top = max(row)
        drawn = "".join(_letter(level, top, letters) for level in row)
        lines.append(f"{name:<{width}}  {drawn}  {_top(plan.phases_of(name))}")
    end = duration(plan.duration_s)
    lines.append(f"{'':<{width}}  0 s{end:>{COLUMNS - 3}}")
    return lines


def _letter(level: float, top: float, letters: str) -> str:
    """Nothing is blank; the least load is still the first letter."""
    if level <= 0 or top <= 0:
        return letters[0]
    return letters[max(1, round(level / top * (len(letters) - 1)))]


def _top(phases: Sequence[PhaseForecast]) -> str:
    rates = [rate for phase in phases for rate in (phase.rate_from, phase.rate_to) if rate]
    most = max((phase.users or 0 for phase in phases), default=0)
    parts = [f"up to {per_second(max(rates))}"] if rates else []
    parts += [f"up to {plural(most, 'user')}"] if most else []
    return ", ".join(parts)
