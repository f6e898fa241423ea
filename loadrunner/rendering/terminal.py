"""Where a document is written to, and what it can show."""

import os
import shutil
from dataclasses import dataclass
from typing import Final, TextIO

_NARROWEST: Final = 80
_WIDEST: Final = 140
_PIPED: Final = 100


@dataclass(frozen=True)
class Terminal:
    stream: TextIO
    width: int
    has_colour: bool

    @classmethod
    def of(cls, stream: TextIO) -> "Terminal":
        """No colour into pipes and files, nor where NO_COLOR or a dumb terminal asks for none."""
        if not stream.isatty():
            return cls(stream, _PIPED, has_colour=False)
        columns = shutil.get_terminal_size((_PIPED, 24)).columns
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(stream, min(max(columns, _NARROWEST), _WIDEST), has_colour=not plain)

    def write(self, document: str) -> None:
        """As UTF-8 whatever the locale, so that a document is the same on every machine.

        A reader that has seen enough (`| head`) ends nothing: what comes after, an upload or
        an exit status, is as it would be.
        """
        try:
            self._put(document)
        except BrokenPipeError:
            # Python flushes once more at its end, and must find somebody who listens.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())

    def _put(self, document: str) -> None:
        buffer = getattr(self.stream, "buffer", None)
        self.stream.flush()
        if buffer is None:
            self.stream.write(document)
        else:
            buffer.write(document.encode())
        self.stream.flush()
