"""Rounds in which every tool has its turn, so that what disturbs one disturbs all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from benchmarks._calm import Calm
from benchmarks._machine import say
from benchmarks._spread import Spread, spread


@dataclass(frozen=True)
class Contestant:
    """`measure` gives requests/s; `note` says what is special about it."""

    name: str
    note: str
    measure: Callable[[], float]


@dataclass
class Scores:
    """Requests/s by tool, and how busy the server's core was with each, as a share of the
    seconds of load."""

    rates: dict[str, Spread] = field(default_factory=dict)
    server_busy: dict[str, Spread] = field(default_factory=dict)


def hold(
    contestants: Sequence[Contestant],
    rounds: int,
    seconds: float,
    calm: Calm,
    server_cpu_s: Callable[[], float],
) -> Scores:
    """Each round starts with another tool."""
    rates: dict[str, list[float]] = {one.name: [] for one in contestants}
    busy: dict[str, list[float]] = {one.name: [] for one in contestants}

    def turn(one: Contestant) -> tuple[float, float]:
        before_s = server_cpu_s()
        return one.measure(), min(1.0, (server_cpu_s() - before_s) / seconds)

    for number in range(rounds):
        first = number % len(contestants)
        for one in [*contestants[first:], *contestants[:first]]:
            rate, share = calm.measure(partial(turn, one), server_cpu_s)
            rates[one.name].append(rate)
            busy[one.name].append(share)
            say(f"round {number + 1}/{rounds}: {one.name} {rate:,.0f}/s")
    return Scores(_spreads(rates), _spreads(busy))


def _spreads(found: dict[str, list[float]]) -> dict[str, Spread]:
    spreads = {name: spread(values) for name, values in found.items()}
    return {name: one for name, one in spreads.items() if one is not None}
