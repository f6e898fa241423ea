"""A project's badge: its newest verdict and its headroom, as a small SVG that anybody may show.

Its address cannot be guessed and tells nothing else; renewing it makes the old one show nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from runs.analysis import wording
from runs.models import Badge, Project, Run
from runs.models.badge import new_key

# Colours that keep white text readable (4.5:1 or better).
_COLOURS: Final = {"pass": "#0f6b38", "fail": "#b3261e", "inconclusive": "#7a5200"}
_OTHER: Final = "#4c5560"
_LABEL_COLOUR: Final = "#30373e"
# The mean width of a character at 11 px, and the room at either side of a word.
_CHARACTER_PX: Final = 6.6
_ROOM_PX: Final = 8


@dataclass(frozen=True)
class Standing:
    """What a badge says: a verdict, and the headroom of the scenario that has the least."""

    verdict: str
    headroom: float | None

    @property
    def words(self) -> str:
        said = wording.name(self.verdict)
        if self.headroom is None:
            return said
        return f"{said}, {wording.number(self.headroom, 2)}× headroom"


def of(project: Project) -> Badge:
    """The project's badge, made where there is none."""
    return Badge.objects.get_or_create(project=project)[0]


def renewed(project: Project) -> Badge:
    """The badge under another address."""
    badge = of(project)
    badge.key = new_key()
    badge.save(update_fields=["key"])
    return badge


def standing(project: Project) -> Standing:
    """By the newest run that has a verdict, and the newest that knows a headroom."""
    ready = Run.objects.filter(project=project, processing=Run.Processing.READY)
    judged = ready.exclude(verdict__in=("", Run.Verdict.NONE)).defer(*Run.DOCUMENTS).first()
    believed = ready.exclude(validity=Run.Validity.INVALID).defer("manifest", "timeline", "curves")
    least = next((one for one in map(_least_headroom, believed[:10]) if one is not None), None)
    return Standing(judged.verdict if judged else "no verdict yet", least)


def _least_headroom(run: Run) -> float | None:
    points: list[Mapping[str, Any]] = (run.report or {}).get("saturation", [])
    ratios = [(point.get("headroom") or {}).get("ratio") for point in points]
    return min((one for one in ratios if one is not None), default=None)


def svg(found: Standing, label: str = "load") -> str:
    """Text of its own width, so that it reads the same wherever it is shown."""
    words = found.words
    left, right = _width(label), _width(words)
    colour = _COLOURS.get(found.verdict, _OTHER)
    title = escape(f"{label}: {words}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="{title}"><title>{title}</title>'
        f'<rect width="{left}" height="20" fill="{_LABEL_COLOUR}"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_text(label, 0, left)}{_text(words, left, right)}</g></svg>\n"
    )


def _width(words: str) -> int:
    return round(len(words) * _CHARACTER_PX + 2 * _ROOM_PX)


def _text(words: str, start: int, width: int) -> str:
    inner = width - 2 * _ROOM_PX
    return (
        f'<text x="{start + _ROOM_PX}" y="14" textLength="{inner}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(words)}</text>'
    )
