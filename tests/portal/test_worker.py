"""A worker that is killed at any moment leaves nothing stuck and nothing double."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.builders import steady, write_spool
from tests.portals import ROOT, Portal, send

pytestmark = pytest.mark.journey


@contextmanager
def worker(portal: Portal) -> Iterator[subprocess.Popen[bytes]]:
    with portal.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, ROOT / "manage.py", "worker"],
            env=portal.environ,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(portal: Portal, run_id: str, *processing: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    with portal.client() as client:
        while time.monotonic() < deadline:
            run: dict[str, Any] = client.get(f"runs/{run_id}").json()
            if run["processing"] in processing:
                return run
            time.sleep(0.02)
    raise AssertionError(f"still {run['processing']}: {portal.log.read_text(encoding='utf-8')}")


def wait_for_word(portal: Portal, text: str) -> None:
    deadline = time.monotonic() + 60
    while text not in portal.log.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline, f"the log never says: {text}"
        time.sleep(0.05)


def test_a_run_whose_worker_was_killed_is_taken_up_by_the_next_one(
    make_portal: Any, tmp_path: Path
) -> None:
    portal = make_portal(HEADROOM_WORKER="off", HEADROOM_LEASE_S="2")
    portal.start()
    spool = write_spool(tmp_path / "run", steady(2_000, 40), seconds=40, segments=4)
    with portal.client() as client:
        run_id = send(client, spool)

    with worker(portal) as first:
        wait_for(portal, run_id, "processing")
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    stuck = wait_for(portal, run_id, "processing", "ready")
    with worker(portal):
        run = wait_for(portal, run_id, "ready")

    assert stuck["processing"] == "processing"
    assert run["samples"] == 80_000
    assert list((portal.data / "runs").rglob("*.draft")) == []


def test_a_portal_that_was_killed_goes_on_with_its_queue_when_it_is_started_again(
    make_portal: Any, tmp_path: Path
) -> None:
    portal = make_portal(HEADROOM_LEASE_S="2")
    portal.start()
    spools = [write_spool(tmp_path / f"run-{at}", steady(1_000, 10)) for at in range(3)]
    with portal.client() as client:
        run_ids = [send(client, spool) for spool in spools]

    portal.kill()
    portal.start()

    runs = [wait_for(portal, run_id, "ready") for run_id in run_ids]
    assert [run["samples"] for run in runs] == [10_000] * 3


def test_the_worker_ends_on_sigterm(make_portal: Any) -> None:
    portal = make_portal(HEADROOM_WORKER="off")

    with worker(portal) as process:
        wait_for_word(portal, "The worker waits for runs.")
        process.terminate()
        status = process.wait(timeout=60)

    assert status == 0
