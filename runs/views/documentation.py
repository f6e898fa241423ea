"""The help: the documentation itself, as it lies in docs/."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from markdown_it import MarkdownIt
from markdown_it.token import Token

from runs.glossary import slug

# In the order of reading; what is not named follows by name.
_ORDER = ("reading-results", "portal", "campaigns", "criteria", "loadrunner", "ci", "glossary")
_PICTURE = re.compile(r"^img/([a-z0-9-]+)\.png$")
_DOCUMENT = re.compile(r"^(?:\./)?([a-z0-9-]+)\.md(#.*)?$")


def help_index(request: HttpRequest) -> HttpResponse:
    return _help(request, _pages()[0])


def help_page(request: HttpRequest, name: str) -> HttpResponse:
    return _help(request, name)


def _help(request: HttpRequest, name: str) -> HttpResponse:
    if name not in _pages():
        raise Http404(f"There is no help page '{name}'; there are {', '.join(_pages())}.")
    pages = [{"name": one, "title": title_of(one)} for one in _pages()]
    context = {"here": "help", "pages": pages, "name": name, "title": title_of(name)}
    return render(request, "help/page.html", context | {"body": rendered(name)})


def help_picture(_request: HttpRequest, name: str) -> HttpResponse:
    """A picture of a document; `name` is a slug, so that it leads nowhere else."""
    path = _folder() / "img" / f"{name}.png"
    if not path.is_file():
        raise Http404(f"There is no picture '{name}'.")
    answer = HttpResponse(path.read_bytes(), content_type="image/png")
    patch_cache_control(answer, private=True, max_age=3600)
    return answer


def _folder() -> Path:
    return Path(settings.BASE_DIR) / "docs"


@cache
def _pages() -> list[str]:
    found = {path.stem for path in _folder().glob("*.md")}
    return [name for name in _ORDER if name in found] + sorted(found - set(_ORDER))


@cache
def title_of(name: str) -> str:
    """The document's first heading."""
    text = (_folder() / f"{name}.md").read_text(encoding="utf-8")
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    if heading is None:
        return name.replace("-", " ").capitalize()
    return heading.group(1).replace("`", "").strip()


@cache
def rendered(name: str) -> str:
    """The document as HTML; HTML within it is shown as text."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse((_folder() / f"{name}.md").read_text(encoding="utf-8"))
    for index, token in enumerate(tokens):
        _anchor(tokens, index, token)
        for child in token.children or []:
            _link(child)
    html = parser.renderer.render(tokens, parser.options, {})
    return _scrolling(str(html))


def _anchor(tokens: list[Token], index: int, token: Token) -> None:
    if token.type == "heading_open":
        token.attrSet("id", slug(tokens[index + 1].content))


def _link(token: Token) -> None:
    """A link to a document next door becomes one to its help page."""
    if token.type == "image":
        picture = _PICTURE.match(str(token.attrGet("src")))
        if picture:
            token.attrSet("src", f"/help/img/{picture.group(1)}.png")
            token.attrSet("loading", "lazy")
        return
    target: Any = token.attrGet("href") if token.type == "link_open" else None
    found = _DOCUMENT.match(str(target)) if target else None
    if found:
        token.attrSet("href", f"/help/{found.group(1)}/{found.group(2) or ''}")


def _scrolling(html: str) -> str:
    """Wide tables and listings scroll in themselves, and by keyboard too."""
    region = '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>'
    html = html.replace("<table>", region).replace("</table>", "</table></div>")
    return html.replace("<pre>", '<pre tabindex="0">')
