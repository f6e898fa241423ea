"""Spools that another program wrote, in part and with the fewest keys: the report equals what is
worked out of the raw lines in plain Python, pooled rows and journeys included."""

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import zstandard

from runs.analysis import report as reports
from runs.formats import report_json, spool
from tests.builders import phase, write_spool

PHASES = {"warming up / 1": (0, 6, 0), "Spitze №2": (6, 14, 2), "end": (14, 20, 1)}
STEPS = {"kauf": ("öffnen", "zahlen"), "list": ("all",)}
OUTCOMES = ("ok", "client_error", "server_error", "timeout", "connection_error", "refused", "cut")
FAILED = ("client_error", "server_error", "timeout", "connection_error", "check_failed")


def journeys(chance: random.Random) -> list[list[dict[str, Any]]]:
    """The samples of each journey; every step of one falls into the phase it began in."""
    made = []
    for number in range(400):
        scenario = chance.choice(list(STEPS))
        name = chance.choice(list(PHASES))
        low, high, _ = PHASES[name]
        at_us = chance.randrange(low * 1_000_000, high * 1_000_000)
        lines = []
        for step in STEPS[scenario]:
            took_us = 1 + int(chance.expovariate(1 / 60_000))
            outcome = chance.choices(OUTCOMES, (80, 5, 5, 3, 2, 3, 2))[0]
            lines.append(
                {
                    "scenario": scenario,
                    "step": step,
                    "phase": name,
                    "journey": number,
                    "started_us": at_us,
                    "ended_us": at_us + took_us,
                    "outcome": outcome,
                }
            )
            at_us += took_us
        made.append(lines)
    return made


def written(folder: Path, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Two segments of which no manifest knows; the second is cut. What can still be read."""
    phases = [
        phase(high - low, 5, start_s=low, scenario=scenario, name=name, warm_up_us=warm * 1_000_000)
        for scenario in STEPS
        for name, (low, high, warm) in PHASES.items()
    ]
    write_spool(folder, [], phases=phases, state="running", seconds=20, segments=1)
    half = len(lines) // 2
    for number, part in enumerate((lines[:half], lines[half:])):
        press = zstandard.ZstdCompressor().compressobj()
        blocks = [
            press.compress((json.dumps(line, ensure_ascii=False) + "\n").encode())
            + press.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
            for line in part
        ]
        kept = blocks if number == 0 else blocks[: len(blocks) * 3 // 4]
        end = press.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH) if number == 0 else blocks[-1][:3]
        (folder / f"samples-{number:05d}.ndjson.zst").write_bytes(b"".join(kept) + end)
    return lines[: half + (len(lines) - half) * 3 // 4]


def window(name: str) -> tuple[int, int]:
    low, high, warm = PHASES[name]
    return (low + warm) * 1_000_000, high * 1_000_000


def judged(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that began in the judged part of their phase."""
    return [one for one in lines if window(one["phase"])[0] <= one["started_us"]]


def figures(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Of samples that fall into one row; nothing was due, so times count from the start."""
    answered = [one for one in lines if one["outcome"] != "cut"]
    ranked = [one for one in lines if one["outcome"] != "refused"]
    times = sorted(
        one["ended_us"] - one["started_us"] if one["outcome"] == "ok" else math.inf
        for one in ranked
    )
    p95 = times[math.ceil(len(times) * 95 / 100) - 1]
    return {
        "count": len(lines),
        "error_rate": sum(one["outcome"] in FAILED for one in answered) / len(answered),
        "refusal_rate": sum(one["outcome"] == "refused" for one in answered) / len(answered),
        "p95": None if math.isinf(p95) else p95 / 1000,
        "unanswered": sum(map(math.isinf, times)) / len(times),
    }


def shown(row: dict[str, Any]) -> dict[str, Any]:
    plain = {name: row[name] for name in ("count", "error_rate", "refusal_rate")}
    response = row["response_ms"]
    return {**plain, "p95": response["p95"], "unanswered": response["unanswered"]}


@pytest.mark.parametrize("seed", range(4))
def test_rows_pooled_rows_and_journeys_are_those_of_the_lines(tmp_path: Path, seed: int) -> None:
    made = journeys(random.Random(seed))
    lines = written(tmp_path, [line for one in made for line in one])
    found = spool.read(tmp_path)
    assert any("is not listed" in note for note in found.notes)
    report: Any = report_json.dump(reports.build(spool.run_data(found)))

    rows = {(row["scenario"], row["step"], row["phase"]): row for row in report["series"]}
    counted = judged(lines)
    for scenario, steps in STEPS.items():
        for step in (*steps, None):
            for name in (*PHASES, None):
                mine = [
                    one
                    for one in counted
                    if one["scenario"] == scenario
                    and step in (None, one["step"])
                    and name in (None, one["phase"])
                ]
                row = rows[scenario, step, name]
                assert shown(row) == figures(mine), (scenario, step, name)
                assert row["pooled"] == (step is None or name is None)
    assert shown(rows[None, None, None]) == figures(counted)

    kept = {id(line) for line in lines}
    whole = [[line for line in one if id(line) in kept] for one in made]
    for entry in report["journeys"]:
        _assert_journeys(entry, [one for one in whole if one])


def _assert_journeys(entry: dict[str, Any], whole: list[list[dict[str, Any]]]) -> None:
    """Of the journeys that began in the judged part of the entry's phase."""
    mine = [
        one
        for one in whole
        if (one[0]["scenario"], one[0]["phase"]) == (entry["scenario"], entry["phase"])
        and window(entry["phase"])[0] <= one[0]["started_us"]
    ]
    first_bad = [next((s["outcome"] for s in one if s["outcome"] != "ok"), "ok") for one in mine]
    decided = [outcome for outcome in first_bad if outcome != "cut"]
    assert entry["count"] == len(mine)
    assert entry["success_rate"] == decided.count("ok") / len(decided)
    good = [one for one, bad in zip(mine, first_bad, strict=True) if bad == "ok"]
    took = sorted(one[-1]["ended_us"] - one[0]["started_us"] for one in good)
    assert entry["duration_ms"]["p95"] == took[math.ceil(len(took) * 95 / 100) - 1] / 1000


def test_without_health_and_probes_the_report_has_neither_bottlenecks_nor_doubts(
    tmp_path: Path,
) -> None:
    found = spool.read(write_spool(tmp_path))
    report: Any = report_json.dump(reports.build(spool.run_data(found)))
    assert report["bottlenecks"] == []
    assert report["probes"] == []
    assert report["validity"] == {"verdict": "valid", "reasons": []}
