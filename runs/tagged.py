"""Answers with an ETag: whoever has one already is told so before it is made again."""

from collections.abc import Callable
from hashlib import sha256

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_cache_control
from django.utils.http import parse_etags

from runs.models import Run


def tag_of(*told: object) -> str:
    """The same for the same words."""
    words = "|".join(str(one) for one in told)
    return f'"{sha256(words.encode()).hexdigest()[:32]}"'


def answer(request: HttpRequest, tag: str, make: Callable[[], HttpResponse]) -> HttpResponse:
    """304 where the caller holds what `tag` stands for, else what `make` gives."""
    held = parse_etags(request.headers.get("If-None-Match", ""))
    # A proxy that compresses calls the tag a weak one.
    is_held = "*" in held or tag in [one.removeprefix("W/") for one in held]
    given = HttpResponseNotModified() if is_held else make()
    given.headers["ETag"] = tag
    patch_cache_control(given, private=True, no_cache=True)
    return given


def of_figures(request: HttpRequest, run: Run, make: Callable[[], HttpResponse]) -> HttpResponse:
    """An answer that changes with the run's figures and labels only; a run from before reports
    had digests has no tag."""
    digest = run.headline.get("digest")
    if not digest:
        return make()
    tag = tag_of(run.pk, digest, run.calculation_version, sorted(run.labels.items()))
    return answer(request, tag, make)
