"""The series of a report as CSV: a line a row, figures as they are, names safe in a spreadsheet."""

import csv
import io
from typing import Any

from runs.analysis.report import Report
from runs.analysis.series import INTERVALS, Series

# A spreadsheet takes a cell that begins with one of these for a formula and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_SPREAD = ("min", "mean", "p50", "p90", "p95", "p99", "p99_9", "max")
_FLAT = (
    "offered_rps",
    "throughput_rps",
    "goodput_rps",
    "error_rate",
    "refusal_rate",
    "rate_4xx",
    "rate_5xx",
    "drop_rate",
    "retry_rate",
)


def render(report: Report) -> str:
    """Shares are of 1, times in ms, the window in µs since the run's start; unknown is empty."""
    out = io.StringIO()
    lines = [_line(series) for series in report.series]
    writer = csv.DictWriter(out, list(lines[0]) if lines else ["scenario"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _line(series: Series) -> dict[str, Any]:
    line: dict[str, Any] = {
        "scenario": safe(series.scenario),
        "step": safe(series.step),
        "phase": safe(series.phase),
        "pooled": str(series.pooled).lower(),
        "model": series.model,
        "window_start_us": series.window_us[0],
        "window_end_us": series.window_us[1],
        "count": series.count,
        **series.outcomes,
        **{name: getattr(series, name) for name in _FLAT},
    }
    return line | _response(series) | _spreads(series)


def safe(text: str | None) -> str:
    """A text cell that no spreadsheet takes for a formula."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _response(series: Series) -> dict[str, Any]:
    response = series.response_ms
    line: dict[str, Any] = {}
    for name in ("p50", "p90", "p95", "p99", "p99_9"):
        line[f"response_{name}_ms"] = getattr(response, name)
        if name in INTERVALS:
            ends = response.ci.get(name) or (None, None)
            line[f"response_{name}_low_ms"], line[f"response_{name}_high_ms"] = ends
    return line | {"unanswered": response.unanswered, "few": " ".join(response.few)}


def _spreads(series: Series) -> dict[str, Any]:
    line = {}
    for column in ("ok", "service", "all", "first_token", "dispatch_delay"):
        spread = getattr(series, f"{column}_ms")
        for name in _SPREAD:
            line[f"{column}_{name}_ms"] = None if spread is None else getattr(spread, name)
    return line
