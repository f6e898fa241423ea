"""A run is sent while it goes on, and its figures can be asked for before it is complete."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from loadrunner.following import following
from loadrunner.portal_client import Door, upload
from tests.builders import manifest_of, phase, steady, write_spool
from tests.portals import Portal, digest_of, send

pytestmark = pytest.mark.journey

PHASES = [phase(20, 50), phase(20, 100, start_s=20, name="spike")]


@pytest.fixture
def client(portal: Portal) -> Iterator[httpx.Client]:
    with portal.client() as client:
        yield client


def whole_run(folder: Path) -> Path:
    """40 s in four segments of 750 samples."""
    lines = steady(50, 20) + steady(100, 20, start_s=20, phase="spike", response_ms=30)
    return write_spool(folder, lines, phases=PHASES, seconds=40, segments=4)


def opened(client: httpx.Client, spool: Path) -> str:
    manifest = {**manifest_of(spool), "state": "running", "segments": [], "ended_at_ns": None}
    client.post("projects/shop/runs", json=manifest).raise_for_status()
    return str(manifest["run_id"])


def put(client: httpx.Client, run_id: str, path: Path) -> None:
    content, address = path.read_bytes(), f"runs/{run_id}/files/{path.name}"
    headers = {"Content-Digest": digest_of(content)}
    client.put(address, content=content, headers=headers).raise_for_status()


def partial(client: httpx.Client, run_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"runs/{run_id}/partial").raise_for_status().json()
    return answer


def test_the_figures_of_what_has_come_are_those_of_the_samples_in_it(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = whole_run(tmp_path / "run")
    run_id = opened(client, spool)

    assert (partial(client, run_id)["samples"], partial(client, run_id)["timeline"]) == (0, None)
    put(client, run_id, spool / "samples-00000.ndjson.zst")

    # 750 requests at 50/s: 15 s of a plateau that will last for 20.
    first = partial(client, run_id)
    assert (first["processing"], first["samples"]) == ("receiving", 750)
    assert first["segments"] == ["samples-00000.ndjson.zst"]
    assert first["until_s"] == pytest.approx(15.0)
    assert first["timeline"]["total"]["due"][:15] == [50] * 15
    row = first["series"][0]
    assert (row["step"], row["phase"], row["count"]) == ("usage", "plateau", 750)
    assert row["offered_rps"] == pytest.approx(50.0)
    assert row["response_ms"]["p95"] == 20.0
    assert {one["phase"] for one in first["series"]} == {"plateau", None}

    put(client, run_id, spool / "samples-00001.ndjson.zst")
    second = partial(client, run_id)
    assert second["samples"] == 1500
    assert [one["count"] for one in second["series"][:2]] == [1000, 500]


def test_a_run_that_is_ready_answers_with_all_of_it(client: httpx.Client, tmp_path: Path) -> None:
    spool = whole_run(tmp_path / "run")
    run_id = opened(client, spool)
    put(client, run_id, spool / "samples-00000.ndjson.zst")
    partial(client, run_id)

    send(client, spool)

    client.get(f"runs/{run_id}/verdict", params={"wait": 60})
    found = partial(client, run_id)
    assert (found["processing"], found["samples"], len(found["segments"])) == ("ready", 3000, 4)
    assert found["timeline"] == client.get(f"runs/{run_id}/timeseries").json()
    assert found["series"] == client.get(f"runs/{run_id}/report").json()["series"]


def test_what_partial_figures_need_goes_when_the_run_is_ready(
    client: httpx.Client, portal: Portal, tmp_path: Path
) -> None:
    spool = whole_run(tmp_path / "run")
    run_id = opened(client, spool)
    put(client, run_id, spool / "samples-00000.ndjson.zst")
    partial(client, run_id)
    folder = portal.data / "runs" / run_id
    assert [path.name for path in folder.glob("live-*")] == ["live-samples-00000.parquet"]

    send(client, spool)

    client.get(f"runs/{run_id}/verdict", params={"wait": 60})
    assert list(folder.glob("live-*")) == []


def test_a_damaged_segment_is_said_and_the_others_are_shown(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = whole_run(tmp_path / "run")
    run_id = opened(client, spool)
    (spool / "samples-00001.ndjson.zst").write_bytes(b"this is no zstd")

    for at in range(2):
        put(client, run_id, spool / f"samples-0000{at}.ndjson.zst")

    found = partial(client, run_id)
    assert found["samples"] == 750
    assert any("samples-00001.ndjson.zst" in note for note in found["notes"])


def await_samples(client: httpx.Client, run_id: str, count: int) -> None:
    deadline_s = time.monotonic() + 60
    seen: object = None
    while time.monotonic() < deadline_s:
        answer = client.get(f"runs/{run_id}/partial")
        seen = answer.json().get("samples")
        if seen == count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{seen} samples have come, not {count}")


def test_sealed_segments_go_while_the_run_is_written_even_when_the_portal_restarts(
    make_portal: Any, tmp_path: Path
) -> None:
    portal = make_portal()
    portal.start()
    whole = whole_run(tmp_path / "whole")
    final = manifest_of(whole)
    run_id, out = str(final["run_id"]), tmp_path / "out"
    door = Door(portal.address, "shop", portal.token)

    with following(out, door, {"env": "live"}), portal.client() as client:
        out.mkdir()
        running = {**final, "state": "running", "segments": [], "ended_at_ns": None}
        (out / "manifest.json").write_text(json.dumps(running))
        for at in range(2):
            _move(whole, out, at)
        await_samples_of_unopened(client, run_id, 750)
        portal.kill()
        _move(whole, out, 2)
        portal.start()
        await_samples(client, run_id, 1500)
        _move(whole, out, 3)
    (out / "manifest.json").write_text(json.dumps(final))
    sent = upload(out, door, {"env": "live"})

    with portal.client() as client:
        client.get(f"runs/{sent.run_id}/verdict", params={"wait": 60})
        run = client.get(f"runs/{sent.run_id}").json()
        assert (run["processing"], run["samples"]) == ("ready", 3000)
        assert run["labels"] == {"env": "live"}


def await_samples_of_unopened(client: httpx.Client, run_id: str, count: int) -> None:
    """The same, where the run may not have been opened yet."""
    deadline_s = time.monotonic() + 60
    while client.get(f"runs/{run_id}").status_code == 404:
        assert time.monotonic() < deadline_s, "the run was never opened"
        time.sleep(0.1)
    await_samples(client, run_id, count)


def _move(whole: Path, out: Path, at: int) -> None:
    name = f"samples-{at:05d}.ndjson.zst"
    (whole / name).rename(out / name)
