"""SIGKILL for a portal's processes at random moments, while runs come in and are processed.

Used by a test with a few moments and by benchmarks/kill_storm.py with many.
"""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from tests.builders import manifest_of, steady, write_spool
from tests.portals import ROOT, Portal, digest_of

CLIENTS: Final = 4
_GIVE_UP_S: Final = 120.0
Said = Callable[[str], None]


@dataclass
class Aftermath:
    """What was there when the storm was over; each list names runs."""

    moments: int = 0
    acknowledged: list[str] = field(default_factory=list)
    not_ready: list[str] = field(default_factory=list)
    wrong_figures: list[str] = field(default_factory=list)
    wrong_bytes: list[str] = field(default_factory=list)
    doctor_before: str = ""
    doctor_after: str = ""

    @property
    def is_sound(self) -> bool:
        harm = [*self.not_ready, *self.wrong_figures, *self.wrong_bytes]
        return not harm and self.doctor_after == "Files, rows and the queue agree."


def spools(folder: Path, count: int) -> list[Path]:
    """Runs that differ in size and in latency, so that no figures can be mistaken for others'."""
    return [
        write_spool(
            folder / f"run-{at}",
            steady(200 + at, 10, response_ms=10 + at),
            segments=1 + at % 4,
        )
        for at in range(count)
    ]


def storm(portal: Portal, spools: Sequence[Path], moments: int, seed: int, say: Said) -> Aftermath:
    """Kill while the spools are sent over and over in turn; then let it calm down and look.

    The portal must have HEADROOM_WORKER=inline, so that web and worker die together in it; a
    second worker runs beside it and is killed by itself.
    """
    chance = random.Random(seed)
    portal.start()
    worker = _worker(portal)
    clients = _Clients(portal, spools)
    clients.start()
    after = Aftermath(moments)
    try:
        for moment in range(moments):
            time.sleep(chance.uniform(0.02, 1.2))
            victims = chance.choice(("web", "worker", "both"))
            say(f"moment {moment + 1} of {moments}: {victims}")
            if victims != "worker":
                portal.kill()
            if victims != "web":
                worker.kill()
                worker.wait()
                worker = _worker(portal)
            if victims != "worker":
                portal.start()
        clients.finish()
        _look(portal, spools, clients, after)
    finally:
        clients.stop()
        worker.kill()
        worker.wait()
    portal.stop()
    after.doctor_before = _doctor(portal)
    _doctor(portal, "--repair")
    after.doctor_after = _doctor(portal, "--digests")
    return after


def _worker(portal: Portal) -> subprocess.Popen[bytes]:
    with portal.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "worker"],
            env=portal.environ,
            stdout=log,
            stderr=log,
        )


def _doctor(portal: Portal, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, ROOT / "manage.py", "doctor", "--at-rest", *words],
        env=portal.environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout.strip()


class _Clients:
    """Threads that send spools until each has been acknowledged, whatever breaks meanwhile."""

    def __init__(self, portal: Portal, spools: Sequence[Path]) -> None:
        self._portal = portal
        self._waiting = list(spools)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(CLIENTS)]
        self.acknowledged: list[str] = []
        self.errors: list[str] = []

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Wait until everything was sent."""
        for thread in self._threads:
            thread.join(_GIVE_UP_S)
        assert not self.errors, self.errors

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                if not self._waiting:
                    return
                spool = self._waiting.pop(0)
            self._send(spool)

    def _send(self, spool: Path) -> None:
        """As an uploader does that is started again after each failure."""
        while not self._stopped.is_set():
            try:
                with self._portal.client() as client:
                    run_id = self._sent(client, spool)
            except (httpx.TransportError, httpx.HTTPStatusError) as error:
                if isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500:
                    self.errors.append(f"{spool.name}: {error.response.text}")
                    return
                time.sleep(0.05)
                continue
            self.acknowledged.append(run_id)
            return

    def _sent(self, client: httpx.Client, spool: Path) -> str:
        manifest = (spool / "manifest.json").read_bytes()
        run_id: str = json.loads(manifest)["run_id"]
        client.post("projects/storm/runs", content=manifest).raise_for_status()
        for path in sorted(spool.glob("*.zst")):
            content = path.read_bytes()
            client.put(
                f"runs/{run_id}/files/{path.name}",
                content=content,
                headers={"Content-Digest": digest_of(content)},
            ).raise_for_status()
            time.sleep(0.02)  # so that kills hit the middle of uploads, too
        client.post(f"runs/{run_id}/complete", content=manifest).raise_for_status()
        return run_id


def _look(portal: Portal, spools: Sequence[Path], clients: _Clients, after: Aftermath) -> None:
    """Wait for every run that was acknowledged, and hold it against its spool."""
    after.acknowledged = list(clients.acknowledged)
    by_id = {str(manifest_of(spool)["run_id"]): spool for spool in spools}
    with portal.client() as client:
        for run_id in clients.acknowledged:
            deadline_s = time.monotonic() + _GIVE_UP_S
            while time.monotonic() < deadline_s:
                run = client.get(f"runs/{run_id}/verdict", params={"wait": 10}).json()
                if run["processing"] in ("ready", "failed"):
                    break
            if run["processing"] != "ready":
                after.not_ready.append(f"{run_id}: {run['processing']} {run['reason']}")
            elif not _has_its_figures(client, run_id, by_id[run_id]):
                after.wrong_figures.append(run_id)
            if not _has_its_bytes(client, run_id, by_id[run_id]):
                after.wrong_bytes.append(run_id)


def _has_its_figures(client: httpx.Client, run_id: str, spool: Path) -> bool:
    at = int(spool.name.split("-")[1])
    rows = client.get(f"runs/{run_id}/report").json()["series"]
    row = next(one for one in rows if one["step"] and one["phase"])
    return (row["count"], row["ok_ms"]["p95"], row["ok_ms"]["max"]) == (
        (200 + at) * 10,
        10.0 + at,
        10.0 + at,
    )


def _has_its_bytes(client: httpx.Client, run_id: str, spool: Path) -> bool:
    names = {one["name"] for one in client.get(f"runs/{run_id}/files").json()}
    return names == {path.name for path in spool.iterdir()} and all(
        client.get(f"runs/{run_id}/files/{name}").content == (spool / name).read_bytes()
        for name in names
    )
