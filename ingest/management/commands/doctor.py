"""`manage.py doctor`: whether files, rows and the queue agree, and `--repair` for what can be."""

import math
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ingest import queue
from runs import integrity, store
from runs.models import Run


class Command(BaseCommand):
    help = (
        "Look for files without rows, rows without files, and runs that nobody works on. Ends "
        "with status 1 where something is wrong and stays so."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--repair", action="store_true", help="remove files without rows, queue lost runs"
        )
        parser.add_argument(
            "--digests", action="store_true", help="read every raw file and check its SHA-256"
        )
        parser.add_argument(
            "--at-rest",
            action="store_true",
            help="nobody is sending now: look at what changed within the last hour too",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        settled_after_s = -1.0 if options["at_rest"] else integrity.SETTLED_AFTER_S
        wrong = self._files(settled_after_s, options["repair"])
        wrong += self._lost(options["repair"])
        if options["digests"]:
            wrong += self._digests()
        # What is on its way in has had its six hours, or there is nobody left to send it.
        store.sweep_incoming(math.inf if options["at_rest"] else None)
        if wrong:
            raise CommandError(f"{wrong} things are wrong; see above.")
        self.stdout.write("Files, rows and the queue agree.")

    def _files(self, settled_after_s: float, repair: bool) -> int:
        left = 0
        for found in integrity.findings(time.time(), settled_after_s):
            repaired = repair and found.can_be_repaired
            if repaired:
                found.repair()
            left += not repaired
            self._say(found, "repaired" if repaired else found.kind)
        return left

    def _lost(self, repair: bool) -> int:
        lost = queue.lost()
        for run in lost:
            if repair:
                queue.enqueue_again(run)
            done = "repaired" if repair else "not_queued"
            self.stdout.write(f"{done}: run {run.pk} is {run.processing}, and nobody has it")
        return 0 if repair else len(lost)

    def _digests(self) -> int:
        wrong = 0
        for run_id in Run.every.values_list("pk", flat=True):
            for found in integrity.damaged(run_id):
                wrong += 1
                self._say(found, found.kind)
        return wrong

    def _say(self, found: integrity.Finding, what: str) -> None:
        name = f" {found.name}" if found.name else ""
        self.stdout.write(f"{what}: run {found.run_id}{name}: {found.detail}")
