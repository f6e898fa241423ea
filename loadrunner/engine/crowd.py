"""The users of a phase of the closed model, whose number may rise or fall while it lasts."""

from dataclasses import dataclass

from loadrunner.campaign.model import Load
from loadrunner.engine import schedule

# Nobody stays from now until before now.
NEVER = (0, -1)


@dataclass(frozen=True, slots=True)
class Crowd:
    """From `first` users at `start_us` the number goes evenly to `last` at `end_us`."""

    first: int
    last: int
    start_us: int
    end_us: int

    @classmethod
    def of(cls, load: Load) -> "Crowd":
        stretch = schedule.span(load)
        first = load.users if load.users_from is None else load.users_from
        last = load.users if load.users_to is None else load.users_to
        return cls(first or 0, last or 0, stretch.start_us, stretch.end_us)

    @property
    def most(self) -> int:
        return max(self.first, self.last)

    def stay(self, user: int) -> tuple[int, int]:
        """When this user joins and leaves, in microseconds of the run; the first is user 0.

        There are as many users as the line between first and last says, rounded: user n is there
        while it stands at n + 0.5 or above.
        """
        if user >= self.most:
            return NEVER
        if user < min(self.first, self.last):
            return self.start_us, self.end_us
        share = (user + 0.5 - self.first) / (self.last - self.first)
        turn_us = self.start_us + round(share * (self.end_us - self.start_us))
        return (turn_us, self.end_us) if self.last > self.first else (self.start_us, turn_us)
