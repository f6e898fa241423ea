"""A report as JUnit XML: a test case for each criterion, for CI systems that show tests."""

import re
from typing import Final
from xml.etree import ElementTree

from loadrunner.rendering import sentences
from runs.analysis.report import Report

# XML 1.0 has no way to write these.
_FORBIDDEN: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def render(report: Report) -> str:
    """A criterion that failed is a failure, one that could not be decided is skipped, and one
    of a run that is not valid is an error, all with the reason as their message."""
    suite = ElementTree.Element("testsuite", {"name": _text(sentences.title(report))})
    if report.run.started_at:
        suite.set("timestamp", report.run.started_at)
    for line in _lines(report):
        _add(suite, report, line)
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(name, str(len(suite.findall(f"testcase/{tag}"))))
    suite.set("tests", str(len(suite)))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _lines(report: Report) -> tuple[sentences.CriterionLine, ...]:
    """The criteria; an invalid run without any still has one case, so that it is not overseen."""
    lines = sentences.criteria(report.criteria)
    if lines or report.verdict != "invalid":
        return lines
    return (sentences.CriterionLine("inconclusive", "?", "the run is valid", "", ""),)


def _add(suite: ElementTree.Element, report: Report, line: sentences.CriterionLine) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", {"classname": _text(sentences.title(report)), "name": _text(line.text)}
    )
    if report.verdict == "invalid":
        reasons = "; ".join(sentences.validity(report)[1])
        _result(case, "error", f"{sentences.verdict(report)} {reasons}".strip())
    elif line.verdict == "fail":
        _result(case, "failure", line.explanation)
    elif line.verdict == "inconclusive":
        _result(case, "skipped", line.explanation)


def _result(case: ElementTree.Element, tag: str, message: str) -> None:
    ElementTree.SubElement(case, tag, {"message": _text(message)})


def _text(value: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
