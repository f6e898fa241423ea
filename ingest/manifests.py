"""A manifest as it comes over the wire: read, checked for what a database can hold, described."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from runs.errors import ConflictError, Fault, RefusedError
from runs.formats import manifest as spool_manifest
from runs.formats import spool
from runs.formats.errors import ManifestError
from runs.formats.manifest import Manifest
from runs.models import Run
from runs.processing import scenario_lines

_NS_PER_S = 1_000_000_000
_LARGEST = 2**63 - 1


def read(body: bytes) -> tuple[Manifest, dict[str, Any]]:
    """The manifest and its document as it came; RefusedError names the key that is wrong."""
    try:
        document = json.loads(body)
        _check_storable(document)
        parsed = spool_manifest.parse(body)
    except ManifestError as error:
        raise _refused(error.at, error.message) from error
    except RecursionError as error:
        raise _refused("the document", "is nested too deeply") from error
    except ValueError as error:
        raise _refused("the document", f"is not JSON that can be stored: {error}") from error
    _times_of(parsed)
    return parsed, document


def check_is_of(run: Run, manifest: Manifest) -> None:
    """RefusedError where a manifest is of another run, ConflictError where it is not of the run
    that was opened: it may say more than the first one did, but not something else."""
    if UUID(manifest.run_id) != run.pk:
        raise RefusedError(
            "other_run",
            f"The manifest is of run {manifest.run_id}, and was sent to {run.pk}.",
            [Fault("run_id", f"{run.pk} is expected")],
        )
    opened = Manifest.model_validate(run.manifest)
    faults = [
        Fault(at, f"was {known} when the run was opened, and is {said} now")
        for at, known, said in (
            ("campaign.name", opened.campaign.name, manifest.campaign.name),
            ("started_at_ns", opened.started_at_ns, manifest.started_at_ns),
        )
        if known != said
    ]
    if faults:
        raise ConflictError(
            "manifest_differs",
            f"Run {run.pk} was opened with another manifest: {faults[0].at} differs. "
            "Another run needs another run id.",
            faults,
        )


def _check_storable(document: Any) -> None:
    """Raise ValueError for what JSON readers let in and databases do not hold: numbers that are
    not finite, the character U+0000, halves of surrogate pairs."""
    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    # Of the two backslashes that stand for one, neither begins an escape.
    if "\\u0000" in text.replace("\\\\", ""):
        raise ValueError("it holds the character U+0000, which cannot be stored")


def describe(run: Run, manifest: Manifest, document: dict[str, Any]) -> None:
    """Set the run's columns from its manifest."""
    started_at, ended_at = _times_of(manifest)
    run.campaign = manifest.campaign.name
    run.state = manifest.state
    run.source = spool.source_of(manifest)[:40]
    run.started_at = started_at
    run.ended_at = ended_at
    run.duration_s = (ended_at - started_at).total_seconds() if ended_at else None
    run.labels = dict(manifest.labels)
    run.environment = (manifest.labels.get("env") or manifest.labels.get("environment", ""))[:200]
    run.commit = (manifest.git.commit or "")[:80] if manifest.git else ""
    run.branch = (manifest.git.branch or "")[:250] if manifest.git else ""
    run.scenarios = scenario_lines(phase.scenario for phase in manifest.phases)
    run.seed = manifest.seed if abs(manifest.seed or 0) <= _LARGEST else None
    run.manifest = document


def _times_of(manifest: Manifest) -> tuple[datetime, datetime | None]:
    started_at = _moment("started_at_ns", manifest.started_at_ns)
    if manifest.ended_at_ns is None:
        return started_at, None
    ended_at = _moment("ended_at_ns", manifest.ended_at_ns)
    if ended_at < started_at:
        raise _refused("ended_at_ns", "lies before started_at_ns")
    return started_at, ended_at


def _moment(key: str, nanoseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(nanoseconds / _NS_PER_S, tz=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _refused(key, f"{nanoseconds} is no moment in nanoseconds since 1970") from error


def _refused(at: str, message: str) -> RefusedError:
    detail = f"The manifest cannot be taken: {at}: {message}."
    return RefusedError("manifest_invalid", detail, [Fault(at, message)])
