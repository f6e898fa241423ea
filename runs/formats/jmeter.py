"""JMeter's JTL: delimited text in every dialect, and XML read as a stream.

`elapsed` and `Latency` include connecting. `timeStamp` is the start with the properties that
JMeter ships, and the end where they are absent: the rows of each thread tell which. Rows of
transaction controllers and sub-results come on top of samples; they are kept apart.
"""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

import polars as pl

from runs.formats import raw, samples, table
from runs.formats.imported import ALL, Imported
from runs.formats.left_out import LeftOut
from runs.formats.segment import Notes
from runs.formats.source import Source

NAME: Final = "jmeter"
_COLUMNS: Final = (
    *("timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "dataType"),
    *("success", "failureMessage", "bytes", "sentBytes", "grpThreads", "allThreads", "URL"),
    *("Filename", "Latency", "Encoding", "SampleCount", "ErrorCount", "Hostname", "IdleTime"),
    "Connect",
)
_SEPARATORS: Final = (",", "\t", ";", "|")
# `timeStamp~elapsed`: the delimiter may be any character.
_DELIMITED: Final = re.compile(rb"[\w ]*?timeStamp(.)(?:elapsed|label)\b")
# What versions wrote by default, by the number of columns, where the header is off.
_BEFORE_SUCCESS: Final = _COLUMNS[: _COLUMNS.index("success") + 1]
_WITHOUT_HEADER: Final[Mapping[int, tuple[str, ...]]] = {
    17: (*_COLUMNS[:14], "Latency", "IdleTime", "Connect"),
    16: (*_COLUMNS[:13], "Latency", "IdleTime", "Connect"),
    15: (*_COLUMNS[:10], "grpThreads", "allThreads", "Latency", "IdleTime", "Connect"),
    12: (*_BEFORE_SUCCESS, "bytes", "grpThreads", "allThreads", "Latency"),
    10: (*_BEFORE_SUCCESS, "bytes", "Latency"),
    9: (*_BEFORE_SUCCESS, "Latency"),
    8: _BEFORE_SUCCESS,
}
_TRANSACTION: Final = "Number of samples in transaction"
_DAYS: Final = (
    *("%Y/%m/%d", "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%m/%d/%y", "%d/%m/%y"),
    *("%d.%m.%y", "%d-%m-%Y", "%Y%m%d", "%Y.%m.%d", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y"),
)
_TIMES: Final = ("%H:%M:%S%.f", "%I:%M:%S%.f %p")
_DATES: Final = tuple(f"{day}{gap}{at}" for day in _DAYS for gap in (" ", "T") for at in _TIMES)
_STAMPS_LOOKED_AT: Final = 5_000  # stamps that tell the pattern of all
_ZONE: Final = r"(?:[zZ]|[+-]\d\d:?\d\d)$"
_YEARS: Final = (2000, 2099)
_SLACK_US: Final = 2000  # stamps are whole milliseconds, and a thread takes a moment
# By `success`; whatever else stands there says nothing.
_FAILED: Final = {"true": False, "1": False, "false": True, "0": True}
# The attributes of a sample in XML that matter here.
_XML: Final = {
    "ts": "timeStamp",
    "t": "elapsed",
    "lb": "label",
    "rc": "responseCode",
    "rm": "responseMessage",
    "tn": "threadName",
    "s": "success",
    "by": "bytes",
    "sby": "sentBytes",
    "lt": "Latency",
    "ct": "Connect",
    "hn": "Hostname",
}
_SAMPLES: Final = frozenset(("httpSample", "sample"))


def recognises(head: bytes) -> bool:
    return _is_xml(head) or _names(head) is not None


def _is_xml(head: bytes) -> bool:
    return (
        b"<testResults" in head[:4096] or re.match(rb"\s*<(httpSample|sample)\s", head) is not None
    )


def read(source: Source) -> Imported:
    if _is_xml(source.head):
        return _XmlFile(source).read()
    layout = _names(source.head) or _named_by_force(source)
    seen = _Seen(source)
    frames = list(_csv_frames(source, layout, seen))
    return _imported(frames, seen)


# -- Delimited text ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layout:
    names: tuple[str, ...]
    separator: str
    has_header: bool


@dataclass
class _Seen:
    """What is known of a file beside its rows."""

    source: Source
    left_out: LeftOut = field(init=False)
    has_times: bool = True
    has_zone: bool = True
    has_success: bool = True
    is_dated: bool = False  # times are dates by a pattern
    has_fractions: bool = False
    bundled: int = 0  # rows that stand for several samples each
    pattern: str = ""  # of the dates, as the first rows show it
    unread: str = ""  # what is said of stamps that cannot be read

    def __post_init__(self) -> None:
        self.left_out = LeftOut(self.source.name)


def _names(head: bytes) -> _Layout | None:
    """The columns that a file has, from its header or else from the look of its first row."""
    found = _DELIMITED.match(head)
    for separator in (*_SEPARATORS, *([found[1].decode("latin-1")] if found else [])):
        fields = tuple(one.strip() for one in table.first_record(head, separator))
        known = [one for one in fields if one in _COLUMNS]
        if "elapsed" in known and (len(known) >= 4 or len(known) * 2 >= len(fields) > 1):
            return _Layout(fields, separator, has_header=True)
        names = _without_header(fields)
        if names:
            return _Layout(names, separator, has_header=False)
    return None


def _without_header(fields: tuple[str, ...]) -> tuple[str, ...] | None:
    """Default columns that fit a row: a time, a duration, and true or false in its place."""
    at = _COLUMNS.index("success")
    if len(fields) <= at or fields[at].lower() not in ("true", "false") or not fields[1].isdigit():
        return None
    if not re.fullmatch(r"\d{12,14}|\d{2,4}[-/.]\d\d[-/.]\d{2,4}[ T][\d:.,+Z-]+", fields[0]):
        return None
    names = _WITHOUT_HEADER.get(len(fields), _BEFORE_SUCCESS)
    return (*names, *(f"#{at}" for at in range(len(names), len(fields))))


def _named_by_force(source: Source) -> _Layout:
    """The user says that it is JMeter's: name what was found instead."""
    found = ", ".join(table.first_record(source.head)[:8])[:120]
    raise source.error(
        1, 1, f"neither a header of JMeter's columns nor a row of them: found '{found}'."
    )


def _csv_frames(source: Source, layout: _Layout, seen: _Seen) -> Iterator[pl.DataFrame]:
    seen.has_times = "timeStamp" in layout.names
    seen.has_success = "success" in layout.names
    parts = table.rows(source, layout.names, layout.separator, has_header=layout.has_header)
    for number, rows in enumerate(parts):
        if number == 0:
            _look_for_times(rows.frame, seen)
        needed = {"took_us": "elapsed", "time_us": "timeStamp"}
        typed = _typed(rows.frame, seen)
        yield _lean(table.readable(rows, typed, layout.names, seen.left_out, needed))


def _look_for_times(frame: pl.DataFrame, seen: _Seen) -> None:
    """Stamps of which none can be read are as good as none: the durations are still there."""
    if not seen.has_times or not frame["timeStamp"].count():
        seen.has_times = False
        return
    if not _stamps(frame["timeStamp"], seen).count():
        seen.has_times = False
        example = raw.name_of(str(frame["timeStamp"].drop_nulls()[0]))[:40]
        seen.unread = f"No timeStamp can be read (the first is '{example}'), so there are no times."


def _typed(frame: pl.DataFrame, seen: _Seen) -> pl.DataFrame:
    """Times in microseconds, texts as they are."""
    if "SampleCount" in frame.columns:
        count = frame["SampleCount"].str.strip_chars().cast(pl.Int64, strict=False)
        seen.bundled += int((count > 1).sum())
    lacking = [pl.lit(None, pl.String).alias(one) for one in _COLUMNS if one not in frame.columns]
    frame = frame.with_columns(lacking)
    stamps = _stamps(frame["timeStamp"], seen) if seen.has_times else pl.lit(0, pl.Int64)
    success = pl.col("success").str.strip_chars().str.to_lowercase()
    return frame.select(
        stamps.alias("time_us"),
        (_milliseconds("elapsed")).alias("took_us"),
        (_milliseconds("Latency")).alias("latency_us"),
        (_milliseconds("Connect")).alias("connect_us"),
        pl.col("label").fill_null("").alias("step"),
        pl.col("responseCode").str.strip_chars().alias("code"),
        pl.coalesce("failureMessage", "responseMessage").alias("message"),
        pl.col("responseMessage").str.starts_with(_TRANSACTION).fill_null(value=False)
        .alias("is_transaction"),
        pl.col("threadName").alias("thread"),
        pl.col("Hostname").alias("host"),
        success.replace_strict(_FAILED, default=None, return_dtype=pl.Boolean).alias("failed"),
        table.whole_numbers(pl.col("bytes")).alias("bytes_in"),
        table.whole_numbers(pl.col("sentBytes")).alias("bytes_out"),
        pl.lit(value=False).alias("is_part"),
    )  # fmt: skip


def _milliseconds(name: str) -> pl.Expr:
    """Milliseconds as microseconds; null where they are absurd or negative."""
    found = table.numbers(pl.col(name))
    return pl.when(found.is_between(0, 1e12)).then(raw.micros(found, 1e3))


def _stamps(column: pl.Series, seen: _Seen) -> pl.Series:
    """Milliseconds since 1970, or a date by any pattern, mostly without a zone."""
    text = column.str.strip_chars().str.replace(r",(\d{1,9})$", ".$1")
    number = text.cast(pl.Int64, strict=False)
    numbers = number.set(((number < 0) | (number > 10**14)).fill_null(value=True), None) * 1000
    if numbers.null_count() * 2 < len(numbers) or not len(numbers):
        return numbers
    zoned = text.str.replace(r"[zZ]$", "+00:00")
    seen.pattern = seen.pattern or _pattern(zoned)
    stamps = _dates(zoned, seen.pattern)
    if not stamps.count():
        return numbers
    seen.is_dated, seen.has_zone = True, "%z" in seen.pattern
    seen.has_fractions |= bool((stamps % 1_000_000 != 0).any())
    return stamps


def _pattern(text: pl.Series) -> str:
    """The pattern that reads the most, and of several the one by which the run is the shortest:
    10/11/2024 and 10/12/2024 are neighbours, and not a month apart."""
    zone = "%z" if text.str.contains(_ZONE).any() else ""
    some = text.gather_every(1 + len(text) // _STAMPS_LOOKED_AT)

    def fits(pattern: str) -> tuple[int, int]:
        stamps = _dates(some, pattern)
        low, high = stamps.min(), stamps.max()
        span = high - low if isinstance(low, int) and isinstance(high, int) else 0
        return stamps.count(), -span

    return max((f"{one}{zone}" for one in _DATES), key=fits)


def _dates(text: pl.Series, pattern: str) -> pl.Series:
    """Microseconds since 1970 by one pattern; null where it does not fit."""
    found = text.str.to_datetime(pattern, time_unit="us", strict=False)
    possible = found.dt.year().is_between(*_YEARS).fill_null(value=False)
    return found.set(~possible, None).dt.epoch("us")


# -- XML ---------------------------------------------------------------------------------------

_ILLEGAL: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    "|&#(?:x0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]|[fF]{3}[eEfF]|[dD][89a-fA-F]..)|0*(?:[0-8]|1[1245-9]|2[0-9]|3[01]));"
)
_ROWS_AT_ONCE: Final = 100_000


class _XmlFile:
    """A stream of sample elements; what nests in a sample is a part of it, what nests in a
    transaction is a sample."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.seen = _Seen(source)
        self._rows: list[dict[str, str | None]] = []
        self._frames: list[pl.DataFrame] = []
        self._open: list[bool] = []  # for each open sample: whether it is a transaction
        self._failures: list[dict[str, str | None]] = []
        self._text: list[str] | None = None
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype

    def read(self) -> Imported:
        self._parse()
        self._flush()
        return _imported(self._frames, self.seen)

    def _parse(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        held = ""
        try:
            for piece in self.source.pieces():
                decoded = decoder.decode(piece)
                self.source.see(piece, decoded)
                text = held + decoded
                at = text.rfind("&", max(0, len(text) - 12))
                held = text[at:] if at >= 0 else ""
                self._parser.Parse(_ILLEGAL.sub(" ", text[:at] if at >= 0 else text), False)
            self._parser.Parse(_ILLEGAL.sub(" ", held), True)
        except expat.ExpatError as error:
            self._stop(error)
        self.source.tell_replaced()

    def _stop(self, error: expat.ExpatError) -> None:
        reason = expat.ErrorString(error.code)
        if not self._rows and not self._frames:
            raise self.source.error(error.lineno, error.offset + 1, f"not XML of JMeter: {reason}.")
        self.source.cut(
            f"is cut or damaged at line {error.lineno}, column {error.offset + 1} ({reason}): only"
            " what stands before was read."
        )

    def _doctype(self, *_: Any) -> None:
        raise self.source.error(
            self._parser.CurrentLineNumber, 1, "JMeter writes no DOCTYPE; the file is refused."
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name not in _SAMPLES:
            self._text = [] if name == "failureMessage" else None
            return
        row: dict[str, str | None] = {long: attributes.get(short) for short, long in _XML.items()}
        is_part = bool(self._open) and not self._open[-1]
        is_transaction = (attributes.get("rm") or "").startswith(_TRANSACTION)
        row["is_part"] = "1" if is_part else None
        self._open.append(is_transaction)
        self._failures.append(row)
        if attributes.get("t") is None:
            line, column = self._parser.CurrentLineNumber, self._parser.CurrentColumnNumber + 1
            self.seen.left_out.add("no readable elapsed", 1, line, column)
            return
        self._rows.append(row)

    def _end(self, name: str) -> None:
        if name in _SAMPLES and self._open:
            self._open.pop()
            self._failures.pop()
            if not self._open and len(self._rows) >= _ROWS_AT_ONCE:
                self._flush()
        elif name == "failureMessage" and self._text is not None and self._failures:
            self._failures[-1].setdefault(
                "failureMessage", "".join(self._text)[: raw.LONGEST_NAME].strip()
            )
            self._text = None

    def _characters(self, text: str) -> None:
        if self._text is not None and len(self._text) < 100:
            self._text.append(text)

    def _flush(self) -> None:
        if not self._rows:
            return
        frame = pl.DataFrame(self._rows, schema=dict.fromkeys((*_COLUMNS, "is_part"), pl.String()))
        if not self._frames:
            self.seen.has_times = bool(frame["timeStamp"].count())
        typed = _typed(frame, self.seen).with_columns(frame["is_part"].is_not_null())
        for name, what in (("took_us", "elapsed"), ("time_us", "timeStamp")):
            kept = typed.filter(pl.col(name).is_not_null())
            self.seen.left_out.add(f"no readable {what}", typed.height - kept.height)
            typed = kept
        self._frames.append(_lean(typed))
        self._rows = []


# -- Both --------------------------------------------------------------------------------------

# Threads and hosts are few, and their names long.
_THREADS: Final = pl.Categorical(pl.Categories("headroom-jmeter-thread"))
_HOSTS: Final = pl.Categorical(pl.Categories("headroom-jmeter-host"))
_NARROW: Final = ("took_us", "latency_us", "connect_us", "status", "bytes_in", "bytes_out")
# Rows that are looked at to tell what the stamps are.
_LOOKED_AT: Final = 1_000_000
_IS_MINE: Final = ~pl.col("is_transaction") & ~pl.col("is_part")


def _lean(rows: pl.DataFrame) -> pl.DataFrame:
    """What becomes of typed rows, as far as one row says it, in little memory: a file may hold ten
    million of them, and whether its stamps are ends is known only with the last."""
    status = pl.col("code").str.extract(r"^(\d{3})$").cast(pl.Int64, strict=False)
    never = pl.col("code").str.starts_with("Non HTTP response code")
    what = pl.concat_str("code", "message", separator=" ", ignore_nulls=True)
    failed = pl.coalesce("failed", status >= 400, never)
    found = rows.select(
        *("time_us", "took_us", "latency_us", "connect_us"),
        _group().cast(samples.CODED["scenario"]).alias("scenario"),
        pl.col("step").cast(samples.CODED["step"]),
        status.alias("status"),
        raw.outcome(
            failed,
            status,
            timed_out=never & pl.col("code").str.contains("SocketTimeout"),
            unconnected=never,
        )
        .cast(samples.CODED["outcome"])
        .alias("outcome"),
        pl.when(failed).then(what).alias("error"),
        pl.col("thread").cast(_THREADS),
        pl.col("host").cast(_HOSTS),
        *("bytes_in", "bytes_out", "is_transaction", "is_part"),
    )
    return found.with_columns(found[name].shrink_dtype() for name in _NARROW)


def _imported(frames: list[pl.DataFrame], seen: _Seen) -> Imported:
    """Takes the frames out of the list as it goes."""
    if not any(frame.height for frame in frames):
        raise raw.nothing_left(seen.source, seen.left_out)
    transactions, parts, own = _counted(frames, "is_transaction", "is_part", _IS_MINE)
    only_transactions = not own
    is_mine = pl.lit(value=True) if only_transactions else _IS_MINE
    ends = _is_stamped_at_the_end(_beginning(frames, is_mine))
    apart = [_apart(frames, "is_part", ends, " (sub-result)")]
    if not only_transactions:
        apart.insert(0, _apart(frames, "is_transaction", ends, " (transaction)"))
    found = _notes(seen, 0 if only_transactions else transactions, parts, only_transactions, ends)
    mine = _mine(frames, is_mine, ends)
    if not seen.has_times:
        every = pl.concat(mine, how="vertical_relaxed")
        return raw.of_durations(
            seen.source, NAME, every, seen.left_out, seen.has_success, apart=apart, notes=found
        )
    return raw.of_samples(
        seen.source,
        NAME,
        mine,
        left_out=seen.left_out,
        clock="absolute" if seen.has_zone else "zoneless",
        failures=seen.has_success,
        apart=apart,
        resolution_us=lambda: 1_000_000 if seen.is_dated and not seen.has_fractions else 1000,
        notes=lambda: found,
    )


def _counted(frames: Sequence[pl.DataFrame], *which: str | pl.Expr) -> tuple[int, ...]:
    """How many rows each of these holds for."""
    asked = [(pl.col(one) if isinstance(one, str) else one).sum() for one in which]
    counts = [frame.select(one.alias(str(at)) for at, one in enumerate(asked)) for frame in frames]
    return tuple(int(one) for one in pl.concat(counts).sum().row(0))


def _beginning(frames: Iterable[pl.DataFrame], is_mine: pl.Expr) -> pl.DataFrame:
    found, count = list[pl.DataFrame](), 0
    for frame in frames:
        if count < _LOOKED_AT:
            found.append(frame.filter(is_mine).select("time_us", "took_us", "thread", "host"))
            count += found[-1].height
    return pl.concat(found, how="vertical_relaxed")


def _apart(frames: Iterable[pl.DataFrame], which: str, ends: bool, suffix: str) -> pl.DataFrame:
    rows = pl.concat([frame.filter(pl.col(which)) for frame in frames], how="vertical_relaxed")
    return _samples(rows, ends, _users([rows]), suffix)


def _mine(frames: list[pl.DataFrame], is_mine: pl.Expr, ends: bool) -> Iterator[pl.DataFrame]:
    """The samples of each frame, which is let go."""
    users = _users(frame.filter(is_mine) for frame in frames)
    frames.reverse()
    while frames:
        yield _samples(frames.pop().filter(is_mine), ends, users)


def _users(frames: Iterable[pl.DataFrame]) -> pl.Enum:
    """The threads in the order of their names: a user is the number of one."""
    names = [frame["thread"].unique().cast(pl.String) for frame in frames]
    return pl.Enum(pl.concat(names).drop_nulls().unique().sort())


def _notes(seen: _Seen, transactions: int, parts: int, alone: bool, ends: bool) -> Notes:
    found = []
    if transactions:
        found.append(
            f"{transactions:,} rows of transaction controllers are kept apart: they come on top of"
            " their samples and are in no total."
        )
    if alone:
        found.append("The file holds transactions only; they stand for the samples inside them.")
    if parts:
        found.append(f"{parts:,} sub-results are kept apart; they are in no total.")
    if ends:
        found.append("timeStamp is the end of each sample (the rows of each thread say so).")
    if not seen.has_zone:
        found.append("Times are dates without a zone: how they lie in absolute time is unknown.")
    if seen.unread:
        found.append(seen.unread)
    if seen.bundled:
        found.append(
            f"{seen.bundled:,} rows stand for several samples each (SampleCount): each counts as"
            " one here, with the duration that it states."
        )
    if not seen.has_success:
        found.append("The file has no column 'success': what failed is told by responseCode alone.")
    return tuple(found)


def _is_stamped_at_the_end(rows: pl.DataFrame) -> bool:
    """Whether timeStamp is the end: a thread's next sample starts after the last one ended.

    Stamps of starts lie at least the elapsed time of the earlier sample apart, stamps of ends at
    least that of the later one. Where both hold, or neither, they are taken for starts.
    """
    threads = rows.filter(pl.col("thread").is_not_null()).sort("time_us", maintain_order=True)
    gap = pl.col("time_us").diff().over("host", "thread") + _SLACK_US
    earlier = pl.col("took_us").shift(1).over("host", "thread")
    found = threads.select(
        (gap < earlier).sum().alias("not_starts"),
        (gap < pl.col("took_us")).sum().alias("not_ends"),
        gap.is_not_null().sum().alias("pairs"),
    ).row(0)
    not_starts, not_ends, pairs = found
    return bool(pairs and not_starts > 0.01 * pairs and not_ends * 10 < not_starts)


def _samples(rows: pl.DataFrame, ends: bool, users: pl.Enum, suffix: str = "") -> pl.DataFrame:
    """Rows with times in microseconds as the columns of a sample."""
    started = pl.col("time_us") - pl.col("took_us") if ends else pl.col("time_us")
    step = pl.col("step").cast(pl.String) + suffix if suffix else pl.col("step")
    return rows.select(
        "scenario",
        step,
        started.alias("started_us"),
        (started + pl.col("took_us")).alias("ended_us"),
        pl.when(pl.col("latency_us") > 0)
        .then(started + pl.col("latency_us"))
        .alias("first_byte_us"),
        *("connect_us", "status", "outcome", "error"),
        (pl.col("connect_us") == 0).alias("reused"),
        (pl.col("thread").cast(users).to_physical().cast(pl.Int64) + 1).alias("user"),
        "bytes_in",
        "bytes_out",
    )


def _group() -> pl.Expr:
    """The thread group: `checkout 1-7` is thread 7 of group 1, called checkout."""
    name = pl.col("thread").str.replace(r"\s+\d+-\d+(?:-.*)?$", "").str.strip_chars()
    return pl.coalesce(pl.when(name != "").then(name), pl.lit(ALL))
