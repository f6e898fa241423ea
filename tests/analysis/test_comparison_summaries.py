"""Comparing what other tools have summed up: percentiles without requests behind them."""

from dataclasses import replace

from runs.analysis import comparison
from runs.analysis.percentiles import Spread
from runs.analysis.report import Report
from runs.analysis.series import Response
from tests.analysis.test_comparison import change, made


def summed(count: int, p95: float = 150.0, **more: object) -> Report:
    """p50 100, p90 135, p99 200 ms of so many requests, and no interval at all."""
    times = Response(100.0, 135.0, p95, 200.0, None, 0.0, (), {})
    report = made()
    series = tuple(
        one if one.pooled else replace(one, **{"count": count, "response_ms": times, **more})  # type: ignore[arg-type]
        for one in report.series
    )
    return replace(report, series=series)


def test_the_other_percentiles_say_how_sure_one_is_where_there_are_many_requests() -> None:
    found = change(comparison.compare([summed(100_000), summed(100_000, 190.0)]), "p95")
    assert found.verdict == "worse"
    assert found.ci is not None


def test_of_few_requests_a_summary_tells_nothing_and_nothing_is_called_unchanged() -> None:
    found = comparison.compare([summed(500), summed(500, 190.0)])
    assert change(found, "p95").verdict == "inconclusive"
    assert found.verdicts == ("inconclusive",)


def test_a_source_that_tells_no_outcomes_has_no_error_rate_of_nothing() -> None:
    blind = summed(500, outcomes={}, error_rate=None)
    assert "error_rate" not in {row.statistic for row in comparison.compare([blind, blind]).rows}


def blind(count: int, p95: float = 150.0) -> Report:
    """A tenth failed, and only the times of whatever came back are known."""
    unknown = Response(None, None, None, None, None, 0.1, (), {})
    every = Spread(1.0, 90.0, 100.0, 135.0, p95, 200.0, None, 300.0)
    return summed(count, response_ms=unknown, all_ms=every)


def test_where_failures_are_not_kept_apart_the_times_of_whatever_came_back_are_compared() -> None:
    found = comparison.compare([blind(100_000), blind(100_000, 190.0)])

    assert [row.statistic for row in found.rows if row.unit == "ms"] == [
        "all_p95",  # the worst first
        *("all_mean", "all_p50", "all_p99"),
    ]
    assert change(found, "all_p95").verdict == "worse"
    assert found.verdicts == ("worse",)
    assert any("whatever came back" in text for text in found.not_comparable)


def test_a_mean_of_a_summary_is_compared_without_an_interval_and_nothing_is_concluded() -> None:
    found = change(comparison.compare([blind(100_000), blind(100_000)]), "all_mean")

    assert (found.ratio, found.ci, found.verdict) == (1.0, None, "inconclusive")
    assert "a source that gives none" in found.reason


def test_of_runs_whose_percentiles_fall_among_failures_fast_failures_are_not_compared() -> None:
    failing = Response(None, None, None, None, None, 0.9, (), {})
    found = comparison.compare([summed(9_000), summed(9_000, response_ms=failing)])

    assert not any(row.statistic.startswith("all_") for row in found.rows)
