"""The live view: a table that renews itself in a terminal, plain lines everywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadrunner.progress import WINDOW_S, ScenarioNow, Snapshot

_LINE_EVERY_S = 5.0
Watcher = Callable[[Callable[[], Snapshot]], None]


@contextmanager
def watching(
    console: Console, name: str, duration_s: float, *, quiet: bool
) -> Iterator[Watcher | None]:
    """A watcher for the coordinator, none when quiet; what it draws goes when the run is over."""
    if quiet:
        yield None
    elif console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            yield lambda look: live.update(_table(look(), name, duration_s), refresh=True)
    else:
        yield _Lines(console, name)


class _Lines:
    """One plain line every few seconds."""

    def __init__(self, console: Console, name: str) -> None:
        self._console = console
        self._name = name
        self._next_s = time.monotonic() + _LINE_EVERY_S

    def __call__(self, look: Callable[[], Snapshot]) -> None:
        if time.monotonic() < self._next_s:
            return
        self._next_s += _LINE_EVERY_S
        now = look()
        scenarios = "; ".join(_line(one) for one in now.scenarios if one.phase != "done")
        self._console.print(
            f"{self._name}: {now.elapsed_s:.0f} s, {now.left_s:.0f} s left, "
            f"{now.in_flight} in flight. {scenarios or 'Waiting for the last answers.'}",
            highlight=False,
            soft_wrap=True,
        )


def _line(one: ScenarioNow) -> str:
    bad = sum(count for outcome, count in one.outcomes.items() if outcome != "ok")
    return (
        f"{one.name} {one.phase}: wanted {one.wanted}, answered {one.answered_rps:.0f}/s, "
        f"p95 {_ms(one.p95_ms)}, {bad} not ok"
    )


def _table(now: Snapshot, name: str, duration_s: float) -> Table:
    table = Table.grid(padding=(0, 0))
    table.add_row(_title(now, name))
    table.add_row(ProgressBar(total=duration_s, completed=min(now.elapsed_s, duration_s), width=60))
    table.add_row(_scenarios(now))
    table.add_row(
        Text(f"Figures of the last {WINDOW_S:g} s; Ctrl-C ends the run and keeps it.", "dim")
    )
    return table


def _title(now: Snapshot, name: str) -> Text:
    text = Text()
    text.append(name, "bold")
    text.append(f"   {_clock(now.elapsed_s)} elapsed, {_clock(now.left_s)} left")
    text.append(f"   {now.sent:,} sent, {now.in_flight:,} in flight")
    return text


def _scenarios(now: Snapshot) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("scenario")
    table.add_column("phase")
    for heading in ("journeys wanted", "requests answered", "p50", "p95", "p99"):
        table.add_column(heading, justify="right")
    table.add_column("outcomes so far")
    for one in now.scenarios:
        style = "dim" if one.phase == "done" else ""
        times = [_ms(value) for value in (one.p50_ms, one.p95_ms, one.p99_ms)]
        rate = f"{one.answered_rps:.0f}/s"
        table.add_row(one.name, one.phase, one.wanted, rate, *times, _outcomes(one), style=style)
    return table


def _outcomes(one: ScenarioNow) -> str:
    counts = sorted(one.outcomes.items(), key=lambda item: (item[0] != "ok", -item[1]))
    return "  ".join(f"{outcome} {count:,}" for outcome, count in counts)


def _ms(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f} ms" if value >= 100 else f"{value:.1f} ms"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"
