"""What is wrong with a campaign file: collected, so that all of it is reported at once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from loadrunner.campaign.document import WHOLE, Node, Path, line_of
from loadrunner.errors import CampaignError

_LONGEST_PATH = 12
_PLAIN_KEY = re.compile(r"[\w-]+")


class CombinedCampaignError(CampaignError):
    """Several errors of one file: its text is one line each, `errors` are in the file's order."""

    def __init__(self, errors: Sequence[CampaignError]) -> None:
        first = errors[0]
        super().__init__(first.file, first.line, first.key, first.message)
        self.args = ("\n".join(str(error) for error in errors),)
        self.errors = tuple(errors)


@dataclass
class Problems:
    """`root` gives the lines; None as long as there is no tree."""

    file: str
    root: Node | None = None
    found: list[tuple[Path, CampaignError]] = field(default_factory=list)

    def add(self, path: Path, message: str, line: int | None = None) -> None:
        if line is None:
            line = line_of(self.root, path) if self.root else 1
        error = CampaignError(self.file, line, key_text(path), message)
        self.found.append((path, error))

    def has(self, path: Path) -> bool:
        return any(path == other for other, _ in self.found)

    def drop_below(self, path: Path) -> None:
        """Forget what was found inside of a section that should not be there at all."""
        self.found = [one for one in self.found if one[0][: len(path)] != path]

    def raise_any(self) -> None:
        if self.found:
            raise self.error()

    def error(self) -> CampaignError:
        """What was found, in the order of the file's lines."""
        errors = sorted((error for _, error in self.found), key=lambda error: error.line)
        return errors[0] if len(errors) == 1 else CombinedCampaignError(errors)


def key_text(path: Path) -> str:
    """A path as it is written in an error: `scenarios.chat.steps[0].request.path`."""
    if path == WHOLE:
        return "(the whole file)"
    text = ""
    for part in path[:_LONGEST_PATH]:
        text += f"[{part}]" if isinstance(part, int) else f".{_quoted(part)}"
    return text.removeprefix(".") + ("…" if len(path) > _LONGEST_PATH else "")


def _quoted(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) else f"'{key.encode('unicode_escape').decode()[:60]}'"
