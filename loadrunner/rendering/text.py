"""A report for a terminal: verdict, belief, saturation, figures, criteria, what to do next."""

import io
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from loadrunner.rendering import sentences
from runs.analysis.report import Report
from runs.analysis.wording import UNKNOWN

DEFAULT_WIDTH: Final = 100
_STYLES: Final = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
    "invalid": "bold magenta",
    "valid": "green",
    "suspect": "yellow",
    "none": "",
}
# A summary shows this many rows of figures; the stages of a staircase go first.
_SUMMARY_ROWS: Final = 20


def render(report: Report, *, width: int = DEFAULT_WIDTH, colour: bool = False) -> str:
    """The whole report."""
    return _Page(width, colour).report(report, sentences.figures(report.series), left_out=0)


def summary(report: Report, *, width: int = DEFAULT_WIDTH, colour: bool = False) -> str:
    """The end of a run: the same without the stages of staircases where they would be many."""
    rows = sentences.figures(report.series)
    shown = rows if len(rows) <= _SUMMARY_ROWS else tuple(one for one in rows if not one.is_stage)
    return _Page(width, colour).report(report, shown, left_out=len(rows) - len(shown))


class _Page:
    """What was printed so far; plain text unless colour is wanted."""

    def __init__(self, width: int, colour: bool) -> None:
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=width,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            highlight=False,
            emoji=False,
            markup=False,
        )

    def report(self, report: Report, rows: tuple[sentences.Row, ...], left_out: int) -> str:
        self._head(report)
        self._findings("Saturation", sentences.saturation(report.saturation))
        self._figures(rows, left_out)
        self._criteria(report)
        self._findings("Bottlenecks", sentences.bottlenecks(report))
        self._sentences("Next", sentences.next_steps(report.saturation))
        lines = self._out.getvalue().splitlines()
        return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"

    def _head(self, report: Report) -> None:
        self._print(Text(sentences.title(report), style="bold"))
        self._print(Text(" · ".join(sentences.facts(report.run)), style="dim"))
        self._print("")
        self._print(Text(sentences.verdict(report), style=_STYLES[report.verdict]))
        lead, reasons = sentences.validity(report)
        self._print(Text(lead, style=_STYLES[report.validity.verdict]))
        for reason in reasons:
            self._indented(reason)

    def _findings(self, heading: str, findings: Iterable[sentences.Finding]) -> None:
        for number, finding in enumerate(findings):
            if number == 0:
                self._heading(heading)
            self._indented(Text(finding.title, style="bold"))
            if finding.explanation:
                self._indented(finding.explanation, by=4)

    def _figures(self, rows: tuple[sentences.Row, ...], left_out: int) -> None:
        if not rows and not left_out:
            return
        self._heading("Figures")
        for line in _table(rows, self._console.width) if rows else ():
            self._console.print(line, no_wrap=True, overflow="ignore", crop=False)
        if left_out:
            self._indented(f"{left_out} rows of staircases are left out; the report has them all.")
        for note in sentences.footnotes(rows):
            self._indented(Text(note, style="dim"))

    def _criteria(self, report: Report) -> None:
        lines = sentences.criteria(report.criteria)
        if not lines:
            return
        self._heading("Criteria")
        for line in lines:
            sign = Text(f"{line.sign:<4} ", style=_STYLES[line.verdict])
            measured = "" if line.measured == UNKNOWN else f"   {line.measured}"
            self._indented(sign + Text(line.text) + Text(measured, style="bold"))
            # Why it holds is what the figure says already.
            if line.verdict != "pass":
                self._indented(line.reason, by=7)

    def _sentences(self, heading: str, sentences: Iterable[str]) -> None:
        for number, sentence in enumerate(sentences):
            if number == 0:
                self._heading(heading)
            self._indented(sentence)

    def _heading(self, heading: str) -> None:
        self._print("")
        self._print(Text(heading, style="bold underline"))

    def _indented(self, content: str | Text, by: int = 2) -> None:
        self._print(Padding(content, (0, 0, 0, by)))

    def _print(self, content: str | Text | Padding) -> None:
        self._console.print(content)


def _table(rows: tuple[sentences.Row, ...], width: int) -> Iterator[Text]:
    """The rows of each scenario and step under its name, in columns that all of them share.

    Of what does not fit, p95's interval goes first, then what was offered; rows never break.
    """
    columns = next(
        (one for one in _choices(rows) if sum(map(_width, one)) <= width), _choices(rows)[-1]
    )
    yield Text("".join(_padded(column, 0) for column in columns).rstrip(), style="dim")
    for owner, group in groupby(enumerate(rows, 1), key=lambda one: one[1].owner):
        yield Text(owner, style="bold")
        for number, _ in group:
            yield Text("".join(_padded(column, number) for column in columns).rstrip())


def _choices(rows: tuple[sentences.Row, ...]) -> tuple[list[list[str]], ...]:
    """The columns, head first, from the fullest choice to the sparest. Columns that hold nothing
    but zero or unknown are left out of each."""
    full = [_column(rows, number) for number in range(len(sentences.COLUMNS))]
    plain = [*full]
    plain[sentences.P95] = ["p95 ms", *(row.cells[sentences.P95] for row in rows)]
    offered = sentences.COLUMNS.index("offered/s")
    spare = [*plain[:offered], *plain[offered + 1 :]]
    return tuple([one for one in choice if _says_something(one)] for choice in (full, plain, spare))


def _column(rows: tuple[sentences.Row, ...], number: int) -> list[str]:
    cells = [row.cells[number] for row in rows]
    if number == 0:
        cells = [f"  {cell}" for cell in cells]
    elif number == sentences.P95:
        cells = _with_intervals(rows)
    return [sentences.COLUMNS[number], *cells]


def _with_intervals(rows: tuple[sentences.Row, ...]) -> list[str]:
    """Figures end in one line, intervals stand behind them."""
    intervals = [f" ({row.p95_interval})" if row.p95_interval else "" for row in rows]
    longest = max(map(len, intervals), default=0)
    return [
        f"{row.cells[sentences.P95]}{interval:<{longest}}"
        for row, interval in zip(rows, intervals, strict=True)
    ]


def _says_something(column: list[str]) -> bool:
    is_rate = column[0] in ("errors", "refused")
    return not is_rate or any(cell not in ("0 %", "–") for cell in column[1:])


def _width(column: list[str]) -> int:
    return max(map(len, column)) + 2


def _padded(column: list[str], number: int) -> str:
    """The first column is text; figures are right-aligned under their heads."""
    width = _width(column) - 2
    is_text = column[0] == sentences.COLUMNS[0]
    return f"{column[number]:<{width}}" if is_text else f"  {column[number]:>{width}}"
