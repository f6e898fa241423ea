"""Gatling's simulation.log as text (2.0 to 3.12), and its computed statistics.

Tab-separated records, whose columns moved between versions; which layout a record has is told by
where OK or KO stands, never by the version in the RUN record. Starts and ends include connecting.
Neither status nor bytes are there; a status is read from the message of a failure.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import polars as pl

from runs.formats import document, raw, summaries, table
from runs.formats.imported import ALL, Imported
from runs.formats.left_out import LeftOut
from runs.formats.source import Source

NAME: Final = "gatling"
_WIDTH: Final = 12
_COLUMNS: Final = tuple(f"c{at}" for at in range(_WIDTH))
_FIRST_RECORDS: Final = re.compile(
    rb"(ASSERTION|RUN|USER|REQUEST|GROUP)\t|[^\t\n]*\t[^\t\n]*\t(RUN|USER|REQUEST)\t"
)
# Where things stand in a REQUEST: (record, status, scenario, user, groups, name, start, end).
_Layout = tuple[int, int, int | None, int | None, int, int, int, int]
_LAYOUTS: Final[tuple[_Layout, ...]] = (
    (0, 5, None, None, 1, 2, 3, 4),  # 3.4 and later
    (0, 6, None, 1, 2, 3, 4, 5),  # 3.0 to 3.3
    (0, 7, 1, 2, 3, 4, 5, 6),  # 2.2, 2.3
    (2, 9, 0, 1, 3, 4, 5, 8),  # 2.0, 2.1: first and last of four times
)
_KNOWN: Final = ("ASSERTION", "RUN", "USER", "GROUP", "ERROR", "ACTION")
# 'status.find.is(200), but actually found 404': what was found comes last.
_STATUSES: Final = (r"(?i)\bfound\D{0,20}(\d{3})\b", r"(?i)(?:status|HTTP)\D{0,20}(\d{3})\b")
_TIMED_OUT: Final = r"(?i)timed?[ -]?out"
_UNCONNECTED: Final = r"(?i)connect|refused|reset|unknownhost|SSL|premature|closed"


def recognises(head: bytes) -> bool:
    return _FIRST_RECORDS.match(head) is not None or _is_statistics(head)


def _is_statistics(head: bytes) -> bool:
    return head.lstrip().startswith(b"{") and b'"numberOfRequests"' in head


def read(source: Source) -> Imported:
    if _is_statistics(source.head):
        return _of_statistics(source)
    log = _Log(source)
    return raw.of_samples(
        source,
        NAME,
        log.frames(),
        left_out=log.left_out,
        campaign=lambda: log.simulation,
        notes=log.notes,
    )


class _Log:
    """The records of a log; what they say beside requests is known once they have been read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.left_out = LeftOut(source.name)
        self.simulation = ""
        self._scenarios: dict[str, None] = {}
        self._users: dict[str, str] = {}  # the scenario of each user, where the log has users
        self._groups = self._errors = 0

    def notes(self) -> tuple[str, ...]:
        found = []
        if len(self._scenarios) > 1 and not self._users:
            found.append(
                "The log does not say which scenario a request belongs to: all of them stand under"
                " the simulation's name."
            )
        if self._groups:
            found.append(
                f"{self._groups:,} group records are left out of the samples: they add up requests."
            )
        found += error_notes(self._errors)
        return tuple(found)

    def frames(self) -> Iterator[pl.DataFrame]:
        found = list(self._raw_frames())
        for frame in found:
            yield self._named(frame)

    def _raw_frames(self) -> Iterator[pl.DataFrame]:
        for rows in table.rows(self.source, _COLUMNS, "\t", has_header=False, quotes=False):
            frame = rows.frame.with_row_index("row")
            self._note_others(frame)
            taken = [self._requests(frame, layout) for layout in _LAYOUTS]
            used = pl.concat([one.select("row") for one in taken])
            self._count_unknown(frame.join(used, on="row", how="anti"), rows)
            yield from taken

    def _requests(self, frame: pl.DataFrame, layout: _Layout) -> pl.DataFrame:
        record, status, scenario, user, groups, name, start, end = layout
        nothing = pl.lit(None, pl.String)
        times = [pl.col(f"c{at}").cast(pl.Int64, strict=False) for at in (start, end)]
        is_mine = (
            (pl.col(f"c{record}") == "REQUEST")
            & pl.col(f"c{status}").str.strip_chars().is_in(["OK", "KO"])
            & pl.all_horizontal(time.is_not_null() for time in times)
        )
        mine = frame.filter(is_mine)
        return mine.select(
            "row",
            (nothing if scenario is None else pl.col(f"c{scenario}")).alias("scenario"),
            (nothing if user is None else pl.col(f"c{user}")).alias("user"),
            pl.concat_str(
                pl.col(f"c{groups}")
                .str.strip_chars()
                .replace("", None)
                .str.replace_all(",", " / "),
                pl.col(f"c{name}").fill_null(""),
                separator=" / ",
                ignore_nulls=True,
            ).alias("step"),
            *(time.alias(f"{key}_ms") for time, key in zip(times, ("start", "end"), strict=True)),
            pl.col(f"c{status}").str.starts_with("KO").alias("failed"),
            pl.col(f"c{status + 1}").str.strip_chars().replace("", None).alias("message"),
        )

    def _note_others(self, frame: pl.DataFrame) -> None:
        runs = frame.filter((pl.col("c0") == "RUN") | (pl.col("c2") == "RUN"))
        for first, second in runs.select("c0", "c1").head(1).iter_rows():
            self.simulation = self.simulation or (second if first == "RUN" else first) or ""
        self._groups += frame.filter((pl.col("c0") == "GROUP") | (pl.col("c2") == "GROUP")).height
        self._errors += frame.filter(pl.col("c0") == "ERROR").height
        users = frame.filter((pl.col("c0") == "USER") | (pl.col("c2") == "USER"))
        modern = users.filter((pl.col("c0") == "USER") & pl.col("c2").is_in(["START", "END"]))
        older = users.filter((pl.col("c0") == "USER") & pl.col("c3").is_in(["START", "END"]))
        oldest = users.filter(pl.col("c2") == "USER")
        scenarios = [modern["c1"], older["c1"], oldest["c0"]]
        self._scenarios.update(dict.fromkeys(pl.concat(scenarios).drop_nulls().unique()))
        self._users.update(older.select("c2", "c1").drop_nulls().unique().iter_rows())

    def _count_unknown(self, frame: pl.DataFrame, rows: table.Rows) -> None:
        """Rows that are no record of a known kind, or a REQUEST without its times."""
        others = pl.col("c0").is_in(_KNOWN) | pl.col("c2").is_in(_KNOWN)
        blank = pl.all_horizontal(pl.col(name).is_null() for name in _COLUMNS)
        bad = frame.filter(~others.fill_null(value=False) & ~blank)
        if bad.is_empty():
            return
        last = frame["row"].max()
        if not rows.block.text.endswith(b"\n") and bad["row"][-1] == last:
            self.source.cut("is cut: its last record is incomplete, left out.")
            bad = bad[:-1]
        if bad.height:
            self.left_out.add(
                "it is no complete record of a request",
                bad.height,
                rows.line_of(bad["row"][0]),
                1,
            )

    def _named(self, frame: pl.DataFrame) -> pl.DataFrame:
        only = next(iter(self._scenarios), "") if len(self._scenarios) == 1 else self.simulation
        of_user = pl.col("user").replace_strict(self._users, default=None, return_dtype=pl.String)
        known = of_user if self._users else pl.lit(None, pl.String)
        scenario = pl.coalesce("scenario", known, pl.lit(only or ALL))
        return samples(frame.with_columns(scenario.alias("scenario")))


def samples(rows: pl.DataFrame) -> pl.DataFrame:
    """Samples of `scenario`, `step`, `start_ms`, `end_ms` (since 1970), `failed`, `message` and
    perhaps `user`."""
    message = pl.col("message")
    status = pl.coalesce(message.str.extract(one).cast(pl.Int64, strict=False) for one in _STATUSES)
    users = [pl.col("user").cast(pl.Int64, strict=False)] if "user" in rows.columns else []
    return rows.select(
        "scenario",
        "step",
        _micros("start_ms").alias("started_us"),
        _micros("end_ms").alias("ended_us"),
        pl.when(pl.col("failed")).then(status).alias("status"),
        raw.outcome(
            pl.col("failed"),
            status,
            timed_out=pl.col("message").str.contains(_TIMED_OUT),
            unconnected=status.is_null() & pl.col("message").str.contains(_UNCONNECTED),
        ).alias("outcome"),
        pl.when(pl.col("failed")).then(pl.col("message")).alias("error"),
        *users,
    )


def _micros(name: str) -> pl.Expr:
    """Milliseconds as microseconds; null where they are absurd (an inbound message has no end)."""
    return pl.when(pl.col(name).abs() < 10**15).then(pl.col(name) * 1000)


def error_notes(count: int) -> tuple[str, ...]:
    """Errors of the simulation itself: no request was made where one stands."""
    if not count:
        return ()
    return (f"{count:,} errors of the simulation itself are no requests and are left out.",)


def _of_statistics(source: Source) -> Imported:
    """js/stats.json or js/global_stats.json of the HTML report."""
    found = document.read(source)
    if not isinstance(found, dict):
        raise source.error(1, 1, "nothing can be read: it is not an object of statistics.")
    nodes = list(_nodes(found))
    rows = [_row(node) for node in nodes]
    rows = [row for row in rows if row.count]
    if not rows:
        raise source.error(1, 1, "nothing can be read: it counts no request.")
    return summaries.of_rows(source, NAME, rows, samples_are="summary")


def _nodes(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The requests of a tree of groups; the statistics themselves where there is no tree."""
    waiting = [found]
    while waiting:
        node = waiting.pop()
        contents = node.get("contents")
        if isinstance(contents, dict):
            waiting += [one for one in reversed(list(contents.values())) if isinstance(one, dict)]
        elif node.get("type", "REQUEST") == "REQUEST":
            stats = node.get("stats", node)
            if isinstance(stats, dict) and isinstance(stats.get("numberOfRequests"), dict):
                yield {"name": node.get("name"), **stats}


def _row(node: dict[str, Any]) -> Any:
    counts = node["numberOfRequests"]
    total, good = (summaries.count(counts.get(key)) for key in ("total", "ok"))
    total = max(total, good)
    return summaries.row(
        total,
        step=str(node.get("name") or "requests"),
        outcomes={"ok": good, "check_failed": total - good},
        all_ms=_times(node, "total"),
        ok_ms=_times(node, "ok"),
    )


def _times(node: dict[str, Any], which: str) -> Any:
    """percentiles1 to 4 are 50, 75, 95, 99 unless gatling.conf says otherwise."""
    values = {key: one.get(which) for key, one in node.items() if isinstance(one, dict)}
    return summaries.spread(
        values,
        min="minResponseTime",
        mean="meanResponseTime",
        p50="percentiles1",
        p95="percentiles3",
        p99="percentiles4",
        max="maxResponseTime",
    )
