"""Every figure of the stored report, worked out again from the raw file in plain Python."""

import json
import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import zstandard

from runs import processing, store
from runs.analysis import journeys
from runs.models import Run
from tests.api_client import add_run
from tests.builders import phase, sample, write_spool

pytestmark = pytest.mark.django_db

PHASES = [
    phase(10, 30, name="ramp_up"),
    phase(20, 30, start_s=10, name="plateau", warm_up_us=3_000_000),
]
WINDOWS = {"ramp_up": (0, 10_000_000), "plateau": (13_000_000, 30_000_000)}
OUTCOMES = {
    "ok": 200,
    "refused": 429,
    "client_error": 404,
    "server_error": 500,
    "check_failed": 200,
    "timeout": None,
    "connection_error": None,
    "cut": None,
    "dropped": None,
    "generator_error": None,
}
FAILED = ("client_error", "server_error", "timeout", "connection_error", "check_failed")
ANSWERED = ("refused", "client_error", "server_error", "check_failed", "ok")
UNSENT = ("dropped", "generator_error")
QUANTILES = {"p50": 50, "p90": 90, "p95": 95, "p99": 99}


def random_run(chance: random.Random) -> list[dict[str, Any]]:
    """900 requests of two steps with every outcome, retries among them, in no order of time."""
    weights = [70, 6, 4, 6, 3, 4, 2, 2, 2, 1]
    lines = []
    for _ in range(900):
        outcome = chance.choices(list(OUTCOMES), weights)[0]
        due_s = round(chance.uniform(0, 29.9), 6)
        late_us = chance.choice((0, 0, 150, 4_000))
        line = sample(
            due_s,
            chance.lognormvariate(3.5, 1.0),
            step=chance.choice(("usage", "invoice")),
            phase="ramp_up" if due_s < 10 else "plateau",
            outcome=outcome,
            status=OUTCOMES[outcome],
            attempt=chance.choices((1, 2), (95, 5))[0],
        )
        line["started_us"] += min(late_us, line["ended_us"] - line["started_us"])
        lines.append(line)
    return lines


def raw_lines(spool: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(spool.glob("samples-*")):
        text = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
        found += [json.loads(line) for line in text.splitlines()]
    return found


def nearest_rank(values: list[int], percent: int) -> float:
    """In ms: x[ceil(n*q)], counted from 1."""
    return sorted(values)[max(1, -(-len(values) * percent // 100)) - 1] / 1000


def in_window(line: dict[str, Any], key: str) -> bool:
    low, high = WINDOWS[line["phase"]]
    return bool(low <= line[key] < high)


def figures(lines: list[dict[str, Any]], step: str, name: str) -> dict[str, Any]:
    """The row of one step and phase, by the definitions in docs/reading-results.md."""
    mine = [one for one in lines if (one["step"], one["phase"]) == (step, name)]
    due = [one for one in mine if in_window(one, "due_us")]
    first = [one for one in due if one["attempt"] == 1]
    sent = [one for one in first if one["outcome"] not in UNSENT]
    judged = [one for one in sent if one["outcome"] != "cut"]
    low, high = WINDOWS[name]
    seconds = (high - low) / 1e6
    # Answers count where they came, whichever phase they were due in.
    answers = [
        one
        for one in lines
        if one["step"] == step
        and one["attempt"] == 1
        and one["outcome"] in ANSWERED
        and low <= one["ended_us"] < high
    ]
    ok = [one for one in first if one["outcome"] == "ok"]
    ranked = [one for one in first if one["outcome"] not in ("refused", "generator_error")]
    times = [
        one["ended_us"] - one["due_us"] if one["outcome"] == "ok" else math.inf for one in ranked
    ]
    return {
        "count": len(first),
        "outcomes": dict(Counter(one["outcome"] for one in first)),
        "statuses": dict(Counter(str(one["status"]) for one in first if one["status"])),
        "offered_rps": len(first) / seconds,
        "throughput_rps": len(answers) / seconds,
        "goodput_rps": sum(one["outcome"] == "ok" for one in answers) / seconds,
        "error_rate": sum(one["outcome"] in FAILED for one in judged) / len(judged),
        "refusal_rate": sum(one["outcome"] == "refused" for one in judged) / len(judged),
        "drop_rate": sum(one["outcome"] == "dropped" for one in first) / len(first),
        "retry_rate": (len(due) - len(first)) / len(judged),
        "unanswered": (len(ranked) - len(ok)) / len(ranked),
        "response": {
            key: None if math.isinf(found := nearest_rank(times, q)) else found  # type: ignore[arg-type]
            for key, q in QUANTILES.items()
        },
        "ok": percentiles([one["ended_us"] - one["due_us"] for one in ok]),
        "service": percentiles([one["ended_us"] - one["started_us"] for one in ok]),
        "all": percentiles([one["ended_us"] - one["due_us"] for one in sent]),
    }


def percentiles(values: list[int]) -> dict[str, float]:
    return {key: nearest_rank(values, q) for key, q in QUANTILES.items()}


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """The same figures as the report says them."""
    plain = (
        *("count", "offered_rps", "throughput_rps", "goodput_rps", "error_rate"),
        *("refusal_rate", "drop_rate", "retry_rate"),
    )
    return {
        **{name: row[name] for name in plain},
        "outcomes": {name: count for name, count in row["outcomes"].items() if count},
        "statuses": row["statuses"],
        "unanswered": row["response_ms"]["unanswered"],
        "response": {name: row["response_ms"][name] for name in QUANTILES},
        **{
            kind: {name: row[f"{kind}_ms"][name] for name in QUANTILES}
            for kind in ("ok", "service", "all")
        },
    }


@pytest.mark.parametrize("seed", range(8))
def test_the_report_equals_a_computation_from_the_raw_file_to_the_last_digit(
    data_folder: Path, seed: int
) -> None:
    run = add_run()
    lines = random_run(random.Random(seed))
    spool = write_spool(
        store.spool_of(run.pk), lines, phases=PHASES, segments=3, run_id=str(run.pk), seconds=30
    )

    processing.process(run.pk, lambda _stage: None)

    report: Any = Run.objects.get(pk=run.pk).report
    rows = {(row["step"], row["phase"]): row for row in report["series"]}
    raw = raw_lines(spool)
    for step in ("usage", "invoice"):
        for name in WINDOWS:
            assert shown(rows[step, name]) == figures(raw, step, name), (step, name)
    whole = rows[None, None]
    assert sum(whole["outcomes"].values()) == whole["count"]


def test_a_run_that_counts_as_large_has_the_same_documents(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is analysed one part after the other, and memory goes back to the system at once."""
    run = add_run()
    folder = store.spool_of(run.pk)
    lines = random_run(random.Random(1))
    write_spool(folder, lines, phases=PHASES, segments=3, run_id=str(run.pk), seconds=30)
    documents = []
    for large, piece in ((processing._LARGE, journeys._PIECE), (100, 150)):
        monkeypatch.setattr(processing, "_LARGE", large)
        monkeypatch.setattr(journeys, "_PIECE", piece)
        processing.process(run.pk, lambda _stage: None)
        done = Run.objects.get(pk=run.pk)
        documents.append((done.report, done.timeline, done.curves))

    assert documents[0] == documents[1]
