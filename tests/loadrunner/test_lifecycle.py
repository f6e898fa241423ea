"""How a run ends when it is not let end by itself: signals, lost workers, a full disk."""

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from loadrunner.execution import read_report
from loadrunner.portal_client import Door, upload, verdict
from tests.loadrunner.fault_server import OK, FaultServer, never, pieces, sends
from tests.loadrunner.processes import loadrunner, started, target, wait_until
from tests.loadrunner.runs_on_disk import at_rate, manifest_of, samples_of, written
from tests.portals import Portal

pytestmark = pytest.mark.journey


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def workers(pid: int) -> list[int]:
    """The load processes of a run, in the order in which they were started."""
    commands = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children(pid)}
    return sorted(child for child, command in commands.items() if b"spawn_main" in command)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_ctrl_c_twice_ends_at_once_and_keeps_what_was_in_flight(tmp_path: Path) -> None:
    """The drain alone would last as long as the time-out of a minute."""
    out = tmp_path / "spool"
    with FaultServer({"/": sends(OK), "/slow": never()}) as server:
        file = written(tmp_path, server.url, at_rate(20, "60s"), path="/slow")
        file.write_text(file.read_text().replace("timeout: 3s", "timeout: 60s"))
        with started("run", file, "--out", out) as process:
            wait_until((out / "manifest.json").exists)
            time.sleep(1.5)
            process.send_signal(signal.SIGINT)
            time.sleep(0.3)
            assert process.poll() is None
            process.send_signal(signal.SIGINT)
            began_s = time.monotonic()
            process.communicate(timeout=50)
            took_s = time.monotonic() - began_s
        assert process.returncode == 130
    assert manifest_of(out)["state"] == "interrupted"
    kept = samples_of(out)
    assert 20 <= kept.height <= 200
    assert set(kept["outcome"]) == {"cut"}
    assert took_s < 30  # the report among it


def test_ctrl_c_before_the_clock_starts_is_one_line_and_130(tmp_path: Path) -> None:
    with FaultServer({"/": pieces(b"HTTP/1.1 200 OK\r\n", OK, pause_s=2.5)}) as server:
        file = written(tmp_path, server.url, at_rate(20, "60s"))
        with started("run", file, "--out", tmp_path / "spool") as process:
            wait_until(lambda: server.requests)  # the pre-flight's own GET
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (130, "loadrunner: interrupted.\n")
    assert not (tmp_path / "spool").exists()


def test_the_drain_lasts_as_long_as_the_longest_time_out_of_a_step(tmp_path: Path) -> None:
    """The last request is sent at 0.4 s, and answered 1.5 s later; the target's time-out is 1 s."""
    out = tmp_path / "spool"
    slow = pieces(b"HTTP/1.1 200 OK\r\n", b"content-length: 2\r\n\r\nok", pause_s=1.5)
    with FaultServer({"/": sends(OK), "/slow": slow}) as server:
        file = written(tmp_path, server.url, at_rate(10, "500ms"), path="/slow")
        text = file.read_text().replace("timeout: 3s", "timeout: 1s")
        file.write_text(text.replace("{name: get,", "{name: get, timeout: 30s,"))
        loadrunner("run", file, "--out", out)
    assert samples_of(out)["outcome"].to_list() == ["ok"] * 5


def test_git_that_takes_its_time_holds_nothing_up_once_the_clock_runs(tmp_path: Path) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nsleep 2.5\necho abc\n")
    slow.chmod(0o755)
    out = tmp_path / "spool"
    with FaultServer({"/": sends(OK)}) as server:
        file = written(tmp_path, server.url, at_rate(10, "500ms"))
        path = f"{slow.parent}:{os.environ['PATH']}"
        loadrunner("run", file, "--out", out, env={"PATH": path})
    manifest = manifest_of(out)
    assert manifest["git"]["commit"] == "abc"
    # What is read of the workers, their end among it, does not wait for three calls of git.
    assert manifest["ended_at_ns"] - manifest["started_at_ns"] < 6e9


def test_when_a_worker_is_killed_the_others_samples_are_kept_and_the_run_ends_with_1(
    tmp_path: Path,
) -> None:
    """Those too that are in flight: the other worker is stopped, not dropped."""
    out = tmp_path / "spool"
    slow = pieces(b"HTTP/1.1 200 OK\r\n", b"content-length: 2\r\n\r\nok", pause_s=0.5)
    with FaultServer({"/": slow}) as server:
        file = written(tmp_path, server.url, at_rate(40, "60s"))
        with started("run", file, "--out", out, "--workers", "2") as process:
            wait_until((out / "manifest.json").exists)
            time.sleep(2)
            first, second = workers(process.pid)
            os.kill(first, signal.SIGKILL)
            _, told = process.communicate(timeout=20)
        assert process.returncode == 1
        assert "Worker 0 ended early" in told
        assert "Traceback" not in told
        wait_until(lambda: not is_running(second))
    assert manifest_of(out)["state"] == "incomplete"
    kept = samples_of(out)
    of_second = kept.filter(kept["worker"] == 1)
    # Without a gap up to its last moment: the 20 journeys/s that were its own.
    last_s = max(of_second["due_us"].to_list()) / 1e6
    assert last_s >= 1.5
    assert abs(of_second.height - 20 * last_s) <= 2
    assert of_second["outcome"].to_list().count("cut") >= 5
    assert loadrunner("report", out, "--format", "json").returncode == 0


def test_when_the_runner_is_killed_its_workers_stop_loading(tmp_path: Path) -> None:
    out = tmp_path / "spool"
    with FaultServer({"/": sends(OK)}) as server:
        file = written(tmp_path, server.url, at_rate(50, "60s"))
        with started("run", file, "--out", out) as process:
            wait_until((out / "manifest.json").exists)
            wait_until(lambda: len(server.requests) > 20)
            (worker,) = workers(process.pid)
            os.kill(process.pid, signal.SIGKILL)
            wait_until(lambda: not is_running(worker))


def test_without_timerfd_it_works_and_the_summary_says_what_is_less_exact(tmp_path: Path) -> None:
    out = tmp_path / "spool"
    with target() as url:
        file = written(tmp_path, url, at_rate(50, "1s"), path="/healthz")
        without = loadrunner("run", file, "--out", out, env={"LOADRUNNER_NO_TIMERFD": "1"})
        with_it = loadrunner("run", file, "--out", tmp_path / "exact")
    # On a busy machine so short a run may come out as not valid, which is not the question here.
    assert {without.returncode, with_it.returncode} <= {0, 4}
    assert "Note: This system has no timerfd: requests leave by a timer of one milli" in (
        without.stdout
    )
    assert "has no timerfd" not in with_it.stdout
    assert manifest_of(out)["host"]["timer"] == "loop"
    assert samples_of(out).height == 50


@contextmanager
def mounted(folder: Path, *what: str) -> Iterator[Path]:
    """A file system of its own."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own: only root may mount one")
    folder.mkdir()
    command = ["mount", *what, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system of its own: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """64 kB of it."""
    with mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=64k", "tmpfs") as folder:
        yield folder


def test_a_disk_that_fills_up_ends_the_run_with_1_and_a_spool_that_reads(
    tmp_path: Path, small_disk: Path
) -> None:
    out = small_disk / "spool"
    with target() as url:
        file = written(tmp_path, url, at_rate(1000, "60s"), path="/healthz")
        began_s = time.monotonic()
        done = loadrunner("run", file, "--out", out)
    assert done.returncode == 1
    assert time.monotonic() - began_s < 30
    assert f"The spool {out} cannot be written: No space left on device." in done.stderr
    assert "make room and run again" in done.stderr
    assert "Traceback" not in done.stderr
    kept = samples_of(out)
    assert kept.height > 500
    # The tail of the last block may be gone; nothing before it.
    assert sorted(kept["journey"].to_list())[:500] == list(range(500))
    report = json.loads(loadrunner("report", out, "--format", "json").stdout)
    assert report["run"]["state"] == "incomplete"


@pytest.fixture
def freezing_disk(tmp_path: Path) -> Iterator[Path]:
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 << 20))
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    with mounted(tmp_path / "freezing", "-o", "loop", str(image)) as folder:
        yield folder


@contextmanager
def frozen(folder: Path) -> Iterator[None]:
    """Nothing is written to it meanwhile; what tries waits."""
    subprocess.run(["fsfreeze", "-f", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["fsfreeze", "-u", str(folder)], check=True)


def test_a_disk_that_stands_still_makes_the_run_suspect(
    tmp_path: Path, freezing_disk: Path
) -> None:
    out = freezing_disk / "spool"
    with target() as url:
        file = written(tmp_path, url, at_rate(50, "4s"), path="/healthz")
        with started("run", file, "--out", out) as process:
            wait_until((out / "manifest.json").exists)
            with frozen(freezing_disk):
                time.sleep(2.5)
            process.communicate(timeout=50)
    validity = json.loads(loadrunner("report", out, "--format", "json").stdout)["validity"]
    assert validity["verdict"] != "valid"
    assert any("The coordinator was held up" in one["detail"] for one in validity["reasons"])


RUNS, AT_A_TIME, RATE = 20, 4, 50


def _killed(file: Path, out: Path, after_s: float) -> float:
    """Make a run and kill it; for how long its clock had run by then, in seconds."""
    with started("run", file, "--out", out) as process:
        wait_until((out / "manifest.json").exists, within_s=60)
        time.sleep(after_s)
        ran_s: float = (time.time_ns() - manifest_of(out)["started_at_ns"]) / 1e9
        os.kill(process.pid, signal.SIGKILL)
    return ran_s


def test_kill_9_at_20_random_moments_leaves_20_spools_that_read_report_and_upload(
    tmp_path: Path, portal: Portal
) -> None:
    moments = [random.Random(seed).uniform(0.0, 2.5) for seed in range(RUNS)]
    outs = [tmp_path / f"spool-{number}" for number in range(RUNS)]
    door = Door(portal.address, "killed", portal.token)
    with target() as url, ThreadPoolExecutor(AT_A_TIME) as pool:
        file = written(tmp_path, url, at_rate(RATE, "60s"), path="/healthz")
        ran = list(pool.map(lambda at: _killed(file, *at), zip(outs, moments, strict=True)))
    for out, ran_s in zip(outs, ran, strict=True):
        report = read_report(out)
        assert report.run.state == "incomplete"
        count = next(row.count for row in report.series if row.scenario is None)
        assert (ran_s - 1) * RATE - 1 <= count <= ran_s * RATE + 1, (out, ran_s)
        assert upload(out, door, {}).run_id == report.run.id
    told = verdict(door, read_report(outs[-1]).run.id)
    assert told["processing"] == "ready"
