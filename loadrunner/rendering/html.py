"""A report as one HTML file that needs nothing else: to keep, to mail, to attach to a ticket."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from loadrunner.rendering import sentences
from runs.analysis.report import Report
from runs.analysis.run_data import Fidelity

# No script and nothing from elsewhere: what a report quotes cannot do more than be read.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = """\
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5b6470; --line: #d9dde2; --page: #fff;
  --pass: #0b6b3a; --fail: #b3261e; --inconclusive: #7a5600; --invalid: #7b2d8b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a2abb6; --line: #3a4047;
  --page: #16181b;
  --pass: #6fd39b; --fail: #ff9a92; --inconclusive: #f0c454; --invalid: #d9a2e6; } }
body { margin: 32px auto; max-width: 1280px; padding: 0 24px; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 28px; margin: 0; } h2 { font-size: 20px; margin: 40px 0 8px; }
.facts, .note, .reason { color: var(--soft); font-size: 14px; }
.verdict { font-size: 20px; font-weight: 600; margin: 24px 0 0; }
.pass { color: var(--pass); } .fail { color: var(--fail); }
.inconclusive, .suspect { color: var(--inconclusive); } .invalid { color: var(--invalid); }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th { border-bottom: 1px solid var(--line); font-weight: 600; text-align: right; }
th, td { padding: 4px 16px 4px 0; } td { text-align: right; } .text { text-align: left; }
tr:hover td { background: color-mix(in srgb, var(--line) 40%, transparent); }
.wide { overflow-x: auto; } td.interval { color: var(--soft); padding-left: 0; }
"""


def render(report: Report) -> str:
    title = escape(sentences.title(report))
    parts = [
        _head(report),
        _criteria(report),
        _findings("Saturation", sentences.saturation(report.saturation)),
        _figures(sentences.figures(report.series), report.run.fidelity),
        _findings("Bottlenecks", sentences.bottlenecks(report)),
        _section("Next", _list(sentences.next_steps(report.saturation))),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _head(report: Report) -> str:
    lead, reasons = sentences.validity(report)
    return "\n".join(
        [
            f"<h1>{escape(sentences.title(report))}</h1>",
            f'<p class="facts">{escape(" · ".join(sentences.facts(report.run)))}</p>',
            f'<p class="verdict {report.verdict}">{escape(sentences.verdict(report))}</p>',
            f'<p class="{report.validity.verdict}">{escape(lead)}</p>',
            _list(reasons),
        ]
    )


def _section(heading: str, body: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{body}\n</section>" if body else ""


def _list(lines: Iterable[str]) -> str:
    items = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>\n{items}\n</ul>" if items else ""


def _findings(heading: str, findings: Iterable[sentences.Finding]) -> str:
    parts = (
        f"<p><strong>{escape(one.title)}</strong><br>{escape(one.explanation)}</p>"
        for one in findings
    )
    return _section(heading, "\n".join(parts))


def _criteria(report: Report) -> str:
    lines = sentences.criteria(report.criteria)
    if not lines:
        return ""
    rows = "\n".join(
        f'<tr><td class="text {one.verdict}">{sentences.BADGES[one.verdict]}</td>'
        f'<td class="text">{escape(one.text)}</td><td>{escape(one.measured)}</td>'
        f'<td class="text reason">{escape(one.reason)}</td></tr>'
        for one in lines
    )
    head = _table_head(("verdict", "criterion", "measured", "reason"), text=(0, 1, 3))
    return _section("Criteria", _table(head, rows))


def _figures(rows: tuple[sentences.Row, ...], fidelity: Fidelity) -> str:
    if not rows:
        return ""
    body = "\n".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    found = sentences.footnotes(rows, fidelity)
    notes = "\n".join(f'<p class="note">{escape(note)}</p>' for note in found)
    after = sentences.P95 + 1
    names = ("scenario/step", *sentences.COLUMNS[:after], "", *sentences.COLUMNS[after:])
    head = _table_head(names, text=(0, 1))
    return _section("Figures", f"{_table(head, body)}\n{notes}")


def _cells(row: sentences.Row) -> Iterable[str]:
    """p95's interval has a cell of its own, so that the figures stay in one line."""
    yield f'<td class="text">{escape(row.owner)}</td>'
    for number, cell in enumerate(row.cells):
        kind = ' class="text"' if number == 0 else ""
        yield f"<td{kind}>{escape(cell)}</td>"
        if number == sentences.P95:
            interval = f"({escape(row.p95_interval)})" if row.p95_interval else ""
            yield f'<td class="text interval">{interval}</td>'


def _table_head(names: Sequence[str], text: tuple[int, ...]) -> str:
    kinds = (' class="text"' if number in text else "" for number, _ in enumerate(names))
    return "".join(
        f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, names, strict=True)
    )


def _table(head: str, rows: str) -> str:
    return (
        f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )
