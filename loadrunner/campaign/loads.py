"""A scenario's load: its phases laid one after another, staircases cut into stages."""

from collections.abc import Iterator, Sequence

from loadrunner.campaign.document import Path
from loadrunner.campaign.model import Load
from loadrunner.campaign.reading import Reading
from loadrunner.campaign.schema import LoadSection, StaircaseSection

STAGE = "stage"


def loads(
    sections: Sequence[LoadSection], start_s: float, path: Path, reading: Reading
) -> tuple[Load, ...]:
    """The phases from `start_s` on. A phase name that is there already is a problem."""
    phases: list[Load] = []
    for index, section in enumerate(sections):
        for load in phases_of(section, start_s):
            if any(load.phase == other.phase for other in phases):
                key = "phase" if section.phase else "staircase"
                _add_again(load.phase, (*path, index, key), reading)
                break
            phases.append(load)
            start_s = round(load.start_s + load.duration_s, 6)
    return tuple(phases)


def _add_again(phase: str, path: Path, reading: Reading) -> None:
    """Once: the load of a mix is laid out for each of its scenarios."""
    if not reading.problems.has(path):
        reading.problems.add(
            path,
            f"found the phase '{phase}' again, allowed: names that are unique in the"
            " scenario; a staircase takes its stages' name from phase",
        )


def phases_of(section: LoadSection, start_s: float) -> Iterator[Load]:
    """One entry of a load: a phase, or the stages of a staircase."""
    if section.staircase is not None:
        yield from _stages(section.staircase, section.phase or STAGE, start_s)
    elif section.duration is not None and section.phase is not None:
        users = section.users
        is_steady = users is None or users.from_ == users.to
        yield Load(
            phase=section.phase,
            start_s=start_s,
            duration_s=section.duration,
            model="closed" if users else "open",
            rate_from=section.rate.from_ if section.rate else None,
            rate_to=section.rate.to if section.rate else None,
            users=users.most if users else None,
            users_from=None if is_steady or users is None else users.from_,
            users_to=None if is_steady or users is None else users.to,
            think_time_s=section.think_time,
            warm_up_s=section.warm_up,
        )


def _stages(stairs: StaircaseSection, name: str, start_s: float) -> Iterator[Load]:
    """Stage i of n carries from + i (to - from) / (n - 1): the ends are met exactly."""
    digits = max(2, len(str(stairs.stages)))
    for index in range(stairs.stages):
        share = index / (stairs.stages - 1)
        level = round(stairs.from_ + (stairs.to - stairs.from_) * share, 9)
        is_open = stairs.model == "open"
        yield Load(
            phase=f"{name}_{index + 1:0{digits}d}",
            start_s=round(start_s + index * stairs.duration, 6),
            duration_s=stairs.duration,
            model=stairs.model,
            rate_from=level if is_open else None,
            rate_to=level if is_open else None,
            users=None if is_open else round(level),
            think_time_s=stairs.think_time,
            warm_up_s=stairs.warm_up,
        )
