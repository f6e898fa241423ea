"""What a summary says beside the figures: what was left out, what is to be known of the runs."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rich.console import Console

from loadrunner import ceiling
from loadrunner.campaign.model import Campaign


def warned(campaign: Campaign, arguments: argparse.Namespace, console: Console) -> Campaign:
    """With a note where the plan asks for more than this machine is known to send well."""
    warning = ceiling.warning(campaign, arguments.workers)
    if warning is None:
        return campaign
    if not arguments.quiet:
        console.print(f"Note: {warning}", style="yellow", highlight=False, markup=False)
    return replace(campaign, notes=(*campaign.notes, warning))


def of_campaign(campaign: Campaign) -> Iterator[str]:
    """Known before the run; a line each."""
    yield from (f"Left out: {name} ({reason})" for name, reason in campaign.skipped.items())
    yield from of_run(campaign.notes)


def of_run(notes: Sequence[str]) -> Iterator[str]:
    return (f"Note: {note}" for note in notes)


def of_sides(a: Campaign, b: Campaign) -> Iterator[str]:
    """As `of_campaign`, saying of which side it is where it is not of both."""
    first, second = list(of_campaign(a)), list(of_campaign(b))
    yield from (line if line in second else f"A: {line}" for line in first)
    yield from (f"B: {line}" for line in second if line not in first)


def of_series(noted: Mapping[str, Sequence[str]], runs: int) -> Iterator[str]:
    """The notes of several runs, each once: `noted` has the runs that each is of."""
    for note, names in noted.items():
        whose = "" if len(names) == runs else f" ({', '.join(names)})"
        yield f"Note{whose}: {note}"
