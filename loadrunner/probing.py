"""Reads the target's own metrics before, during and after a run, on the run's clock."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic_ns

import httpx

from loadrunner.campaign.model import ProbePlan
from loadrunner.engine.json_path import compiled, found
from runs.formats.manifest import MetricEntry, ProbeEntry

Headers = Callable[[ProbePlan], Mapping[str, str]]


@dataclass(frozen=True)
class Reading:
    """`at_ns` is the middle between sent and received, on the monotonic clock."""

    at_ns: int
    probe: str
    values: Mapping[str, float]
    took_ms: float
    error: str | None
    document: object = None

    def line(self, start_ns: int) -> dict[str, object]:
        """As it stands in the spool, in microseconds since the run's start."""
        return {
            "t_us": (self.at_ns - start_ns) // 1000,
            "probe": self.probe,
            "values": dict(self.values),
            "took_ms": round(self.took_ms, 3),
            "error": self.error,
        }


class Prober:
    """`headers` gives the identity's header at each reading, since tokens change."""

    def __init__(
        self, probes: tuple[ProbePlan, ...], session: httpx.AsyncClient, headers: Headers
    ) -> None:
        self._probes = probes
        self._session = session
        self._headers = headers

    async def read_all(self) -> list[Reading]:
        """One reading of each probe, now."""
        return list(await asyncio.gather(*(self._read(probe) for probe in self._probes)))

    async def watch(self, start_ns: int, sink: Callable[[Reading], None]) -> None:
        """Read every probe on its own beat until cancelled."""
        await asyncio.gather(*(self._watch(probe, start_ns, sink) for probe in self._probes))

    async def _watch(
        self, probe: ProbePlan, start_ns: int, sink: Callable[[Reading], None]
    ) -> None:
        every_ns = round(probe.every_s * 1e9)
        while True:
            elapsed_ns = monotonic_ns() - start_ns
            await asyncio.sleep((every_ns - elapsed_ns % every_ns) / 1e9)
            sink(await self._read(probe))

    async def _read(self, probe: ProbePlan) -> Reading:
        sent_ns = monotonic_ns()
        try:
            # Of the whole: httpx bounds the wait for each piece, of which there may be no end.
            async with asyncio.timeout(self._session.timeout.read):
                answer = await self._session.get(probe.path, headers=dict(self._headers(probe)))
            document, error = _document(answer)
        except httpx.HTTPError as failure:
            document, error = None, f"{type(failure).__name__}: {failure}"
        except TimeoutError:
            document, error = None, f"no whole answer within {self._session.timeout.read:g} s"
        took_ns = monotonic_ns() - sent_ns
        values = _values(probe, document)
        if error is None:
            error = _missing(probe, document)
        return Reading(sent_ns + took_ns // 2, probe.name, values, took_ns / 1e6, error, document)


def _document(answer: httpx.Response) -> tuple[object, str | None]:
    if not answer.is_success:
        return None, f"status {answer.status_code}"
    try:
        return answer.json(), None
    except ValueError:  # of JSON, or of the letters that it is written in
        return None, "the answer is not JSON"
    except RecursionError:
        return None, "the answer's JSON is nested too deeply"


def _values(probe: ProbePlan, document: object) -> dict[str, float]:
    values = {}
    for metric, path in probe.values.items():
        number = _number(found(document, compiled(path)))
        if number is not None:
            values[metric] = number
    return values


def _missing(probe: ProbePlan, document: object) -> str | None:
    """Names the metrics without a number. A null is a target that does not know, not an error."""
    found_at = {name: found(document, compiled(path), "") for name, path in probe.values.items()}
    lacking = [n for n, value in found_at.items() if value is not None and _number(value) is None]
    return f"no number for {', '.join(lacking)}" if lacking else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 else None


def entry(probe: ProbePlan, before: Reading | None) -> ProbeEntry:
    """The probe as the manifest tells of it; ceilings are read once, before the run."""
    document = before.document if before is not None else None
    return ProbeEntry(
        name=probe.name,
        metrics=[
            MetricEntry(
                name=metric.name,
                area=metric.area,
                better=metric.better,
                ceiling=_ceiling(probe.ceilings.get(metric.name, metric.ceiling), document),
                feeds=list(metric.feeds),
            )
            for metric in probe.metrics
        ],
    )


def _ceiling(source: str | float | None, document: object) -> float | None:
    if isinstance(source, str):
        return _number(found(document, compiled(source)))
    return source
