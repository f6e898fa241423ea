"""`manage.py recalculate`: every figure again, from the raw files."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from runs import processing
from runs.formats.errors import FormatError
from runs.models import Run


class Command(BaseCommand):
    help = (
        "Compute the reports of runs again from their raw files, and say which verdicts changed. "
        "No action changes its state by it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("runs", nargs="*", metavar="RUN", type=_run_id, help="default: all")
        parser.add_argument("--project", help="only runs of this project")
        parser.add_argument(
            "--outdated", action="store_true", help="only runs of an older calculation version"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        chosen = _chosen(options)
        changed = failed = 0
        for at, run in enumerate(chosen, start=1):
            before = (run.verdict, run.validity)
            try:
                processing.process(run.pk, _ignore, announce=False)
            except FormatError as error:
                failed += 1
                self.stderr.write(f"[{at}/{len(chosen)}] {run.pk} cannot be read: {error}")
                continue
            run.refresh_from_db(fields=["verdict", "validity"])
            after = (run.verdict, run.validity)
            changed += after != before
            self.stdout.write(f"[{at}/{len(chosen)}] {run.pk} {_difference(before, after)}")
        self.stdout.write(f"{len(chosen)} runs, {changed} verdicts changed, {failed} unreadable.")
        if failed:
            raise CommandError(f"{failed} runs kept their old figures.")


def _chosen(options: dict[str, Any]) -> list[Run]:
    runs = Run.objects.filter(processing=Run.Processing.READY).defer(*Run.DOCUMENTS)
    if options["runs"]:
        runs = runs.filter(pk__in=options["runs"])
        missing = set(options["runs"]) - set(runs.values_list("pk", flat=True))
        if missing:
            named = ", ".join(str(one) for one in missing)
            raise CommandError(f"No such run that is ready: {named}.")
    if options["project"]:
        runs = runs.filter(project__slug=options["project"])
    if options["outdated"]:
        runs = runs.filter(calculation_version__lt=processing.CALCULATION_VERSION)
    return list(runs.order_by("started_at"))


def _run_id(text: str) -> UUID:
    """argparse turns the ValueError into a line that names the argument."""
    return UUID(text)


def _ignore(_stage: str) -> None:
    """Nobody follows the stages here: the command says a line a run."""


def _difference(before: tuple[str, str], after: tuple[str, str]) -> str:
    if before == after:
        return f"{after[0]} ({after[1]}), as before"
    return f"CHANGED from {before[0]} ({before[1]}) to {after[0]} ({after[1]})"
