"""A comparison of runs as text and as Markdown: what got worse, what got better, and what is
not to be told."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from loadrunner.rendering import markdown, sentences
from loadrunner.rendering.page import DEFAULT_WIDTH, Page
from runs.analysis import wording
from runs.analysis.comparison import Change, Comparison, Row

_LETTERS: Final = "ABCDEF"
_WORDS: Final = {
    "worse": "worse",
    "better": "better",
    "no_change": "no material change",
    "inconclusive": "inconclusive",
}
_STYLES: Final = {
    "worse": "bold red",
    "better": "green",
    "no_change": "",
    "inconclusive": "yellow",
}


@dataclass(frozen=True)
class _Line:
    """One figure of one run against the first."""

    verdict: str
    what: str
    before: str
    after: str
    change: str
    reason: str


@dataclass(frozen=True)
class _Section:
    """One run against the first: what changed, and how many figures did not."""

    title: str
    verdict: str
    changed: tuple[_Line, ...]
    rest: tuple[str, ...]


def as_text(comparison: Comparison, *, width: int = DEFAULT_WIDTH, colour: bool = False) -> str:
    page = Page(width, colour=colour)
    for line in _runs(comparison):
        page.line(line)
    for section in _sections(comparison):
        page.heading(section.title)
        page.line(f"{_capital(section.verdict)}.", indent=2)
        for one in section.changed:
            page.line(_sentence(one), style=_STYLES[one.verdict], indent=2)
            if one.reason:
                page.line(one.reason, indent=4)
        for line in section.rest:
            page.line(line, indent=2)
    page.section("Not comparable", comparison.not_comparable)
    return page.text()


def as_markdown(comparison: Comparison) -> str:
    parts = ["## Comparison", _bullets(_runs(comparison))]
    for section in _sections(comparison):
        parts += [
            f"### {markdown.escaped(section.title)}",
            f"**{markdown.escaped(_capital(section.verdict))}.**",
            _table(section.changed),
            _bullets(section.rest),
        ]
    if comparison.not_comparable:
        parts += ["### Not comparable", _bullets(comparison.not_comparable)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _runs(comparison: Comparison) -> Iterator[str]:
    for at, run in enumerate(comparison.runs):
        facts = " · ".join((run.campaign, *sentences.facts(run)))
        repeats = len(comparison.groups[at]) if comparison.groups else 1
        size = f" ({wording.plural(repeats, 'run')})" if repeats > 1 else ""
        yield f"{_LETTERS[at]}{size}: {facts}"


def _sections(comparison: Comparison) -> Iterator[_Section]:
    for at, verdict in enumerate(comparison.verdicts):
        lines = [_line(row, change, at) for row in comparison.rows if (change := row.changes[at])]
        yield _Section(
            title=f"{_LETTERS[at + 1]} against A",
            verdict=_WORDS[verdict],
            changed=tuple(one for one in lines if one.verdict in ("worse", "better")),
            rest=tuple(_rest(comparison, lines, at)),
        )


def _line(row: Row, change: Change, at: int) -> _Line:
    return _Line(
        verdict=change.verdict,
        what=_what(row),
        before=wording.measured(row.values[0], row.unit),
        after=wording.measured(row.values[at + 1], row.unit),
        change=_change(change),
        reason=change.reason,
    )


def _what(row: Row) -> str:
    series = row.scenario if row.step is None else f"{row.scenario}/{row.step}@{row.phase}"
    return f"{wording.name(row.statistic)} of {series}"


def _change(change: Change) -> str:
    """'+18 % (+11 % to +25 %)'; a bound alone where the ratio itself is not known."""
    low, high = change.ci or (None, None)
    if change.ratio is None:
        if low is not None and low > 1:
            return f"at least {wording.change(low)}"
        return f"at most {wording.change(high)}" if high is not None and high < 1 else ""
    if low is None or high is None:
        return wording.change(change.ratio)
    ends = f"{wording.change(low)} to {wording.change(high)}"
    return f"{wording.change(change.ratio)} ({ends})"


def _rest(comparison: Comparison, lines: list[_Line], at: int) -> Iterator[str]:
    """What is not listed one by one."""
    if not lines:
        yield "No figure can be compared."
        return
    equal = sum(one.verdict == "no_change" for one in lines)
    unsure = sum(one.verdict == "inconclusive" for one in lines)
    if equal:
        yield f"{wording.plural(equal, 'figure')} without a material change."
    if unsure:
        yield f"{wording.plural(unsure, 'figure')} inconclusive: more runs of each would tell."
    means = [
        f"{wording.name(one.statistic)} {wording.change(ratio)}"
        for one in comparison.means
        if (ratio := one.ratios[at]) is not None
    ]
    if means:
        yield f"On average (geometric mean): {', '.join(means)}."
    yield from _noise(comparison)


_SOURCES: Final = {
    "history": "learned from the project's repeats",
    "given": "learned from the repeats that are compared",
    "assumed": "assumed, as no repeats are known",
}


def _noise(comparison: Comparison) -> Iterator[str]:
    """'Noise between runs: p95 2.1 %, p99 3 % (learned from …).'"""
    for source, words in _SOURCES.items():
        mine = [one for one in comparison.noise if one.source == source]
        if mine:
            shown = ", ".join(f"{wording.name(o.statistic)} {wording.percent(o.sd)}" for o in mine)
            yield f"Noise between runs: {shown} ({words})."


def _sentence(line: _Line) -> str:
    change = f", {line.change}" if line.change else ""
    return f"{_capital(line.verdict)}: {line.what}, {line.before} to {line.after}{change}"


def _table(lines: tuple[_Line, ...]) -> str:
    if not lines:
        return ""
    rows = [(one.verdict, one.what, one.before, one.after, one.change, one.reason) for one in lines]
    return markdown.table(("", "figure", "before", "after", "change", "reason"), rows, left=2)


def _bullets(lines: "Iterator[str] | tuple[str, ...]") -> str:
    return "\n".join(f"- {markdown.escaped(line)}" for line in lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
