"""One run of a campaign, from the guards to the report."""

import asyncio
import itertools
import random
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from rich.console import Console

from loadrunner import preflight, session
from loadrunner.campaign.model import Campaign
from loadrunner.engine import timer
from loadrunner.engine.coordinator import Coordinator, Settings
from loadrunner.engine.worker import event_loop
from loadrunner.errors import UsageError
from loadrunner.hooks.loading import check_loads
from loadrunner.identities import Credential, header_of, obtain
from loadrunner.live import watching
from loadrunner.preflight import Consent
from loadrunner.spool import SpoolWriter, check_unused
from runs.analysis import report as reports
from runs.analysis.report import Report
from runs.analysis.run_data import RunData
from runs.formats import compact, spool


@dataclass(frozen=True)
class Options:
    """What the command line says beside the campaign. `out` is the spool folder itself."""

    out: Path
    workers: int = 1
    seed: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    consent: Consent = field(default_factory=Consent)
    replay_of: str | None = None
    quiet: bool = False


@dataclass(frozen=True)
class Execution:
    """What came of it; `interrupted_by` is the signal that ended the run early, `aborted` why a
    guard ended it. `notes` are what is less exact on this machine, and what went wrong beside the
    load."""

    folder: Path
    data: RunData
    report: Report
    interrupted_by: signal.Signals | None
    aborted: str | None
    notes: tuple[str, ...]


COARSE_TIMER: Final = (
    "This system has no timerfd: requests leave by a timer of one millisecond, so that each may"
    " start about a millisecond late. Response times count from the due time and include it."
)


def execute(campaign: Campaign, options: Options, console: Console) -> Execution:
    """Pre-flight, set-up, logins, load, report. Progress goes to `console`.

    Raises SafetyError, UnreachableError, SetupError, UsageError (a folder in use), DiskError,
    WorkerError.
    """
    check_unused(options.out)
    check_loads(campaign)
    addresses = preflight.passed(campaign, options.consent)
    credentials = _prepare(campaign, addresses[0], options, console)
    writer = SpoolWriter(options.out)
    with watching(console, campaign.name, campaign.duration_s, quiet=options.quiet) as watch:
        settings = _settings(campaign, options)
        coordinator = Coordinator(campaign, settings, credentials, addresses, writer, watch)
        with asyncio.Runner(loop_factory=event_loop) as runner:
            runner.run(coordinator.run())
    stopped = coordinator.stopped
    data = spool.run_data(compact.of_spool(options.out))
    return Execution(
        options.out,
        data,
        reports.build(data),
        coordinator.signal,
        None if stopped is None else stopped.reason,
        (*(() if timer.is_exact() else (COARSE_TIMER,)), *coordinator.notes),
    )


def _settings(campaign: Campaign, options: Options) -> Settings:
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
    return Settings(
        run_id=uuid4(),
        seed=seed,
        workers=options.workers,
        labels=options.labels,
        stop_files=preflight.stop_files(campaign, options.consent),
        replay_of=options.replay_of,
    )


def read_report(folder: Path) -> Report:
    """The report of a spool. Raises SpoolError."""
    return reports.build(spool.run_data(compact.of_spool(folder)))


@contextmanager
def own_folder(out: Path | None, campaign: Campaign) -> Iterator[Path]:
    """The folder that --out names, or one by the campaign's name and the time. That one is this
    run's from here on, whoever else begins in the same second; where nothing was written into it
    in the end, it goes again."""
    if out is not None:
        yield out
        return
    folder = _new_folder(campaign)
    try:
        yield folder
    finally:
        with suppress(OSError):  # it is not empty: the run stands there
            folder.rmdir()


def _new_folder(campaign: Campaign) -> Path:
    name = f"{campaign.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    folders = (Path("runs-local") / f"{name}{suffix}" for suffix in _suffixes())
    return next(folder for folder in folders if _is_made(folder))


def _is_made(folder: Path) -> bool:
    """False where somebody else has it."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return False
    except OSError as error:
        reason = error.strerror
        raise UsageError(f"{folder} cannot be made: {reason}. Name another with --out.") from error
    return True


def _suffixes() -> Iterator[str]:
    yield ""
    yield from (f"-{number}" for number in itertools.count(2))


def _prepare(
    campaign: Campaign, address: str, options: Options, console: Console
) -> dict[str, Credential]:
    """Log in and send the set-up requests, before the clock starts: set-up goes before the logins
    that it does not need itself, since it may be what makes the users."""
    with session.redacted(campaign), session.client(campaign, address) as client:
        credentials = obtain(campaign, campaign.names_of_setup, client)
        for request in campaign.setup:
            if not options.quiet:
                console.print(f"Set-up: {request.name}", style="dim", highlight=False)
            headers = header_of(credentials, request.identity)
            session.send(request, client, headers, what="setup")
        others = campaign.used_identities.keys() - campaign.names_of_setup
        return credentials | obtain(campaign, others, client)
