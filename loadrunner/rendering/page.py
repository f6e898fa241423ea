"""A page of text for a terminal, as wide as it is, in colour only where that is wanted."""

import io
from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

DEFAULT_WIDTH: Final = 100


class Page:
    """Lines are printed into it one after another; `text` is all of them."""

    def __init__(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> None:
        self.width = width
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=width,
            force_terminal=colour,
            color_system="standard" if colour else None,
            no_color=not colour,
            highlight=False,
            emoji=False,
            markup=False,
        )

    def text(self) -> str:
        """All of it, without blanks at the ends of lines."""
        lines = self._out.getvalue().splitlines()
        return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"

    def heading(self, heading: str) -> None:
        self.line()
        self.line(heading, style="bold underline")

    def line(self, content: str | Text = "", style: str = "", indent: int = 0) -> None:
        """Wrapped where it is too long, every line of it indented."""
        shown = Text(content) if isinstance(content, str) else content
        shown.stylize(style)
        self._console.print(Padding(shown, (0, 0, 0, indent)) if indent else shown)

    def unbroken(self, content: Text) -> None:
        """A line of a table, which stays whole even where it is too long."""
        self._console.print(content, no_wrap=True, overflow="ignore", crop=False)

    def section(self, heading: str, lines: Iterable[str]) -> None:
        """Sentences under a heading; nothing where there are none."""
        for number, line in enumerate(lines):
            if number == 0:
                self.heading(heading)
            self.line(line, indent=2)
