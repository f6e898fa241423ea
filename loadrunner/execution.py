"""One run of a campaign, from the guards to the report."""

import asyncio
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
from rich.console import Console

from loadrunner import session
from loadrunner.addresses import reachable
from loadrunner.campaign.model import Campaign, SetupRequest
from loadrunner.engine.coordinator import Coordinator, Settings
from loadrunner.engine.worker import event_loop
from loadrunner.identities import Credential, header_of, obtain
from loadrunner.live import watching
from loadrunner.session import SetupError, message
from loadrunner.spool import SpoolWriter
from runs.analysis import report as reports
from runs.analysis.report import Report
from runs.formats import spool


@dataclass(frozen=True)
class Options:
    """What the command line says beside the campaign. `out` is the spool folder itself."""

    out: Path
    workers: int = 1
    seed: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False


@dataclass(frozen=True)
class Execution:
    """What came of it; `interrupted_by` is the signal that ended the run early."""

    folder: Path
    report: Report
    interrupted_by: signal.Signals | None


def execute(campaign: Campaign, options: Options, console: Console) -> Execution:
    """Pre-flight, set-up, logins, load, report. Progress goes to `console`.

    Raises UnreachableError, SetupError, UsageError (a folder in use), DiskError, WorkerError.
    """
    addresses = reachable(campaign.target.base_url)
    session.greet(campaign)
    credentials = _prepare(campaign, options, console)
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    settings = Settings(uuid4(), seed, options.workers, options.labels)
    writer = SpoolWriter(options.out)
    with watching(console, campaign.name, campaign.duration_s, quiet=options.quiet) as watch:
        coordinator = Coordinator(campaign, settings, credentials, addresses, writer, watch)
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(coordinator.run())
    return Execution(options.out, read_report(options.out), coordinator.signal)


def read_report(folder: Path) -> Report:
    """The report of a spool. Raises SpoolError."""
    return reports.build(spool.run_data(spool.read(folder)))


def default_folder(campaign: Campaign) -> Path:
    return Path("runs-local") / f"{campaign.name}-{time.strftime('%Y%m%d-%H%M%S')}"


def _prepare(campaign: Campaign, options: Options, console: Console) -> dict[str, Credential]:
    """Log in and send the set-up requests, before the clock starts."""
    with session.client(campaign) as client:
        credentials = obtain(campaign, client)
        for request in campaign.setup:
            if not options.quiet:
                console.print(f"Set-up: {request.name}", style="dim", highlight=False)
            _set_up(request, client, credentials)
    return credentials


def _set_up(
    request: SetupRequest, client: httpx.Client, credentials: Mapping[str, Credential]
) -> None:
    what = message(request.request)
    headers = {**header_of(credentials, request.identity), **what.headers}
    try:
        answer = client.request(what.method, what.path, headers=headers, content=what.body)
    except httpx.HTTPError as error:
        raise SetupError(f"setup {request.name}: {what.method} {what.path}: {error}.") from error
    is_expected = answer.status_code in request.expect if request.expect else answer.is_success
    if not is_expected:
        wanted = " or ".join(map(str, request.expect)) or "a 2xx"
        raise SetupError(
            f"setup {request.name}: {what.method} {what.path} answered {answer.status_code}, "
            f"{wanted} is needed. Nothing was measured."
        )
