"""Sends a spool to a portal, while it is written or afterwards, and asks for the verdict."""

import base64
import hashlib
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel

from loadrunner.engine.wire import USER_AGENT
from loadrunner.errors import UploadError, UsageError
from runs.formats import manifest as manifests
from runs.formats.manifest import Manifest

_CHUNK = 1 << 20
_TRIES = 3
# A portal that restarts, or the proxy before it, is away for seconds.
_WAITS_S = (0.5, 1.0, 2.0, 4.0)
_AWAY = (429, 502, 503, 504)
_LONGEST_WAIT_S = 60.0


class PortalAwayError(UploadError):
    """The portal cannot be reached, or says that it is away or has had enough for a while."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Door:
    """Which portal and project; the token comes from HEADROOM_TOKEN and is never printed."""

    portal: str
    project: str
    token: str


class _Fault(BaseModel):
    at: str
    message: str


class _Refusal(BaseModel):
    """The one shape of the portal's errors."""

    detail: str
    errors: list[_Fault] = []


@dataclass(frozen=True)
class Sent:
    """The run as the portal knows it."""

    run_id: str
    url: str


def upload(folder: Path, door: Door, labels: Mapping[str, str]) -> Sent:
    """Open, send every file that is not there yet, complete. Harmless when done twice. Raises
    UploadError."""
    manifest = _manifest(folder, labels)
    with _client(door) as portal:
        opened = _open(portal, door, manifest)
        there = _files_there(portal, manifest.run_id)
        for file in _files(folder):
            if there.get(file.name) != _sha256(file).hex():
                _put(portal, manifest.run_id, file)
        _call(portal, "POST", f"runs/{manifest.run_id}/complete", manifest.to_json())
        url = str(opened.get("url") or f"{door.portal.rstrip('/')}/runs/{manifest.run_id}/")
    return Sent(manifest.run_id, url)


def follow(folder: Path, door: Door, labels: Mapping[str, str], every_s: float = 1.0) -> None:
    """Send each segment of a run that is under way as soon as it is sealed; never returns.

    A portal that is away is asked again. Raises UploadError where it refuses.
    """
    sent: set[str] = set()
    while True:
        try:
            if (folder / "manifest.json").exists():
                _send_sealed(folder, door, labels, sent)
        except PortalAwayError:
            pass
        time.sleep(every_s)


def _send_sealed(folder: Path, door: Door, labels: Mapping[str, str], sent: set[str]) -> None:
    # Whoever writes a segment has sealed the ones before it.
    sealed = sorted(folder.glob("samples-*.ndjson.zst"))[:-1]
    waiting = [file for file in sealed if file.name not in sent]
    if sent and not waiting:
        return
    manifest = _manifest(folder, labels)
    with _client(door) as portal:
        _open(portal, door, manifest)
        sent.add("manifest.json")
        for file in waiting:
            _put(portal, manifest.run_id, file)
            sent.add(file.name)


def _open(portal: httpx.Client, door: Door, manifest: Manifest) -> dict[str, object]:
    return _call(portal, "POST", f"projects/{door.project}/runs", manifest.to_json())


def _files_there(portal: httpx.Client, run_id: str) -> dict[str, str]:
    """The SHA-256 of each file that the portal has of the run, in hex."""
    found = _call(portal, "GET", f"runs/{run_id}/files").get("files")
    rows = found if isinstance(found, list) else []
    return {str(row.get("name")): str(row.get("sha256")) for row in rows}


def send_file(path: Path, kind: str, door: Door, labels: Mapping[str, str]) -> Sent:
    """Send the result file of another tool; the same bytes are the same run. Raises UploadError."""
    query = [("as", kind), ("name", _safe(path.name))]
    query += [("label", f"{key}:{value}") for key, value in labels.items()]
    with _client(door) as portal:
        address = f"projects/{door.project}/imports?{urlencode(query)}"
        answer = _send_body(portal, "POST", address, path)
    return Sent(str(answer.get("id")), str(answer.get("url")))


def _safe(name: str) -> str:
    """A file's name as the portal takes it."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", name).lstrip("._-")[-100:]
    return found.lstrip("._-") or "import.dat"


def verdict(door: Door, run_id: str, wait_s: float = 300) -> dict[str, object]:
    """The portal's verdict, once it has one. Raises UploadError when it fails or takes too long."""
    with _client(door) as portal:
        deadline = time.monotonic() + wait_s
        while True:
            answer = _call(portal, "GET", f"runs/{run_id}/verdict?wait=30")
            is_settled = answer.get("processing") in ("ready", "failed")
            if is_settled or time.monotonic() >= deadline:
                break
            time.sleep(1)  # a portal for whose verdicts many wait answers at once
    if answer.get("processing") != "ready":
        raise UploadError(
            f"The portal has no verdict on run {run_id} yet: "
            f"processing is '{answer.get('processing')}'. Ask again with "
            f"GET {door.portal.rstrip('/')}/api/v1/runs/{run_id}/verdict?wait=60."
        )
    return answer


def find_action(door: Door, ref: str) -> dict[str, object]:
    """The action that people call ACT-12. UsageError where the project has none; UploadError where
    the portal does not answer."""
    with _client(door) as portal:
        answer = _call(portal, "GET", f"projects/{door.project}/actions?ref={ref}")
    items = answer.get("items")
    if not isinstance(items, list) or not items:
        raise UsageError(f"There is no {ref} in the project '{door.project}' of {door.portal}.")
    found: dict[str, object] = items[0]
    return found


def _client(door: Door) -> httpx.Client:
    return httpx.Client(
        base_url=f"{door.portal.rstrip('/')}/api/v1/",
        headers={"authorization": f"Bearer {door.token}", "user-agent": USER_AGENT},
        timeout=120,
        transport=httpx.HTTPTransport(retries=_TRIES),
    )


def _manifest(folder: Path, labels: Mapping[str, str]) -> Manifest:
    """The final manifest; one of a killed runner is sent as incomplete, with what is there."""
    manifest = manifests.parse((folder / "manifest.json").read_bytes())
    state = "incomplete" if manifest.state == "running" else manifest.state
    return manifest.model_copy(update={"labels": {**manifest.labels, **labels}, "state": state})


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(folder.glob("samples-*.ndjson.zst"))
    for name in ("probes.ndjson.zst", "health.ndjson.zst"):
        if (folder / name).exists():
            yield folder / name


def _put(portal: httpx.Client, run_id: str, file: Path) -> None:
    _send_body(portal, "PUT", f"runs/{run_id}/files/{file.name}", file)


def _send_body(portal: httpx.Client, method: str, address: str, file: Path) -> dict[str, object]:
    """Stream a file as the body, with its digest."""
    headers = {
        "content-length": str(file.stat().st_size),
        "content-digest": f"sha-256=:{base64.b64encode(_sha256(file)).decode()}:",
        "content-type": "application/octet-stream",
    }

    def once() -> dict[str, object]:
        with file.open("rb") as body:
            return _once(portal, method, address, body, headers)

    return _patiently(once)


def _sha256(file: Path) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as body:
        while chunk := body.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()


def _call(
    portal: httpx.Client, method: str, path: str, body: str | None = None
) -> dict[str, object]:
    headers = {"content-type": "application/json"} if body is not None else None
    return _patiently(lambda: _once(portal, method, path, body, headers))


def _patiently(call: Callable[[], dict[str, object]]) -> dict[str, object]:
    """Every call may come twice, so that one whose answer was lost is simply made again."""
    for wait_s in _WAITS_S:
        try:
            return call()
        except PortalAwayError as error:
            time.sleep(max(wait_s, error.retry_after_s))
    return call()


def _once(
    portal: httpx.Client,
    method: str,
    path: str,
    body: object,
    headers: Mapping[str, str] | None,
) -> dict[str, object]:
    try:
        answer = portal.request(method, path, content=body, headers=headers)  # type: ignore[arg-type]
    except httpx.HTTPError as error:
        raise PortalAwayError(
            f"The portal {portal.base_url} could not be reached: {error or type(error).__name__}."
        ) from error
    if not answer.is_success:
        message = f"{method} {path} answered {answer.status_code}: {_reason(answer)}"
        if answer.status_code in _AWAY:
            raise PortalAwayError(message, _retry_after_s(answer))
        raise UploadError(message)
    return _document(answer)


def _retry_after_s(answer: httpx.Response) -> float:
    """What the portal asks for, up to a minute; 0 where it names no seconds."""
    text = answer.headers.get("Retry-After", "").strip()
    return min(float(text), _LONGEST_WAIT_S) if text.isascii() and text.isdigit() else 0.0


def _document(answer: httpx.Response) -> dict[str, object]:
    if not answer.content:
        return {}
    try:
        document = answer.json()
    except (ValueError, RecursionError) as error:
        raise UploadError(f"{answer.url} does not answer like a Headroom portal.") from error
    if isinstance(document, list):
        return {"files": document}
    return document if isinstance(document, dict) else {}


def _reason(answer: httpx.Response) -> str:
    """What the portal says of it; of whatever else stands at that address, the beginning."""
    try:
        document = _Refusal.model_validate_json(answer.content)
    except ValueError:
        return answer.text[:200]
    errors = "; ".join(f"{one.at}: {one.message}" for one in document.errors)
    return f"{document.detail} {errors}".strip()
