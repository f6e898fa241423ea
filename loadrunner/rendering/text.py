"""A report for a terminal: verdict, belief, saturation, figures, criteria, what to do next."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from rich.text import Text

from loadrunner.rendering import sentences
from loadrunner.rendering.page import DEFAULT_WIDTH, Page
from runs.analysis.report import Report
from runs.analysis.wording import UNKNOWN

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
    return _rendered(report, sentences.figures(report.series), Page(width, colour=colour))


def summary(report: Report, *, width: int = DEFAULT_WIDTH, colour: bool = False) -> str:
    """The end of a run: the same without the stages of staircases where they would be many."""
    rows = sentences.figures(report.series)
    if len(rows) > _SUMMARY_ROWS:
        rows = tuple(one for one in rows if not one.is_stage)
    return _rendered(report, rows, Page(width, colour=colour))


def _rendered(report: Report, rows: tuple[sentences.Row, ...], page: Page) -> str:
    _head(page, report)
    _findings(page, "Saturation", sentences.saturation(report.saturation))
    _figures(page, report, rows)
    _criteria(page, report)
    _findings(page, "Bottlenecks", sentences.bottlenecks(report))
    page.section("Next", sentences.next_steps(report.saturation))
    return page.text()


def _head(page: Page, report: Report) -> None:
    page.line(sentences.title(report), style="bold")
    page.line(" · ".join(sentences.facts(report.run)), style="dim")
    page.line()
    page.line(sentences.verdict(report), style=_STYLES[report.verdict])
    lead, reasons = sentences.validity(report)
    page.line(lead, style=_STYLES[report.validity.verdict])
    for reason in reasons:
        page.line(reason, indent=2)


def _findings(page: Page, heading: str, findings: Iterable[sentences.Finding]) -> None:
    for number, finding in enumerate(findings):
        if number == 0:
            page.heading(heading)
        page.line(finding.title, style="bold", indent=2)
        if finding.explanation:
            page.line(finding.explanation, indent=4)


def _figures(page: Page, report: Report, rows: tuple[sentences.Row, ...]) -> None:
    left_out = len(sentences.figures(report.series)) - len(rows)
    if not rows and not left_out:
        return
    page.heading("Figures")
    for line in _table(rows, page.width) if rows else ():
        page.unbroken(line)
    if left_out:
        page.line(f"{left_out} rows of staircases are left out; the report has them all.", indent=2)
    for note in sentences.footnotes(rows, report.run.fidelity):
        page.line(note, style="dim", indent=2)


def _criteria(page: Page, report: Report) -> None:
    lines = sentences.criteria(report.criteria)
    if lines:
        page.heading("Criteria")
    for line in lines:
        sign = Text(f"{line.sign:<4} ", style=_STYLES[line.verdict])
        measured = "" if line.measured == UNKNOWN else f"   {line.measured}"
        page.line(sign + Text(line.text) + Text(measured, style="bold"), indent=2)
        # Why it holds is what the figure says already.
        if line.verdict != "pass":
            page.line(line.reason, indent=7)


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
