"""Measures again what others disturbed: the choice goes by the CPU that they took, never by the
figure that came out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks import _machine
from benchmarks._machine import say

_TRIES = 3
Value = TypeVar("Value")


@dataclass
class Calm:
    """Keeps the least disturbed of up to three tries, where others took more than `limit` cores.
    `others` are the cores that they took in what was kept, `repeated` the tries given up."""

    limit: float
    others: list[float] = field(default_factory=list)
    repeated: int = 0

    def measure(
        self, what: Callable[[], Value], server_cpu_s: Callable[[], float] = lambda: 0.0
    ) -> Value:
        """`server_cpu_s` are the CPU seconds of servers that run on beyond the measurement."""
        kept, least = self._once(what, server_cpu_s)
        for _ in range(_TRIES - 1):
            if least <= self.limit:
                break
            say(f"  (others took {least:.2f} of a core meanwhile; once more)")
            self.repeated += 1
            value, others = self._once(what, server_cpu_s)
            if others < least:
                kept, least = value, others
        self.others.append(least)
        return kept

    def _once(
        self, what: Callable[[], Value], server_cpu_s: Callable[[], float]
    ) -> tuple[Value, float]:
        before = _machine.usage(server_cpu_s())
        value = what()
        return value, _machine.taken_by_others(before, _machine.usage(server_cpu_s()))
