"""A series of runs, one after the other: repeats of a campaign, or two sides in turns.

The runs of a series stand in one folder and carry the same label `group`, so that whoever reads
them later knows them for repeats.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from loadrunner.campaign.model import Campaign
from loadrunner.execution import Execution, Options, execute

Clock = Callable[[], float]


@dataclass(frozen=True)
class Side:
    """A campaign as it is run again; `name` is its folder within the series, empty for none."""

    name: str
    campaign: Campaign


class RunSeries:
    """Runs as long as there is time for another. `most` of each side; `max_s` from the first."""

    def __init__(
        self, options: Options, console: Console, max_s: float | None, clock: Clock = time.monotonic
    ) -> None:
        self.options, self.console, self.max_s = options, console, max_s
        self.group = uuid4().hex[:8]
        self.ran_out = False
        self._clock = clock
        self._began: float | None = None
        self._made: dict[str, int] = {}
        self.noted: dict[str, list[str]] = {}  # each note, with the runs that it is of

    def run(self, side: Side) -> Execution:
        """The side's next run, whatever the time."""
        if self._began is None:
            self._began = self._clock()
        number = self._made[side.name] = self._made.get(side.name, 0) + 1
        execution = execute(side.campaign, self._options(side, number), self.console)
        for note in execution.notes:
            self.noted.setdefault(note, []).append(self._name(execution.folder))
        return execution

    @property
    def runs(self) -> int:
        return sum(self._made.values())

    def _name(self, folder: Path) -> str:
        return folder.relative_to(self.options.out).as_posix()

    def has_time_for(self, *sides: Side) -> bool:
        """Whether so many more runs would end in time; if not, the series has run out of it."""
        if self.max_s is None or self._began is None:
            return True
        lasts_s = sum(side.campaign.duration_s for side in sides)
        self.ran_out = self._clock() - self._began + lasts_s > self.max_s
        return not self.ran_out

    def _options(self, side: Side, number: int) -> Options:
        labels = {"group": self.group, "repeat": str(number)}
        if side.name:
            labels["side"] = side.name
        seed = self.options.seed
        return replace(
            self.options,
            out=self.folder(side) / f"run-{number:02d}",
            labels={**self.options.labels, **labels},
            # Each repeat with data and arrivals of its own, and the whole to be had again.
            seed=None if seed is None else seed + number - 1,
        )

    def folder(self, side: Side) -> Path:
        return self.options.out / side.name if side.name else self.options.out


def in_turns(first: Side, second: Side, most: int) -> Iterator[tuple[Side, Side]]:
    """A B, B A, A B, …: what drifts while the runs are made falls on both sides alike."""
    for number in range(most):
        yield (first, second) if number % 2 == 0 else (second, first)
