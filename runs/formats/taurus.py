"""Taurus: the table that final-stats dumps. Seconds; an empty label is the total; `throughput` is
the number of samples, not a rate; which rc_ columns there are varies."""

import re
from typing import Any, Final

from runs.analysis.series import Series
from runs.formats import summaries, table
from runs.formats.imported import ALL, Imported
from runs.formats.source import Source

NAME: Final = "taurus"
_STATUS: Final = re.compile(r"rc_(\d{3})")


def recognises(head: bytes) -> bool:
    names = table.first_record(head)
    return "avg_rt" in names and "succ" in names and "fail" in names


def read(source: Source) -> Imported:
    names = table.first_record(source.head)
    rows: list[Series] = []
    for part in table.rows(source, names, has_header=True):
        rows += [_row(entry) for entry in part.frame.to_dicts()]
    rows = [row for row in rows if row.count]
    if not rows:
        raise source.error(2, 1, "nothing can be read: it counts no request.")
    notes = (
        "The table holds no times of day and no duration: rates are missing because the source does"
        " not hold them.",
    )
    return summaries.of_rows(source, NAME, rows, samples_are="summary", notes=notes)


def _row(entry: dict[str, Any]) -> Series:
    good, failed = (summaries.count(_number(entry.get(key))) for key in ("succ", "fail"))
    spread = summaries.spread(
        {name: _number(value) for name, value in entry.items()},
        1000,
        min="perc_0.0",
        mean="avg_rt",
        p50="perc_50.0",
        p90="perc_90.0",
        p95="perc_95.0",
        p99="perc_99.0",
        p99_9="perc_99.9",
        max="perc_100.0",
    )
    statuses = {
        found[1]: summaries.count(_number(value))
        for name, value in entry.items()
        if (found := _STATUS.fullmatch(name))
    }
    row = summaries.row(
        good + failed,
        scenario=ALL,
        step=str(entry.get("label") or ""),
        outcomes={"ok": good, "check_failed": failed},
        statuses={code: count for code, count in statuses.items() if count},
        all_ms=spread,
    )
    return row if entry.get("label") else summaries.whole(row)


def _number(text: Any) -> float | None:
    try:
        return summaries.number(float(text or ""))
    except ValueError:
        return None
