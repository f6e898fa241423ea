"""Repeats of a campaign as text and as Markdown: one verdict on all of them."""

from collections.abc import Iterator
from pathlib import Path

from loadrunner.rendering import markdown, sentences
from loadrunner.rendering.page import Page
from runs.analysis import wording
from runs.analysis.designed import Designed
from runs.analysis.report import Report


def progress(judged: Designed, folder: Path) -> str:
    """A line after each run: what it was worth, and which criteria are open."""
    report = judged.reports[-1]
    found = judged.judgements()
    still_open = [one.text for one in found if one.verdict == "inconclusive"]
    state = f"open: {'; '.join(still_open)}" if still_open else "every criterion is decided"
    if not found:
        state = "no criteria" if not judged.texts else "not judged"
    return f"{folder.name}: {report.validity.verdict}. {state[:1].upper()}{state[1:]}."


def as_text(judged: Designed) -> str:
    report = judged.report()
    page = Page()
    page.line(_title(judged))
    page.line(sentences.verdict(report))
    for line in sentences.criteria(report.criteria):
        page.line(f"{line.sign:<4} {line.text}   {line.measured}", indent=2)
        if line.verdict != "pass":
            page.line(line.reason, indent=7)
    page.section("Runs", _runs(judged))
    return page.text().rstrip("\n")


def as_markdown(judged: Designed) -> str:
    report = judged.report()
    rows = [
        (line.sign, line.text, line.measured, line.reason)
        for line in sentences.criteria(report.criteria)
    ]
    table = markdown.table(("", "criterion", "measured", "reason"), rows, left=2) if rows else ""
    parts = [
        f"## {markdown.escaped(_title(judged))}",
        f"**{markdown.escaped(sentences.verdict(report))}**",
        table,
        "\n".join(f"- {markdown.escaped(line)}" for line in _runs(judged)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _title(judged: Designed) -> str:
    run = judged.report().run
    valid = len(judged.valid_reports)
    return (
        f"{run.campaign}: {wording.plural(len(judged.reports), 'run')}, {valid} valid, taken as one"
    )


def _runs(judged: Designed) -> Iterator[str]:
    return (_run(number, report) for number, report in enumerate(judged.reports, start=1))


def _run(number: int, report: Report) -> str:
    codes = ", ".join(dict.fromkeys(one.code for one in report.validity.reasons))
    because = f" ({codes})" if codes else ""
    return f"{number}: run {report.run.id[:8]}, {report.validity.verdict}{because}"
