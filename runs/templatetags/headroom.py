"""How pages write figures, verdicts, times, terms and charts. Words come from runs.analysis."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html, json_script
from django.utils.safestring import SafeString

from runs import glossary
from runs.analysis import wording
from runs.figures import chart as charts
from runs.figures.palette import dark_pairs

register = template.Library()

register.filter("ms", wording.milliseconds)
register.filter("per_second", wording.per_second)
register.filter("percent", wording.percent)
register.filter("number", wording.number)
register.filter("duration", wording.duration)
register.filter("size", wording.size)
register.filter("words", wording.name)
register.filter("cause", wording.cause)
register.filter("who", wording.who)
register.filter("seen", wording.seen)

_UNIT = re.compile(r"^(?P<figure>.*?[\d–])\s?(?P<unit>ms|s|%|/s|[kMG]?B|×)$")
# What a page calls a verdict, a validity, a state or an outcome, and how it looks.
_LOOKS = {
    "pass": "pass",
    "fail": "fail",
    "inconclusive": "inconclusive",
    "invalid": "invalid",
    "valid": "pass",
    "suspect": "inconclusive",
    "verified": "pass",
    "failed": "fail",
    "regressed": "fail",
    "better": "pass",
    "worse": "fail",
    "reached": "inconclusive",
    "interrupted": "inconclusive",
    "incomplete": "inconclusive",
}


@register.filter
def look(word: str | None) -> str:
    """The one of five looks (pass, fail, inconclusive, invalid, none) that a word has."""
    return _LOOKS.get(word or "", "none")


@register.filter
def unit(words: str) -> SafeString | str:
    """'12.3 ms' with its unit in a lighter tone; other words as they are."""
    found = _UNIT.match(words)
    if not found:
        return words
    return format_html('{}<span class="figure-unit">{}</span>', found["figure"], found["unit"])


@register.inclusion_tag("parts/pill.html")
def pill(word: str | None, text: str = "", quiet: bool = False) -> dict[str, Any]:
    """A verdict as everywhere: its colour, its sign and its word."""
    shown = text or wording.name(word or "none")
    return {"look": look(word), "text": shown, "quiet": quiet}


@register.inclusion_tag("parts/sign.html")
def sign(word: str | None) -> dict[str, str]:
    return {"look": look(word)}


@register.simple_tag
def term(word: str, shown: str = "") -> SafeString:
    """A word of the glossary that explains itself on hover and focus."""
    found = glossary.term(word)
    if found is None:
        return format_html("{}", shown or word)
    return format_html(
        '<a class="term" href="/help/glossary/#{}" data-tip="{}">{}</a>',
        found.anchor,
        found.meaning,
        shown or word,
    )


@register.simple_tag
def ago(when: datetime | None) -> SafeString:
    """A relative time; the exact one, in UTC, on hover."""
    if when is None:
        return format_html("{}", wording.UNKNOWN)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(),
        f"{when:%Y-%m-%d %H:%M:%S} UTC",
        wording.relative(when, timezone.now()),
    )


@register.inclusion_tag("parts/figure.html")
def figure(value: float | None, interval: Sequence[float | None] | None, unit: str) -> Any:
    """A figure with its interval, both with the digits that the interval deserves.

    `unit` is 'ms', '/s', '%' (of a share of 1) or empty.
    """
    if unit == "%":
        low, high = wording.bounds(interval)
        interval = None if low is None or high is None else (low * 100, high * 100)
        value = None if value is None else value * 100
    shown, span = wording.figure_and_interval(value, interval)
    return {"value": shown, "interval": span, "unit": "" if shown == wording.UNKNOWN else unit}


@register.simple_tag
def figure_words(value: float | None, interval: Sequence[float | None] | None) -> tuple[str, str]:
    """A figure and its interval as two words, for where they stand apart."""
    return wording.figure_and_interval(value, interval)


@register.filter
def headroom_words(headroom: Mapping[str, Any]) -> str:
    return wording.headroom(headroom)


@register.filter
def headroom_sentence(point: Mapping[str, Any]) -> str:
    return wording.headroom_sentence(point)


@register.filter
def measured(judgement: Mapping[str, Any]) -> str:
    return wording.measured(judgement.get("measured"), judgement.get("unit"))


@register.filter
def limit(judgement: Mapping[str, Any]) -> str:
    return wording.measured(judgement.get("limit"), judgement.get("unit"))


@register.simple_tag
def measured_interval(judgement: Mapping[str, Any]) -> str:
    """'73 to 75 /s', or nothing where the interval is not known on both sides."""
    low, high = wording.bounds(judgement.get("ci"))
    unit = judgement.get("unit")
    if low is None or high is None:
        return ""
    if unit == "ms":
        return wording.span_ms(low, high)
    _, span = wording.figure_and_interval((low + high) / 2, (low, high))
    return f"{span} {unit or ''}".strip()


@register.simple_tag
def meaning(word: str) -> str:
    """A glossary word's first paragraph, as plain text; empty where there is none."""
    found = glossary.term(word)
    return found.meaning if found else ""


@register.filter
def exact(value: float | None) -> str:
    """A figure as a program reads it; nothing for unknown."""
    return "" if value is None else repr(value)


@register.filter
def beside(cells: Sequence[Any], columns: Sequence[Any]) -> list[tuple[Any, Any]]:
    """Each cell of a row with the column that it stands in."""
    return list(zip(cells, columns, strict=True))


@register.filter
def seconds(value: float | None) -> str:
    """A moment of a run: '12.3 s' since its start."""
    return wording.UNKNOWN if value is None else f"{value:,.1f} s"


@register.inclusion_tag("parts/chart.html")
def chart(drawn: charts.Chart) -> dict[str, Any]:
    return {"chart": drawn, "height": drawn.height}


@register.simple_tag
def figure_script(drawn: charts.Chart) -> SafeString:
    """The figure as inert JSON, which the page's own script draws."""
    return json_script(drawn.figure, f"figure-{drawn.key}")


@register.simple_tag
def chart_setup() -> SafeString:
    """What every figure of a page shares: the plot's configuration and the dark colours."""
    return json_script({"config": charts.CONFIG, "dark": dark_pairs()}, "figure-setup")
