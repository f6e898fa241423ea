"""`loadrunner merge`: the spools of several machines as one run on one clock."""

import json
from pathlib import Path
from typing import Any

from runs.formats import spool
from tests.builders import phase, sample, steady, write_spool
from tests.loadrunner.processes import loadrunner

BEGAN_NS = 1_732_350_000_000_000_000
A, B = "00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"


def beat(t_us: int, worker: int) -> dict[str, Any]:
    return {"t_us": t_us, "worker": worker, "wanted": 10, "reached": 10}


def machine(folder: Path, run_id: str, later_ms: int = 0, **more: Any) -> Path:
    """Ten seconds at 10/s by two workers, begun `later_ms` after the first machine."""
    lines = [
        {**line, "journey": number, "worker": number % 2}
        for number, line in enumerate(steady(10, 10))
    ]
    given: dict[str, Any] = {
        "samples": lines,
        "phases": [phase(10, 10, warm_up_us=1_000_000)],
        "readings": [
            {"t_us": 500_000, "probe": "ops", "values": {"pool": 3}, "took_ms": 1, "error": None}
        ],
        "health": [beat(1_000_000, worker) for worker in (-1, 0, 1)],
        "labels": {"branch": "main", "machine": run_id[-1]},
        "started_at_ns": BEGAN_NS + later_ms * 1_000_000,
        "ended_at_ns": BEGAN_NS + later_ms * 1_000_000 + 10_000_000_000,
        "criteria": ["p95(billing) < 1s"],
        "peak_jps": {"billing": 8.0},
        **more,
    }
    return write_spool(folder, run_id=run_id, **given)


def merged(*arguments: object) -> str:
    done = loadrunner("merge", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_two_machines_samples_stand_on_one_clock_and_no_journey_twice(tmp_path: Path) -> None:
    a, b = machine(tmp_path / "a", A, later_ms=100), machine(tmp_path / "b", B)
    told = merged(a, b, "--out", tmp_path / "whole")
    assert told == ""
    whole = spool.read(tmp_path / "whole")
    assert whole.notes == ()
    frame = whole.samples
    assert frame.height == 200
    assert frame.select("worker", "journey").n_unique() == 200
    # The first machine began 0.1 s after the second, so that its first sample was due then.
    of_a = frame.filter(frame["worker"] < 2)
    of_b = frame.filter(frame["worker"] >= 2)
    assert of_a.select("due_us", "ended_us").row(0) == (100_000, 120_000)
    assert of_b.select("due_us", "ended_us").row(0) == (0, 20_000)
    assert sorted(frame["worker"].unique()) == [0, 1, 2, 3]
    assert sorted(whole.readings.select("t_us", "value").rows()) == [(500_000, 3), (600_000, 3)]
    assert sorted(whole.health.select("t_us", "worker").rows()) == [
        (1_000_000, -1), (1_000_000, 2), (1_000_000, 3),
        (1_100_000, -1), (1_100_000, 0), (1_100_000, 1),
    ]  # fmt: skip


def test_the_plan_of_the_whole_is_the_sum_of_the_parts(tmp_path: Path) -> None:
    a, b = machine(tmp_path / "a", A), machine(tmp_path / "b", B, later_ms=100)
    merged(a, b, "--out", tmp_path / "whole")
    document = json.loads((tmp_path / "whole" / "manifest.json").read_text())
    (entry,) = document["phases"]
    assert (entry["start_us"], entry["end_us"]) == (0, 10_100_000)
    assert (entry["rate_from"], entry["rate_to"]) == (20, 20)
    assert entry["warm_up_us"] == 1_100_000
    assert document["started_at_ns"] == BEGAN_NS
    assert document["ended_at_ns"] == BEGAN_NS + 10_100_000_000
    assert (document["state"], document["labels"]) == ("complete", {"branch": "main"})
    assert document["criteria"] == ["p95(billing) < 1s"]
    assert [one["run_id"] for one in document["merged"]] == [A, B]


def test_the_report_of_the_whole_counts_both_and_believes_it(tmp_path: Path) -> None:
    a, b = machine(tmp_path / "a", A), machine(tmp_path / "b", B, later_ms=50)
    merged(a, b, "--out", tmp_path / "whole")
    report = json.loads(loadrunner("report", tmp_path / "whole", "--format", "json").stdout)
    row = next(one for one in report["series"] if one["phase"] == "plateau")
    # Nine seconds each, from the last machine's warm-up on: the first one's journey of 1.0 s
    # falls before it.
    assert row["count"] == 179
    assert report["validity"] == {"verdict": "valid", "reasons": []}
    assert report["verdict"] == "pass"


def test_merging_twice_gives_the_same_run_whatever_the_order(tmp_path: Path) -> None:
    a, b = machine(tmp_path / "a", A), machine(tmp_path / "b", B)
    for name, order in (("one", (a, b)), ("two", (b, a))):
        merged(*order, "--out", tmp_path / name)
    ids = [spool.read_manifest(tmp_path / name).run_id for name in ("one", "two")]
    assert ids[0] == ids[1] not in (A, B)


def test_a_run_that_a_guard_ended_ended_the_whole(tmp_path: Path) -> None:
    a = machine(tmp_path / "a", A, state="interrupted", aborted="The stop file F appeared.")
    told = merged(a, machine(tmp_path / "b", B), "--out", tmp_path / "whole")
    assert "Not every run is complete" in told
    manifest = spool.read_manifest(tmp_path / "whole")
    assert manifest.state == "interrupted"
    assert spool.info_of(manifest).aborted == "The stop file F appeared."


def test_what_does_not_belong_together_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    a, out = machine(tmp_path / "a", A), tmp_path / "whole"
    cases = {
        "merge needs two spools or more.": [a],
        f"{a} and {a} are the same run.": [a, a],
        "is of another campaign than": [a, machine(tmp_path / "b", B, campaign="other")],
        "The runs began 60.0 s apart, and the shortest phase takes 10.0 s": [
            a,
            machine(tmp_path / "c", B, later_ms=60_000),
        ],
        "holds no manifest.json": [a, tmp_path],
    }
    for told, spools in cases.items():
        done = loadrunner("merge", *spools, "--out", out)
        assert done.returncode == 2, told
        assert told in done.stderr
        assert not out.exists()


def test_machines_that_began_far_apart_are_merged_with_a_note(tmp_path: Path) -> None:
    a, b = machine(tmp_path / "a", A), machine(tmp_path / "b", B, later_ms=1500)
    told = merged(a, b, "--out", tmp_path / "whole")
    assert "note: The runs began 1.50 s apart." in told


def test_spools_of_other_programs_without_workers_and_health_are_merged_too(tmp_path: Path) -> None:
    lines = [
        {key: sample(at)[key] for key in ("scenario", "step", "phase", "started_us", "ended_us")}
        | {"outcome": "ok"}
        for at in range(5)
    ]
    parts = [
        write_spool(tmp_path / name, lines, run_id=run_id, seconds=5, phases=[phase(5, 1)])
        for name, run_id in (("a", A), ("b", B))
    ]
    merged(*parts, "--out", tmp_path / "whole")
    assert sorted(spool.read(tmp_path / "whole").samples["worker"]) == [0] * 5 + [1] * 5
