"""Measures again what others disturbed: the choice goes by the CPU that they took, never by the
figure that came out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks import _machine
from benchmarks._machine import say

_TRIES = 3
# After so many tries in a row without any calm the machine is plainly busy: no more repeats,
# until a measurement finds it calm again.
_HOPELESS = 6
Value = TypeVar("Value")


@dataclass
class Calm:
    """Keeps the least disturbed of up to three tries, where others took more than `limit` cores.
    `others` are the cores that they took in what was kept, `repeated` the tries given up."""

    limit: float
    others: list[float] = field(default_factory=list)
    repeated: int = 0
    _in_vain: int = 0

    def measure(
        self, what: Callable[[], Value], server_cpu_s: Callable[[], float] = lambda: 0.0
    ) -> Value:
        """`server_cpu_s` are the CPU seconds of servers that run on beyond the measurement."""
        kept, least = self._once(what, server_cpu_s)
        tries = 1
        while least > self.limit and tries < _TRIES and self._in_vain < _HOPELESS:
            say(f"  (others took {least:.2f} of a core meanwhile; once more)")
            self.repeated += 1
            value, others = self._once(what, server_cpu_s)
            tries += 1
            if others < least:
                kept, least = value, others
        self.others.append(least)
        return kept

    def _once(
        self, what: Callable[[], Value], server_cpu_s: Callable[[], float]
    ) -> tuple[Value, float]:
        before = _machine.usage(server_cpu_s())
        value = what()
        others = _machine.taken_by_others(before, _machine.usage(server_cpu_s()))
        self._in_vain = self._in_vain + 1 if others > self.limit else 0
        return value, others
