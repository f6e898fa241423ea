"""The words of the product, read from docs/glossary.md: the same text in help and in hover tips."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings

_MARKS = re.compile(r"[`*_]|\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True)
class Term:
    """A word, its anchor on the glossary page, and its first paragraph as plain text."""

    word: str
    anchor: str
    meaning: str


def slug(heading: str) -> str:
    """The anchor of a heading: 'Saturation point' -> 'saturation-point'."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


@cache
def terms() -> dict[str, Term]:
    """Every `## heading` of the glossary, by its anchor."""
    path = Path(settings.BASE_DIR) / "docs" / "glossary.md"
    found = (_term(part) for part in path.read_text(encoding="utf-8").split("\n## ")[1:])
    return {term.anchor: term for term in found}


def term(word: str) -> Term | None:
    """Singular and plural, spaces and underscores are the same word."""
    anchor = slug(word)
    return terms().get(anchor) or terms().get(anchor.removesuffix("s"))


def _term(part: str) -> Term:
    heading, _, body = part.partition("\n")
    paragraph = body.strip().split("\n\n")[0]
    meaning = _MARKS.sub(lambda match: match.group(1) or "", " ".join(paragraph.split()))
    return Term(heading.strip(), slug(heading), meaning)
