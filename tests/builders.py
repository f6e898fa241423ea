"""Small real spools for tests: valid manifests and zstd segments from literal samples."""

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import zstandard

Line = dict[str, Any]
SECOND_US = 1_000_000
STARTED_AT = datetime(2024, 11, 23, 9, 0, tzinfo=UTC)


def sample(
    due_s: float = 0.0,
    response_ms: float = 20.0,
    *,
    scenario: str = "billing",
    step: str = "usage",
    phase: str = "plateau",
    status: int | None = 200,
    outcome: str = "ok",
    **more: Any,
) -> Line:
    """One request, sent exactly when it was due."""
    due_us = round(due_s * SECOND_US)
    ended_us = due_us + round(response_ms * 1000)
    return {
        "scenario": scenario,
        "step": step,
        "phase": phase,
        "journey": due_us,
        "user": 0,
        "worker": 0,
        "attempt": 1,
        "due_us": due_us,
        "due_by": "plan",
        "started_us": due_us,
        "wait_us": 0,
        "connect_us": 0,
        "first_byte_us": ended_us,
        "ended_us": ended_us,
        "first_token_us": None,
        "tokens": None,
        "status": status,
        "outcome": outcome,
        "error": None,
        "retry_after_ms": None,
        "bytes_out": 100,
        "bytes_in": 200,
        "reused": True,
        "trace_id": None,
        **more,
    }


def steady(rate: float, seconds: float, *, start_s: float = 0.0, **same: Any) -> list[Line]:
    """Samples at a steady rate; `same` is what all of them share (see `sample`)."""
    return [sample(start_s + at / rate, **same) for at in range(round(rate * seconds))]


def phase(
    seconds: float,
    rate: float,
    *,
    start_s: float = 0.0,
    scenario: str = "billing",
    name: str = "plateau",
    **more: Any,
) -> Line:
    """An entry of the manifest's `phases`, at a steady rate."""
    return {
        "scenario": scenario,
        "phase": name,
        "start_us": round(start_s * SECOND_US),
        "end_us": round((start_s + seconds) * SECOND_US),
        "model": "open",
        "rate_from": rate,
        "rate_to": rate,
        **more,
    }


def write_spool(
    folder: Path,
    samples: Sequence[Line] | None = None,
    *,
    phases: Sequence[Line] | None = None,
    readings: Sequence[Line] = (),
    health: Sequence[Line] = (),
    segments: int = 1,
    run_id: str | None = None,
    campaign: str = "critical-flows",
    labels: Mapping[str, str] | None = None,
    started_at: datetime = STARTED_AT,
    seconds: float = 10.0,
    **more: Any,
) -> Path:
    """Write a spool and return its folder.

    Without `samples`: ten seconds of billing/usage at 10/s, answered in 20 ms. `more` are further
    keys of the manifest, such as `criteria`, `probes`, `peak_jps`, `git` or `state`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = steady(10, seconds) if samples is None else samples
    listed = [
        _write_segment(folder / f"samples-{at:05d}.ndjson.zst", part)
        for at, part in enumerate(_split(lines, segments))
    ]
    for name, rows in (("probes", readings), ("health", health)):
        if rows:
            write_lines(folder / f"{name}.ndjson.zst", rows)
    started_ns = round(started_at.timestamp()) * 1_000_000_000
    document = {
        "format": "headroom-spool/1",
        "run_id": run_id or str(uuid.uuid4()),
        "state": "complete",
        "campaign": {"name": campaign, "text": f"campaign: {campaign}\n", "sha256": ""},
        "seed": 1,
        "tool": {"name": "loadrunner", "version": "0.1.0"},
        "host": None,
        "git": {"commit": "0123456789abcdef", "branch": "main", "dirty": False},
        "labels": dict(labels or {}),
        "started_at_ns": started_ns,
        "ended_at_ns": started_ns + round(seconds * 1_000_000_000),
        "phases": list(phases) if phases is not None else [phase(seconds, 10)],
        "probes": [],
        "criteria": [],
        "peak_jps": {},
        "segments": listed,
        **more,
    }
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def write_lines(path: Path, rows: Iterable[Line]) -> None:
    """NDJSON in one zstd frame."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(zstandard.ZstdCompressor().compress(text.encode("utf-8")))


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def _split(lines: Sequence[Line], parts: int) -> list[Sequence[Line]]:
    size = -(-len(lines) // parts) if lines else 0
    return [lines[at * size : (at + 1) * size] for at in range(parts)] if lines else []


def _write_segment(path: Path, rows: Sequence[Line]) -> Line:
    write_lines(path, rows)
    content = path.read_bytes()
    return {
        "name": path.name,
        "samples": len(rows),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
