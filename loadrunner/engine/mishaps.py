"""What journeys in Python raise: counted by scenario, and told by the first of each."""

import json
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

_LONGEST: Final = 4000


@dataclass
class Mishap:
    """So many journeys of a scenario ended by an error of its function; `first` is the first
    one's traceback."""

    count: int
    first: str


class Mishaps:
    """A worker's. `news` is None while there is none since the last time it was asked."""

    def __init__(self) -> None:
        self._of: dict[str, Mishap] = {}
        self._told = 0

    def note(self, scenario: str, error: BaseException) -> None:
        known = self._of.get(scenario)
        if known is None:
            # Without the frame of the engine that called the function.
            trace = error.__traceback__
            inner = error.with_traceback(trace.tb_next if trace is not None else None)
            text = "".join(traceback.format_exception(inner)).rstrip()
            known = self._of[scenario] = Mishap(0, text[-_LONGEST:])
        known.count += 1

    @property
    def news(self) -> bytes | None:
        total = sum(one.count for one in self._of.values())
        if total == self._told:
            return None
        self._told = total
        return json.dumps({name: asdict(one) for name, one in self._of.items()}).encode()


def read(body: bytes) -> dict[str, Mishap]:
    """What a worker told, by scenario."""
    return {name: Mishap(**one) for name, one in json.loads(body).items()}


def summed(workers: Mapping[int, Mapping[str, Mishap]]) -> dict[str, Mishap]:
    """Those of all workers, each scenario's first told by the first worker that had one."""
    whole: dict[str, Mishap] = {}
    for _, mine in sorted(workers.items()):
        for name, one in mine.items():
            known = whole.setdefault(name, Mishap(0, one.first))
            known.count += one.count
    return whole
