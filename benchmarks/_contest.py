"""Rounds in which every tool has its turn, so that what disturbs one disturbs all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from benchmarks._calm import Calm
from benchmarks._machine import say
from benchmarks._meter import Cost, measured
from benchmarks._nginx import Nginx
from benchmarks._spread import Spread, spread


@dataclass(frozen=True)
class Contestant:
    """`measure` gives requests/s; `note` says what is special about it."""

    name: str
    note: str
    measure: Callable[[], float]


@dataclass
class Scores:
    """By tool: requests/s, requests by CPU second of the generator, and how busy the server's
    core and the generator's were, in cores."""

    rates: dict[str, Spread] = field(default_factory=dict)
    by_cpu: dict[str, Spread] = field(default_factory=dict)
    server: dict[str, Spread] = field(default_factory=dict)
    generator: dict[str, Spread] = field(default_factory=dict)


def hold(contestants: Sequence[Contestant], rounds: int, calm: Calm, nginx: Nginx) -> Scores:
    """Each round starts with another tool."""
    rates: dict[str, list[float]] = {one.name: [] for one in contestants}
    costs: dict[str, list[Cost]] = {one.name: [] for one in contestants}
    for number in range(rounds):
        first = number % len(contestants)
        for one in [*contestants[first:], *contestants[:first]]:
            rate, cost = calm.measure(partial(measured, nginx, one.measure), nginx.cpu_s)
            rates[one.name].append(rate)
            costs[one.name] += [cost] if cost else []
            by_cpu = f", {cost.requests_by_cpu_s:,.0f} by CPU second" if cost else ""
            say(f"round {number + 1}/{rounds}: {one.name} {rate:,.0f}/s{by_cpu}")
    return Scores(
        _spreads(rates),
        *(
            _spreads(
                {name: [getattr(one, figure) for one in found] for name, found in costs.items()}
            )
            for figure in ("requests_by_cpu_s", "server_cores", "generator_cores")
        ),
    )


def _spreads(found: dict[str, list[float]]) -> dict[str, Spread]:
    spreads = {name: spread(values) for name, values in found.items()}
    return {name: one for name, one in spreads.items() if one is not None}
