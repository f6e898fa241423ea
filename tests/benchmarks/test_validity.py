"""What the benchmark of validity makes of its runs."""

from pathlib import Path

import pytest

from benchmarks import _starving, validity
from benchmarks._calm import Calm
from benchmarks._options import Options, parser
from benchmarks.validity import Found


def options() -> Options:
    given = parser(None, rounds=1, seconds=3.0).parse_args([])
    return Options(1, 3.0, 1, False, 0.0, Calm(0.25), given)


def found(kind: str, verdict: str, p99_off: float | None, others: float = 0.0) -> Found:
    return Found(kind, kind, verdict, [], p99_off, others)


def test_there_are_forty_ways_and_more_and_each_has_a_name_of_its_own(tmp_path: Path) -> None:
    ways = _starving.ways(tmp_path)
    assert len(ways) == 44
    assert len({(one.kind, one.name) for one in ways}) == 44


@pytest.mark.parametrize(
    ("runs", "verdicts"),
    [
        ([found("starved", "invalid", 3.0)] * 20, ["met", "not measured", "not measured"]),
        (
            [*[found("starved", "suspect", 3.0)] * 9, found("starved", "valid", 0.5)],
            ["MISSED", "not measured", "MISSED"],
        ),
        ([found("healthy", "valid", 0.01)], ["not measured", "met", "met"]),
        ([found("healthy", "valid", -0.03)], ["not measured", "met", "MISSED"]),
        ([found("healthy", "suspect", 0.0)], ["not measured", "MISSED", "not measured"]),
        # Others were busy on the machine: no healthy run at all.
        ([found("healthy", "suspect", 0.0, others=0.9)], ["not measured"] * 3),
    ],
)
def test_goals_are_met_or_missed_by_what_was_found(runs: list[Found], verdicts: list[str]) -> None:
    result = validity._result(options(), runs)
    assert [goal.verdict for goal in result.goals] == verdicts


def test_p99_is_held_against_what_the_server_took() -> None:
    took_ns = [20_000_000] * 90 + [50_000_000] * 10
    assert validity._off(51.0, took_ns) == pytest.approx(0.02)
    assert validity._off(None, took_ns) is None
