"""What the readers raise.

FormatError           input that cannot be read, worded for the user
├── PlaceError        another tool's file, with the line and column that are wrong
├── ManifestError     a manifest that is not one, with the key that is wrong
└── SpoolError        a spool folder or one of its files that cannot be read
"""


class FormatError(Exception):
    """The root of all errors of this room: names the file, what was found, what is expected."""


class PlaceError(FormatError):
    """A place in a file, line and column from 1, where it cannot be read."""

    def __init__(self, name: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{name}, line {line}, column {column}: {message}")
        self.at = f"line {line}, column {column}"
        self.line, self.column = line, column
        self.message = message


class ManifestError(FormatError):
    """A manifest that breaks the format; `at` is the path of the key."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(f"manifest.json, {at}: {message}")
        self.at = at
        self.message = message


class SpoolError(FormatError):
    """A spool folder, segment or line that cannot be read."""
