"""A report as Markdown, for the summary of a CI job."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from loadrunner.rendering import sentences
from runs.analysis.report import Report
from runs.analysis.run_data import Fidelity

# Everything that Markdown or the HTML within it could take for mark-up.
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def render(report: Report) -> str:
    lead, reasons = sentences.validity(report)
    parts = [
        f"## {escaped(sentences.title(report))}",
        escaped(" · ".join(sentences.facts(report.run))),
        f"**{escaped(sentences.verdict(report))}**",
        escaped(lead),
        _bullets(reasons),
        _criteria(report),
        _findings("Saturation", sentences.saturation(report.saturation)),
        _figures(sentences.figures(report.series), report.run.fidelity),
        _findings("Bottlenecks", sentences.bottlenecks(report)),
        _section("Next", _bullets(sentences.next_steps(report.saturation))),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Text that reads as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int) -> str:
    """A table whose first `left` columns are text and the others figures."""
    rule = [":--" if n < left else "--:" for n in range(len(head))]
    lines = [head, rule, *([escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _section(heading: str, body: str) -> str:
    return f"### {heading}\n\n{body}" if body else ""


def _bullets(sentences: Iterable[str]) -> str:
    return "\n".join(f"- {escaped(sentence)}" for sentence in sentences)


def _findings(heading: str, findings: Iterable[sentences.Finding]) -> str:
    lines = (
        f"- **{escaped(finding.title)}** {escaped(finding.explanation)}".rstrip()
        for finding in findings
    )
    return _section(heading, "\n".join(lines))


def _criteria(report: Report) -> str:
    lines = sentences.criteria(report.criteria)
    if not lines:
        return ""
    rows = [(sentences.BADGES[one.verdict], one.text, one.measured, one.reason) for one in lines]
    return _section("Criteria", table(("", "criterion", "measured", "reason"), rows, left=4))


def _figures(rows: tuple[sentences.Row, ...], fidelity: Fidelity) -> str:
    if not rows:
        return ""
    body = table(("scenario/step", *sentences.COLUMNS), map(_cells, rows), left=2)
    notes = "\n\n".join(escaped(note) for note in sentences.footnotes(rows, fidelity))
    return _section("Figures", f"{body}\n\n{notes}")


def _cells(row: sentences.Row) -> tuple[str, ...]:
    interval = f" ({row.p95_interval})" if row.p95_interval else ""
    before, after = row.cells[: sentences.P95], row.cells[sentences.P95 + 1 :]
    return (row.owner, *before, row.cells[sentences.P95] + interval, *after)
