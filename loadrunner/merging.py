"""One run from several: the spools of a campaign that ran on several machines at the same time.

Their clocks are joined by `started_at_ns`, each machine's own idea of when its run began; keep the
machines' clocks in step (NTP does to about a millisecond on a local network). Workers are numbered
on, so that no journey of one machine is taken for another's; users keep their numbers, since the
same user of two machines is the same account.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import polars as pl

from loadrunner.errors import UsageError
from loadrunner.spool import SpoolWriter
from loadrunner.version import VERSION
from runs.formats import spool
from runs.formats.health import COORDINATOR
from runs.formats.manifest import FORMAT, Manifest, PhaseEntry, ProbeEntry, State, ToolEntry
from runs.formats.spool import Spool

# Two starts so far apart, as a share of the shortest phase, are told; beyond a whole phase, what
# the machines did together is no phase of anything.
LOOSE_SHARE: Final = 0.02
_INSTANTS: Final = ("due_us", "started_us", "first_byte_us", "ended_us", "first_token_us")
_AT_ONCE: Final = 100_000


def merge(folders: Sequence[Path], out: Path) -> tuple[Manifest, tuple[str, ...]]:
    """Write the spool of the whole; its manifest, and what a reader should know of it.

    Raises SpoolError for what is no spool, UsageError for runs that do not belong together.
    """
    manifests = [spool.read_manifest(folder) for folder in folders]
    _check(folders, manifests)
    notes = list(_loose(manifests))
    base_ns = min(one.started_at_ns for one in manifests)
    writer = SpoolWriter(out)
    whole = _merged(manifests, base_ns)
    writer.write_manifest(whole)
    first, readings, health = 0, [], []
    for folder, manifest in zip(folders, manifests, strict=True):
        part = spool.read(folder)
        notes += [f"{folder}: {note}" for note in part.notes]
        offset_us = (manifest.started_at_ns - base_ns) // 1000
        _write_samples(writer, part, offset_us, first)
        readings += _readings(part, offset_us)
        health.append(_health(part, offset_us, first))
        first += _workers(part)
    for reading in sorted(readings, key=lambda one: int(one["t_us"])):
        writer.add_reading(reading)
    for line in pl.concat(health).sort("t_us").iter_rows(named=True):
        writer.add_health(line)
    writer.close()
    whole = whole.model_copy(update={"segments": list(writer.segments)})
    writer.write_manifest(whole)
    return whole, tuple(notes)


def _check(folders: Sequence[Path], manifests: Sequence[Manifest]) -> None:
    if len(folders) < 2:
        raise UsageError("merge needs two spools or more.")
    seen: dict[str, Path] = {}
    for folder, manifest in zip(folders, manifests, strict=True):
        if manifest.run_id in seen:
            raise UsageError(f"{folder} and {seen[manifest.run_id]} are the same run.")
        seen[manifest.run_id] = folder
        if _campaign(manifest) != _campaign(manifests[0]):
            raise UsageError(
                f"{folder} is of another campaign than {folders[0]}: {manifest.campaign.name}"
                f" {manifest.campaign.sha256[:12]} and {manifests[0].campaign.name}"
                f" {manifests[0].campaign.sha256[:12]}. merge takes runs of one campaign file."
            )
    apart_us, shortest_us = _apart_us(manifests), _shortest_us(manifests)
    if apart_us >= shortest_us:
        raise UsageError(
            f"The runs began {apart_us / 1e6:.1f} s apart, and the shortest phase takes"
            f" {shortest_us / 1e6:.1f} s: they did not carry it together. merge takes runs that"
            " were started at the same time."
        )


def _campaign(manifest: Manifest) -> tuple[str, str]:
    return manifest.campaign.name, manifest.campaign.sha256 or manifest.campaign.text


def _apart_us(manifests: Sequence[Manifest]) -> int:
    starts = [one.started_at_ns // 1000 for one in manifests]
    return max(starts) - min(starts)


def _shortest_us(manifests: Sequence[Manifest]) -> int:
    return min(phase.end_us - phase.start_us for one in manifests for phase in one.phases)


def _loose(manifests: Sequence[Manifest]) -> Iterator[str]:
    apart_us = _apart_us(manifests)
    if apart_us > LOOSE_SHARE * _shortest_us(manifests):
        yield (
            f"The runs began {apart_us / 1e6:.2f} s apart. Phases reach from the first machine's"
            " start to the last one's end, and carry less at both ends than the plan says."
        )
    if any(one.state != "complete" for one in manifests):
        yield "Not every run is complete: the load that is missing was planned all the same."


def _merged(manifests: Sequence[Manifest], base_ns: int) -> Manifest:
    """The run id follows from those of the parts: merging twice gives the same run."""
    head = manifests[0]
    ids = sorted(one.run_id for one in manifests)
    offsets = [(one.started_at_ns - base_ns) // 1000 for one in manifests]
    parts: list[dict[str, Any]] = [
        {"run_id": one.run_id, "offset_us": offset, "host": one.host}
        for one, offset in zip(manifests, offsets, strict=True)
    ]
    return Manifest(
        format=FORMAT,
        run_id=str(uuid5(NAMESPACE_URL, "headroom:merged:" + ",".join(ids))),
        state=_state(manifests),
        campaign=head.campaign,
        seed=None,
        tool=ToolEntry(name="loadrunner", version=VERSION),
        host=None,
        git=head.git if all(one.git == head.git for one in manifests) else None,
        labels=dict(set.intersection(*(set(one.labels.items()) for one in manifests))),
        started_at_ns=base_ns,
        ended_at_ns=max((one.ended_at_ns or one.started_at_ns) for one in manifests),
        phases=_phases(manifests, offsets),
        probes=_probes(manifests),
        criteria=list(dict.fromkeys(text for one in manifests for text in one.criteria)),
        peak_jps={name: rate for one in manifests for name, rate in one.peak_jps.items()},
        growth_per_year=head.growth_per_year,
        **_further(manifests, parts),
    )


def _further(manifests: Sequence[Manifest], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Keys beside the contract's; a guard that ended one machine's run ended the whole one's."""
    extras = [one.model_extra or {} for one in manifests]
    aborted = [one["aborted"] for one in extras if one.get("aborted")]
    further: dict[str, Any] = {"merged": parts}
    if "target" in extras[0]:
        further["target"] = extras[0]["target"]
    if aborted:
        further["aborted"] = " ".join(dict.fromkeys(aborted))
    return further


def _state(manifests: Iterable[Manifest]) -> State:
    states = {one.state for one in manifests}
    if states == {"complete"}:
        return "complete"
    return "interrupted" if states <= {"complete", "interrupted"} else "incomplete"


def _phases(manifests: Sequence[Manifest], offsets: Sequence[int]) -> list[PhaseEntry]:
    """Each phase once: rates and users add up, from the first machine's start to the last's end."""
    whole: dict[tuple[str, str], PhaseEntry] = {}
    for manifest, offset_us in zip(manifests, offsets, strict=True):
        for phase in manifest.phases:
            shifted = phase.model_copy(
                update={
                    "start_us": phase.start_us + offset_us,
                    "end_us": phase.end_us + offset_us,
                }
            )
            key = (phase.scenario, phase.phase)
            whole[key] = _together(whole[key], shifted) if key in whole else shifted
    return list(whole.values())


def _together(one: PhaseEntry, other: PhaseEntry) -> PhaseEntry:
    start_us = min(one.start_us, other.start_us)
    warm_until_us = max(each.start_us + (each.warm_up_us or 0) for each in (one, other))
    has_warm_up = bool(one.warm_up_us or other.warm_up_us)
    return one.model_copy(
        update={
            "start_us": start_us,
            "end_us": max(one.end_us, other.end_us),
            "warm_up_us": warm_until_us - start_us if has_warm_up else one.warm_up_us,
            "rate_from": _sum(one.rate_from, other.rate_from),
            "rate_to": _sum(one.rate_to, other.rate_to),
            "users": _sum(one.users, other.users),
            "users_from": _sum(one.users_from, other.users_from),
            "users_to": _sum(one.users_to, other.users_to),
        }
    )


def _sum(one: Any, other: Any) -> Any:
    """None where neither has a number."""
    return None if one is None and other is None else (one or 0) + (other or 0)


def _probes(manifests: Sequence[Manifest]) -> list[ProbeEntry]:
    return list({probe.name: probe for one in reversed(manifests) for probe in one.probes}.values())


def _write_samples(writer: SpoolWriter, part: Spool, offset_us: int, first_worker: int) -> None:
    shifted = part.samples.with_columns(
        *(pl.col(name) + offset_us for name in _INSTANTS),
        worker=pl.col("worker").fill_null(0) + first_worker,
    )
    for frame in shifted.iter_slices(_AT_ONCE):
        writer.add_samples(frame)


def _readings(part: Spool, offset_us: int) -> list[dict[str, Any]]:
    """The lines of a probe's readings again, from their long form."""
    lines: dict[tuple[int, str], dict[str, float]] = {}
    for t_us, probe, metric, value in part.readings.iter_rows():
        lines.setdefault((t_us + offset_us, probe), {})[metric] = value
    return [
        {"t_us": t_us, "probe": probe, "values": values, "took_ms": None, "error": None}
        for (t_us, probe), values in lines.items()
    ]


def _health(part: Spool, offset_us: int, first_worker: int) -> pl.DataFrame:
    """Coordinators, which have no schedule, keep the number that says so."""
    worker = pl.col("worker").fill_null(0)
    return part.health.with_columns(
        t_us=pl.col("t_us") + offset_us,
        worker=pl.when(worker == COORDINATOR).then(worker).otherwise(worker + first_worker),
    )


def _workers(part: Spool) -> int:
    """How many workers' numbers a part takes up."""
    highest = [frame["worker"].max() for frame in (part.samples, part.health)]
    return 1 + max((one for one in highest if isinstance(one, int)), default=0)
