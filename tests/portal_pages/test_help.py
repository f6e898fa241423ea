"""The help is the documentation, and every term of a page explains itself from it."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from runs import glossary
from runs.templatetags.headroom import term
from runs.views import documentation

pytestmark = pytest.mark.django_db
TEMPLATES = Path(settings.BASE_DIR) / "templates"


def used_terms() -> set[str]:
    """Every word that a template or a table's head hands to the glossary."""
    found: set[str] = set()
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        found |= set(re.findall(r'{% (?:term|meaning) "([^"]+)"', text))
    return found | {"sample", "offered load", "goodput", "p50", "p95", "p99", "error rate"}


@pytest.mark.parametrize("word", sorted(used_terms()))
def test_every_term_on_a_page_is_in_the_glossary(word: str) -> None:
    found = glossary.term(word)
    assert found is not None, f"docs/glossary.md has no heading '## {word}'"
    assert found.meaning.endswith(".")


def test_a_term_links_to_its_entry_and_carries_its_meaning() -> None:
    shown = term("goodput", "Goodput")
    assert 'href="/help/glossary/#goodput"' in shown
    assert "Expected answers per second" in shown


def test_every_document_is_a_page(visitor: Client) -> None:
    for name in documentation._pages():
        answer = visitor.get(f"/help/{name}/")
        assert answer.status_code == 200, name
        assert "<h1" in answer.content.decode()


def test_links_between_documents_lead_to_help_pages(visitor: Client) -> None:
    known = set(documentation._pages())
    for name in known:
        for target in re.findall(r'href="/help/([a-z0-9-]+)/', documentation.rendered(name)):
            assert target in known, f"docs/{name}.md links to {target}.md"


def test_html_in_a_document_is_shown_not_run(settings: object, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    text = "# Title\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))\n"
    (tmp_path / "docs" / "hostile.md").write_text(text, encoding="utf-8")
    settings.BASE_DIR = tmp_path  # type: ignore[attr-defined]
    html = documentation.rendered("hostile")
    documentation.rendered.cache_clear()
    assert "<script" not in html
    assert "href=" not in html


def test_an_unknown_page_is_said_in_words(visitor: Client) -> None:
    answer = visitor.get("/help/nothing/")
    assert answer.status_code == 404
    assert "There is no help page" in answer.content.decode()
