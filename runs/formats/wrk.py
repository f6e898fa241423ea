"""What wrk and wrk2 print. Times carry their units, errors are counts of two kinds, and of two
distributions of wrk2 the recorded one is the corrected one."""

import re
from typing import Any, Final

from runs.formats import summaries
from runs.formats.imported import Imported
from runs.formats.source import Source

NAME: Final = "wrk"
_UNITS_MS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4, "h": 3.6e6}
_TIME: Final = r"([\d.]+)(us|ms|s|m|h)"
# autocannon's text begins alike, and has no threads.
_FIRST: Final = re.compile(
    rb"Running .{1,40} test @ [^\n]{0,4000}\n\s*\d+ threads and |unable to connect to "
)
_REQUESTS: Final = re.compile(rf"^\s*(\d+) requests in {_TIME}", re.MULTILINE)
_LATENCY: Final = re.compile(rf"^\s*Latency\s+{_TIME}\s+{_TIME}\s+{_TIME}\s+[\d.]+%", re.MULTILINE)
_PERCENTILE: Final = re.compile(rf"^\s*(\d+(?:\.\d+)?)%\s+{_TIME}\s*$", re.MULTILINE)
_SOCKET: Final = re.compile(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_STATUS: Final = re.compile(r"Non-2xx or 3xx responses: (\d+)")
_SPECTRUM: Final = re.compile(r"#\[Mean\s*=\s*([\d.]+),.*?#\[Max\s*=\s*([\d.]+)", re.DOTALL)
_PLACES: Final = {"50": "p50", "90": "p90", "95": "p95", "99": "p99", "99.9": "p99_9"}


def recognises(head: bytes) -> bool:
    return _FIRST.match(head.lstrip()) is not None


def read(source: Source) -> Imported:
    text = source.text()
    found = _REQUESTS.search(text)
    if found is None:
        line = 1 + text.rstrip("\n").count("\n")
        raise source.error(line, 1, "nothing can be read: wrk did not come to its end.")
    answered = summaries.count(int(found[1][:18]))
    never, timeouts = _socket_errors(text)
    status = _STATUS.search(text)
    bad = min(int(status[1][:18]), answered) if status else 0
    length_us = round(min((summaries.number(_ms(found[2], found[3])) or 0) * 1000, 1e15))
    row = summaries.row(
        answered + never + timeouts,
        length_us=length_us,
        outcomes={
            "ok": answered - bad,
            "check_failed": bad,
            "connection_error": never,
            "timeout": timeouts,
        },
        all_ms=_spread(text),
    )
    return summaries.of_rows(
        source,
        NAME,
        [row, summaries.whole(row)],
        samples_are="summary",
        length_us=length_us,
        notes=("wrk does not tell 4xx from 5xx, and its latencies are those of all answers.",),
    )


def _socket_errors(text: str) -> tuple[int, int]:
    """Connections that failed, and timeouts. wrk counts a late answer as a timeout too."""
    found = _SOCKET.search(text)
    if found is None:
        return 0, 0
    connect, read, write, timeout = (int(one[:18]) for one in found.groups())
    return connect + read + write, timeout


def _spread(text: str) -> Any:
    """Of the first distribution; the second one of wrk2 is the uncorrected."""
    first = text.split("Uncorrected Latency", 1)[0]
    latency = _LATENCY.search(first)
    values: dict[str, float] = {}
    if latency:
        values |= {"mean": _ms(latency[1], latency[2]), "max": _ms(latency[5], latency[6])}
    for percent, value, unit in _PERCENTILE.findall(first):
        name = _PLACES.get(f"{float(percent):g}")
        if name:
            values.setdefault(name, _ms(value, unit))
    spectrum = _SPECTRUM.search(first)
    if spectrum:
        values |= {"mean": _ms(spectrum[1], "ms"), "max": _ms(spectrum[2], "ms")}
    return summaries.spread(values, **{name: name for name in ("mean", "max", *_PLACES.values())})


def _ms(value: str, unit: str) -> float:
    try:
        return float(value) * _UNITS_MS[unit]
    except ValueError:  # several points in a number
        return float("nan")
