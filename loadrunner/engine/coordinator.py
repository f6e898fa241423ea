"""Carries a campaign out: workers send, the coordinator writes, probes, watches and stops."""

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from loadrunner import context, session
from loadrunner.campaign.model import Campaign, ProbePlan
from loadrunner.campaign.phases import phases
from loadrunner.engine import mishaps
from loadrunner.engine.brakes import Brakes, Stop
from loadrunner.engine.fleet import Fleet, Member
from loadrunner.engine.frames import frame
from loadrunner.engine.messages import Kind
from loadrunner.engine.mishaps import Mishap
from loadrunner.engine.orders import Orders
from loadrunner.engine.pulse import figures
from loadrunner.engine.record import RECORD, Names
from loadrunner.engine.scribe import Scribe, let_go
from loadrunner.engine.vitals import Vitals
from loadrunner.identities import Credential, credential, header_of
from loadrunner.pacing import Shard
from loadrunner.probing import Prober, Reading, entry
from loadrunner.progress import Progress, Snapshot
from loadrunner.redaction import Redaction
from loadrunner.spool import DiskError, SpoolWriter
from loadrunner.version import VERSION
from runs.analysis.wording import plural
from runs.formats.health import COORDINATOR
from runs.formats.manifest import (
    FORMAT,
    CampaignEntry,
    Manifest,
    PhaseEntry,
    ProbeEntry,
    State,
    ToolEntry,
)

# Long enough for every worker to hear of it before it comes.
_START_IN_NS = 100_000_000
_LOOK_EVERY_S = 0.5
# A login that failed is tried again after a second, two, four, … and so long at the most.
_MOST_BETWEEN_LOGINS_S = 30.0

Watcher = Callable[[Callable[[], Snapshot]], None]
"""Twice a second it may ask where the run stands: working that out takes milliseconds."""


@dataclass(frozen=True)
class Settings:
    """How a campaign is run, as far as the campaign itself does not say."""

    run_id: UUID
    seed: int
    workers: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    stop_files: tuple[Path, ...] = ()
    replay_of: str | None = None


@dataclass(frozen=True)
class FailedLogins:
    """What of the renewals of one identity's tokens failed: all in all, and since the last that
    did not. `reason` is the last one's."""

    count: int = 0
    in_a_row: int = 0
    reason: str = ""

    def with_one_more(self, reason: str) -> "FailedLogins":
        return FailedLogins(self.count + 1, self.in_a_row + 1, reason)

    @property
    def wait_s(self) -> float:
        """Until it is tried again: a service in trouble is not to be pressed with logins."""
        return min(2.0 ** min(self.in_a_row - 1, 10), _MOST_BETWEEN_LOGINS_S)


class Coordinator:
    """One run, and who watches it."""

    def __init__(
        self,
        campaign: Campaign,
        settings: Settings,
        credentials: Mapping[str, Credential],
        addresses: tuple[str, ...],
        writer: SpoolWriter,
        watch: Watcher | None,
    ) -> None:
        self.campaign = campaign
        self.signal: signal.Signals | None = None
        self.stopped: Stop | None = None
        self._settings = settings
        self._credentials = dict(credentials)
        self._addresses = addresses
        self._writer = writer
        self._watch = watch
        self._names = _names(campaign, settings.run_id)
        self._redact = Redaction(campaign.secrets | _tokens(credentials))
        self._progress = Progress(campaign, _scenario_of_step(campaign))
        self._vitals = Vitals()
        self._brakes = Brakes(campaign, self._names.steps, settings.stop_files)
        self._fleet = Fleet(self._on_message)
        self._scribe = Scribe(self._names, writer)
        self._disk_error: DiskError | None = None
        self._failed_logins: dict[str, FailedLogins] = {}
        self._mishaps: dict[int, dict[str, Mishap]] = {}
        self._context: context.Context | None = None
        self._start_ns = self._started_at_ns = 0
        self._looked_ns = 0  # when it last awoke to look
        self._lag_us = 0  # the longest that the coordinator was held up since it told of it

    async def run(self) -> Manifest:
        """From the first worker to the sealed spool; the final manifest.

        Raises DiskError or WorkerError after the spool has been closed as well as it can be.
        """
        file = self.campaign.file
        self._context = context.of(file.parent if file.name else Path())
        self._take_signals()
        state: State = "incomplete"
        manifest: Manifest | None = None
        async with session.async_client(self.campaign, self._addresses[0]) as client:
            prober = Prober(self.campaign.probes, client, self._probe_headers)
            try:
                await self._fleet.muster(self._orders())
                # Once in vain: what polars loads at its first frame is not to weigh on the run.
                frame(bytes(RECORD.size), self._names, 0, [""])
                gc.freeze()  # what is there by now need not be gone through while the load is on
                manifest = self._begin(await prober.read_all())
                await self._attend(prober)
                is_whole = self.signal is None and self.stopped is None
                state = "complete" if is_whole else "interrupted"
            finally:
                gc.unfreeze()
                self._fleet.dismiss()
                if manifest is not None:
                    manifest = self._seal(manifest, state)
        if self._disk_error is not None:
            raise self._disk_error
        return manifest

    # The beginning.

    def _orders(self) -> list[Orders]:
        count = self._settings.workers
        return [self._orders_of(Shard(index, count)) for index in range(count)]

    def _orders_of(self, shard: Shard) -> Orders:
        target = self.campaign.target
        return Orders(
            worker=shard.index,
            shard=shard,
            run_id=str(self._settings.run_id),
            seed=self._settings.seed,
            base_url=target.base_url,
            addresses=self._addresses,
            verify_tls=target.verify_tls,
            ca_file=target.ca_file,
            timeout_s=target.timeout_s,
            connect_timeout_s=target.connect_timeout_s,
            first_byte_timeout_s=target.first_byte_timeout_s,
            drain_s=self.campaign.longest_timeout_s,
            scenarios=self.campaign.scenarios,
            credentials={name: one.lines for name, one in self._credentials.items()},
            names=self._names,
            data=self.campaign.data,
        )

    def _begin(self, before: list[Reading]) -> Manifest:
        """Set the clock, tell everybody, and put the manifest where readers look for it."""
        self._start_ns = time.monotonic_ns() + _START_IN_NS
        self._started_at_ns = time.time_ns() + _START_IN_NS
        self._fleet.start(self._start_ns)
        by_name = {reading.probe: reading for reading in before}
        manifest = self._manifest([entry(p, by_name.get(p.name)) for p in self.campaign.probes])
        self._writer.write_manifest(manifest)
        for reading in before:
            self._write_reading(reading)
        return manifest

    def _manifest(self, probes: list[ProbeEntry]) -> Manifest:
        campaign = self.campaign
        assert self._context is not None
        return Manifest(
            format=FORMAT,
            run_id=str(self._settings.run_id),
            state="running",
            campaign=self._campaign_entry(),
            seed=self._settings.seed,
            tool=ToolEntry(name="loadrunner", version=VERSION),
            host=self._context.host,
            git=self._context.git,
            labels={name: self._redact(value) for name, value in self._settings.labels.items()},
            started_at_ns=self._started_at_ns,
            phases=[PhaseEntry.model_validate(vars(phase)) for phase in phases(campaign)],
            probes=probes,
            criteria=list(campaign.criteria),
            peak_jps=dict(campaign.peak_jps),
            growth_per_year=campaign.growth_per_year,
            **self._further_entries(),
        )

    def _campaign_entry(self) -> CampaignEntry:
        """With the file as it was named, so that a replay and a clean-up find it again."""
        campaign = self.campaign
        more = {"scripts": dict(campaign.scripts)} if campaign.scripts else {}
        return CampaignEntry(
            name=campaign.name,
            text=self._redact(campaign.text),
            sha256=campaign.sha256,
            file=self._redact(str(campaign.file)) if campaign.file.name else None,
            **more,
        )

    def _further_entries(self) -> dict[str, Any]:
        """What stands in the manifest beside the contract's keys; readers carry it along."""
        entries: dict[str, Any] = {
            "target": {"base_url": self._redact(self.campaign.target.base_url)}
        }
        if self._settings.replay_of is not None:
            entries["replay_of"] = self._settings.replay_of
        return entries

    # While it goes on.

    async def _attend(self, prober: Prober) -> None:
        """Everything that goes on beside the workers, until they are done."""
        beside = [
            asyncio.create_task(prober.watch(self._start_ns, self._write_reading)),
            asyncio.create_task(self._look()),
            asyncio.create_task(self._renew()),
        ]
        try:
            await self._fleet.finished(self.campaign.duration_s + self.campaign.longest_timeout_s)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        for reading in await prober.read_all():
            self._write_reading(reading)

    async def _look(self) -> None:
        self._looked_ns = time.monotonic_ns()
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self._note_lag()
            # Before the writing, which is what a slow disk holds up.
            self._looked_ns = time.monotonic_ns()
            self._keep(self._scribe.write_rest)
            self._keep(self._writer.flush)
            self._brake(self._brakes.look(self._now_us()))
            if self._watch is not None:
                self._watch(self._snapshot)

    async def _renew(self) -> None:
        """Log in anew before tokens expire; in a thread, since logging in takes its time."""
        while True:
            due = [one.renew_at_s for one in self._credentials.values() if one.renew_at_s]
            if not due:
                return
            await asyncio.sleep(max(0.0, min(due) - time.monotonic()))
            for name, one in tuple(self._credentials.items()):
                if one.renew_at_s is not None and one.renew_at_s <= time.monotonic():
                    await self._renew_one(name)

    async def _renew_one(self, name: str) -> None:
        failed = self._failed_logins.get(name, FailedLogins())
        try:
            fresh = await asyncio.to_thread(self._log_in, name)
        except session.SetupError as error:
            # The token may hold for a while yet, and the service recover meanwhile.
            failed = self._failed_logins[name] = failed.with_one_more(str(error))
            again_s = time.monotonic() + failed.wait_s
            self._credentials[name] = replace(self._credentials[name], renew_at_s=again_s)
            return
        self._failed_logins[name] = replace(failed, in_a_row=0)
        self._credentials[name] = fresh
        self._redact = self._redact.with_more(fresh.secrets)
        self._fleet.renew(name, fresh.lines)

    def _log_in(self, name: str) -> Credential:
        with session.client(self.campaign, self._addresses[0]) as client:
            return credential(self.campaign.identities[name], client)

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong beside the load, in words for the summary."""
        return (*self._notes_on_logins(), *self._notes_on_mishaps())

    def _notes_on_mishaps(self) -> Iterator[str]:
        for name, one in mishaps.summed(self._mishaps).items():
            yield (
                f"{plural(one.count, 'journey')} of {name} ended by an error of the function. The"
                f" first one:\n{self._redact(one.first)}"
            )

    def _notes_on_logins(self) -> Iterator[str]:
        yield from (
            f"{plural(failed.count, 'renewal')} of the tokens of identity {name} failed, so that"
            f" it went on with those that it had. The last one: {self._redact(failed.reason)}"
            for name, failed in self._failed_logins.items()
            if failed.count
        )

    def _on_message(self, member: Member, kind: Kind, body: bytes) -> None:
        if kind is Kind.SAMPLES:
            self._brakes.add(body, self._now_us())
            self._brake(self._brakes.spent())
            if self._watch is not None:
                self._progress.add(body)
            self._keep(lambda: self._scribe.add(member.index, body))
        elif kind is Kind.ERROR_TEXT:
            self._scribe.learn(member.index, self._redact(body.decode()))
        elif kind is Kind.MISHAPS:
            self._mishaps[member.index] = mishaps.read(body)
        elif kind is Kind.PULSE:
            pulse = figures(body)
            self._progress.note_pulse(member.index, pulse["in_flight"], pulse["sent"])
            self._brakes.note_pulse(member.index, pulse["t_us"], pulse["sent"])
            assert member.process.pid is not None
            let_go()
            health = {**pulse, **self._vitals.of(member.process.pid)}
            self._keep(lambda: self._writer.add_health(health))
            if member.index == 0:
                let_go()
                self._keep(lambda: self._writer.add_health(self._own_health(pulse["t_us"])))

    def _snapshot(self) -> Snapshot:
        return self._progress.snapshot(self._now_us())

    def _note_lag(self) -> None:
        late_us = (time.monotonic_ns() - self._looked_ns) // 1000 - round(_LOOK_EVERY_S * 1e6)
        self._lag_us = max(self._lag_us, late_us)

    def _own_health(self, t_us: int) -> dict[str, object]:
        self._note_lag()
        lag_us, self._lag_us = self._lag_us, 0
        figures = {"t_us": t_us, "worker": COORDINATOR, "loop_lag_us": lag_us}
        return {**figures, **self._vitals.of(os.getpid())}

    def _write_reading(self, reading: Reading) -> None:
        line = reading.line(self._start_ns)
        if reading.error is not None:
            line["error"] = self._redact(reading.error)
        self._keep(lambda: self._writer.add_reading(line))

    def _keep(self, write: Callable[[], None]) -> None:
        """A full disk ends the run: samples that cannot be kept would be sent for nothing."""
        if self._disk_error is not None:
            return
        try:
            write()
        except DiskError as error:
            self._disk_error = error
            self._fleet.stop()

    def _brake(self, stop: Stop | None) -> None:
        """A guard has had enough. The first one's reason is the run's."""
        if stop is None or self.stopped is not None:
            return
        if self.signal is not None and not stop.at_once:
            return  # the user has ended it already
        self.stopped = stop
        if stop.at_once:
            self._fleet.stop()
        else:
            self._fleet.drain()

    def _now_us(self) -> int:
        return (time.monotonic_ns() - self._start_ns) // 1000

    def _probe_headers(self, probe: ProbePlan) -> Mapping[str, str]:
        return header_of(self._credentials, probe.identity)

    # The end.

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: signal.Signals) -> None:
        """Once drains and keeps; twice stops at once and keeps."""
        if self.signal is None:
            self.signal = number
            self._fleet.drain()
        else:
            self._fleet.stop()

    def _seal(self, manifest: Manifest, state: State) -> Manifest:
        ended: dict[str, Any] = {
            "state": state,
            "ended_at_ns": self._started_at_ns + self._now_us() * 1000,
        }
        if self.stopped is not None:
            ended["aborted"] = self._redact(self.stopped.reason)
        final = manifest.model_copy(update=ended)
        self._keep(self._scribe.write_rest)
        with suppress(DiskError):
            self._writer.close()
            final = final.model_copy(update={"segments": list(self._writer.segments)})
            self._writer.write_manifest(final)
        return final


def _names(campaign: Campaign, run_id: UUID) -> Names:
    steps = [
        (scenario.name, step.name) for scenario in campaign.scenarios for step in scenario.steps
    ]
    names = dict.fromkeys(load.phase for scenario in campaign.scenarios for load in scenario.load)
    return Names(steps, list(names), run_id.hex[:16])


def _scenario_of_step(campaign: Campaign) -> list[int]:
    return [index for index, scenario in enumerate(campaign.scenarios) for _ in scenario.steps]


def _tokens(credentials: Mapping[str, Credential]) -> frozenset[str]:
    return frozenset(secret for one in credentials.values() for secret in one.secrets)
