"""`manage.py worker`: a process that works the queue, beside the portal."""

import signal
from argparse import ArgumentParser
from datetime import timedelta
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from ingest import courier
from ingest.worker import Worker


class Command(BaseCommand):
    help = "Process the runs that come in, until SIGTERM or Ctrl-C; the run in hand is finished."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--drain", action="store_true", help="end as soon as nothing waits any more"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        worker = Worker(timedelta(seconds=settings.HEADROOM_LEASE_S))
        if options["drain"]:
            while worker.work_one():
                pass
            return

        def stop(_signal: int, _frame: FrameType | None) -> None:
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        messages = courier.started()
        self.stdout.write("The worker waits for runs.")
        self.stdout.flush()
        worker.run()
        messages.stop()
