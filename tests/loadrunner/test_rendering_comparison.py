"""Runs held against each other, as people read it and as they type it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from loadrunner import cli
from loadrunner.rendering import comparison as rendering
from runs.analysis.comparison import Change, Comparison, Mean, Row
from runs.analysis.report import Report
from runs.analysis.run_data import RunInfo
from runs.analysis.saturation.result import Saturation
from runs.analysis.validity import Validity
from runs.formats import report_json

FIRST = RunInfo(
    "6e0ad8b0-0000-4000-8000-000000000001", "critical-flows", "2024-11-23T08:20:00.000Z", None
)
SECOND = replace(FIRST, id="7f1be9c1-0000-4000-8000-000000000002", labels={"pool": "8"})


def row(
    statistic: str, unit: str, values: tuple[float | None, float | None], change: Change
) -> Row:
    is_capacity = statistic == "capacity"
    return Row(
        scenario="billing",
        step=None if is_capacity else "usage",
        phase=None if is_capacity else "stage_04",
        statistic=statistic,  # type: ignore[arg-type]
        unit=unit,
        better="higher" if is_capacity else "lower",
        values=values,
        intervals=(None, None),
        changes=(change,),
    )


COMPARISON = Comparison(
    runs=(FIRST, SECOND),
    verdicts=("worse",),
    rows=(
        row("p99", "ms", (100.0, 118.0), Change(1.18, (1.11, 1.25), 18.0, "worse", "")),
        row(
            "capacity",
            "/s",
            (74.0, None),
            Change(None, (1.42, None), None, "better", "Saturation was not reached in the other."),
        ),
        row("p50", "ms", (20.0, 20.1), Change(1.005, (0.98, 1.03), 0.1, "no_change", "")),
        row("error_rate", "%", (0.0, 0.1), Change(None, None, 0.1, "inconclusive", "Too few.")),
    ),
    means=(Mean("p99", (1.18,), 1),),
    not_comparable=("chat is in run A only.",),
)


def test_the_text_lists_what_changed_and_counts_the_rest() -> None:
    assert (
        rendering.as_text(COMPARISON)
        == """\
A: critical-flows · run 6e0ad8b0 · 2024-11-23 08:20:00 UTC
B: critical-flows · run 7f1be9c1 · 2024-11-23 08:20:00 UTC · pool=8

B against A
  Worse.
  Worse: p99 of billing/usage@stage_04, 100 ms to 118 ms, +18 % (+11 % to +25 %)
  Better: capacity of billing, 74/s to –, at least +42 %
    Saturation was not reached in the other.
  1 figure without a material change.
  1 figure inconclusive: more runs of each would tell.
  On average (geometric mean): p99 +18 %.

Not comparable
  chat is in run A only.
"""
    )


def test_the_markdown_is_a_table_of_what_changed() -> None:
    shown = rendering.as_markdown(COMPARISON)

    assert "### B against A\n\n**Worse.**" in shown
    assert (
        "| worse | p99 of billing/usage@stage\\_04 | 100 ms | 118 ms | +18 % (+11 % to +25 %) |  |"
        in shown
    )


def test_nothing_to_compare_is_said() -> None:
    nothing = replace(COMPARISON, rows=(), means=(), verdicts=("inconclusive",))

    assert "Inconclusive.\n  No figure can be compared." in rendering.as_text(nothing)


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Path, Path]:
    """Two reports as files: billing saturated at 74/s, then at 100/s."""
    paths = []
    for info, capacity in ((FIRST, 74.0), (SECOND, 100.0)):
        path = tmp_path / f"{info.id}.json"
        path.write_bytes(report_json.dumps(report(info, capacity)))
        paths.append(path)
    return paths[0], paths[1]


def report(info: RunInfo, capacity: float) -> Report:
    point = Saturation(
        scenario="billing",
        verdict="reached",
        bound="exact",
        capacity_jps=capacity,
        ci_jps=(capacity - 1, capacity + 1),
        capacity_rps=capacity,
        ci_rps=(capacity - 1, capacity + 1),
        up_to_jps=180.0,
        onset_jps=(60.0, 80.0),
        sustained_jps=60.0,
        slo_capacity_jps=None,
        cause="queue",
        scope="global",
        quota=None,
        headroom=None,
        explanation="",
        next_run="",
    )
    return Report(
        "headroom-report/1", info, Validity("valid"), (), (), (point,), (), (), (), "none"
    )


def compare(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["compare", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_compare_reads_reports_that_were_kept(
    kept: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = compare(capsys, *kept)

    assert code == 0
    assert "Better: capacity of billing, 74/s to 100/s, +35 %" in out


def test_the_json_is_the_document_and_nothing_else(
    kept: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = compare(capsys, *kept, "--format", "json")

    document = json.loads(out)
    assert (code, document["verdicts"]) == (0, ["better"])
    assert document["rows"][0]["values"] == [74.0, 100.0]


def test_one_run_alone_or_one_that_cannot_be_read_is_a_2(
    kept: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = compare(capsys, kept[0])
    assert (code, out) == (2, "")
    assert "compare takes 2 to 6 runs" in err

    code, out, err = compare(capsys, kept[0], tmp_path / "absent")
    assert (code, out) == (2, "")
    assert "is not there" in err
