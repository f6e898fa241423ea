"""`manage.py prune`: what the retention of projects lets go, and deleted runs, for good."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from runs import retention
from runs.models import Project


class Command(BaseCommand):
    help = (
        "Purge runs whose time is over. Baselines, pinned runs and what open actions rest on "
        "always stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="only runs of this project")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *_args: Any, **options: Any) -> None:
        now = timezone.now()
        runs = freed = 0
        for project in _projects(options["project"]):
            for expiry in retention.expired(project, now):
                if options["dry_run"] or retention.purge(expiry, now):
                    runs, freed = runs + 1, freed + expiry.bytes
                    self.stdout.write(_line(expiry, now))
        done = "would be purged" if options["dry_run"] else "purged"
        self.stdout.write(f"{runs} runs {done}, {freed} bytes.")


def _projects(slug: str | None) -> list[Project]:
    found = list(Project.objects.filter(slug=slug) if slug else Project.objects.all())
    if slug and not found:
        raise CommandError(f"There is no project '{slug}'.")
    return found


def _line(expiry: retention.Expiry, now: datetime) -> str:
    run = expiry.run
    age = (now - run.started_at).days
    return f"{run.pk} {run.campaign}, {age} days old, {expiry.bytes} bytes: {expiry.reason}"
