"""`loadrunner selfcheck`: what this machine can generate, and how truly it measures."""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from loadrunner import ceiling
from loadrunner.engine import timer
from loadrunner.selfcheck import findings, trials
from loadrunner.selfcheck.findings import CeilingFinding, Punctuality, Truth
from loadrunner.selfcheck.server import STALL_S, serving
from runs.analysis.wording import duration, milliseconds, number, per_second

# Arrivals are on time where none but a few are dropped, and 99 of 100 of the others leave within
# this of when they are due.
ON_TIME_US: Final = 1000.0
HELD: Final = 0.999
_LEAST_RPS: Final = 1000.0
_SHARES: Final = (0.25, 0.5, ceiling.SAFE_SHARE)


@dataclass(frozen=True)
class _Result:
    ceiling: CeilingFinding
    arrivals: tuple[Punctuality, ...]
    service: tuple[Truth, ...]
    stall: tuple[Truth, ...]
    kept_in: Path | None

    @property
    def on_time_rps(self) -> float | None:
        """The highest rate tried up to which arrivals are on time; None where none is."""
        reached = None
        for one in self.arrivals:
            if not _is_on_time(one):
                break
            reached = one.rate_rps
        return reached


def _is_on_time(one: Punctuality) -> bool:
    is_held = one.sent_rps >= HELD * one.rate_rps
    return is_held and one.late_p99_us is not None and one.late_p99_us <= ON_TIME_US


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "selfcheck",
        help="what this machine can generate, and how truly it measures",
        description="Loads a built-in server on this machine for about half a minute: the most"
        " that one worker can send, how punctual arrivals are, and how true times are where they"
        " are known, in a stall too. The ceiling is kept; run and plan warn of plans beyond it.",
    )
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 once it is told."""
    result = _checked()
    if arguments.format == "json":
        sys.stdout.write(json.dumps(_document(result), indent=1) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(result)) + "\n")
    return 0


def _checked() -> _Result:
    with serving() as base_url:
        _say(f"1 of 2: the ceiling, {trials.CEILING_S:g} s")
        found = findings.ceiling(trials.ceiling(base_url))
        rates = _rates(found.rps)
        length_s = len(rates) * (trials.ARRIVALS_S + 0.5) + trials.SERVICE_S + trials.STALL_RUN_S
        _say(f"2 of 2: arrivals, known service times and a stall, {length_s:.0f} s")
        made = trials.known(base_url, rates)
    return _Result(
        found,
        findings.punctuality(made, rates),
        findings.service(made),
        findings.stall(made),
        ceiling.remember(ceiling.measured(round(found.rps))),
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _rates(ceiling_rps: float) -> tuple[float, ...]:
    """A rate that every machine should hold, then shares of the ceiling."""
    shares = [round(share * ceiling_rps, -2) for share in _SHARES]
    return (_LEAST_RPS, *(rate for rate in shares if rate > _LEAST_RPS))


def _document(result: _Result) -> dict[str, Any]:
    """Rates per second; lateness in microseconds."""
    return {
        "ceiling_rps": round(result.ceiling.rps, 1),
        "ceiling": asdict(result.ceiling),
        "connections": trials.CONNECTIONS,
        "timer": "timerfd" if timer.is_exact() else "loop",
        "on_time_rps": result.on_time_rps,
        "arrivals": [asdict(one) for one in result.arrivals],
        "service": [asdict(one) for one in result.service],
        "stall": [asdict(one) for one in result.stall],
        "kept_in": None if result.kept_in is None else str(result.kept_in),
    }


def _lines(result: _Result) -> Iterator[str]:
    yield from _ceiling_lines(result.ceiling)
    yield ""
    yield "Arrivals: how long after its due time a request leaves."
    yield f"  {'wanted':>10}  {'sent':>10}  {'p50':>9}  {'p99':>9}  {'p99.9':>9}"
    yield from map(_arrival_line, result.arrivals)
    yield _on_time(result.on_time_rps)
    if not timer.is_exact():
        yield "This system has no timerfd: arrivals are kept by a timer of one millisecond."
    yield ""
    yield "Known service times, at 300/s: 9 in 10 answers take 5 ms, the tenth 50 ms."
    yield from map(_truth_line, result.service)
    yield ""
    yield (
        f"A stall of {duration(STALL_S)} of the server, at 500/s: what the requests that were due"
        " in it should show."
    )
    yield from map(_truth_line, result.stall)
    yield ""
    if result.kept_in is None:
        yield "The ceiling could not be kept: the cache folder cannot be written."
    else:
        yield f"The ceiling is kept in {result.kept_in}."


def _ceiling_lines(found: CeilingFinding) -> Iterator[str]:
    safe = per_second(round(ceiling.SAFE_SHARE * found.rps, -2))
    yield (
        f"One worker of this machine sends {number(round(found.rps))} requests/s at most"
        f" ({trials.CONNECTIONS} connections, POST of 300 bytes). run and plan warn beyond {safe}."
    )
    if not found.is_workers_own:
        yield (
            "The worker had to share the processor with the server and the coordinator: with the"
            " target on another machine it may send more."
        )


def _on_time(rate_rps: float | None) -> str:
    if rate_rps is None:
        return "At none of these rates do 99 of 100 leave within 1 ms: this machine is too busy."
    return f"Up to {per_second(rate_rps)}, 99 of 100 leave within 1 ms of their due time."


def _arrival_line(one: Punctuality) -> str:
    times = (one.late_p50_us, one.late_p99_us, one.late_p99_9_us)
    cells = "  ".join(f"{milliseconds(_in_ms(each)):>9}" for each in times)
    rates = f"{per_second(one.rate_rps):>10}  {per_second(round(one.sent_rps)):>10}"
    return f"  {rates}  {cells}"


def _in_ms(time_us: float | None) -> float | None:
    return None if time_us is None else round(time_us) / 1000


def _truth_line(one: Truth) -> str:
    shown = milliseconds if one.unit == "ms" else number
    if one.measured is None:
        return f"  {one.what}: {shown(one.known)} is right, but it falls among what got no answer"
    off = (one.measured - one.known) / one.known
    measured = shown(round(one.measured, 3))
    return f"  {one.what}: {shown(one.known)} is right, {measured} was measured ({off:+.1%})"
