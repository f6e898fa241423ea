"""Taurus: the table or the XML that final-stats dumps. Seconds; an empty label is the total;
`throughput` is the number of samples, not a rate; which rc_ columns there are varies."""

import re
from typing import Any, Final
from xml.parsers import expat

from runs.analysis.series import Series
from runs.formats import summaries, table
from runs.formats.imported import ALL, Imported
from runs.formats.source import Source

NAME: Final = "taurus"
_STATUS: Final = re.compile(r"rc_(\d{3})")


def recognises(head: bytes) -> bool:
    names = table.first_record(head)
    return _is_xml(head) or ("avg_rt" in names and "succ" in names and "fail" in names)


def _is_xml(head: bytes) -> bool:
    return b"<FinalStatus" in head[:4096]


def read(source: Source) -> Imported:
    entries, length_us = _of_xml(source) if _is_xml(source.head) else (_of_table(source), 0)
    rows = [row for row in (_row(entry, length_us) for entry in entries) if row.count]
    if not rows:
        raise source.error(2, 1, "nothing can be read: it counts no request.")
    note = (
        "The dump holds no times of day and no duration: rates are missing because the source does"
        " not hold them."
    )
    return summaries.of_rows(
        source,
        NAME,
        rows,
        samples_are="summary",
        length_us=length_us,
        notes=() if length_us else (note,),
    )


def _of_table(source: Source) -> list[dict[str, Any]]:
    names = table.first_record(source.head)
    return [
        entry
        for part in table.rows(source, names, has_header=True)
        for entry in part.frame.to_dicts()
    ]


class _Xml:
    """The groups of the XML as rows of the table; `rc` and `perc` carry their names as `param`."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []
        self.duration_s = 0.0
        self._is_duration = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._is_duration = name == "TestDuration"
        if name == "Group":
            self.entries.append({"label": attributes.get("label")})
        elif self.entries and "value" in attributes:
            key = f"{name}_{attributes['param']}" if "param" in attributes else name
            self.entries[-1].setdefault(key, attributes["value"])

    def text(self, text: str) -> None:
        if self._is_duration and text.strip():
            self.duration_s = _number(text) or 0.0


def _of_xml(source: Source) -> tuple[list[dict[str, Any]], int]:
    """The groups, and how long the test took in microseconds."""
    found, parser = _Xml(), expat.ParserCreate()
    parser.StartElementHandler, parser.CharacterDataHandler = found.start, found.text
    parser.buffer_text = True

    def refuse(*_: Any) -> None:
        raise source.error(parser.CurrentLineNumber, 1, "Taurus writes no DOCTYPE; it is refused.")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(source.text(), True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        if not found.entries:
            raise source.error(error.lineno, error.offset + 1, f"not XML: {reason}.") from error
        source.cut(f"is cut or damaged at line {error.lineno} ({reason}).")
        found.entries = found.entries[:-1] or found.entries  # the last may lack figures
    return found.entries, round(min(found.duration_s, 1e9) * 1e6)


def _row(entry: dict[str, Any], length_us: int) -> Series:
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
        length_us=length_us,
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
