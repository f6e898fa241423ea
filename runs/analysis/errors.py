"""What the analysis raises.

AnalysisError
└── CriterionError    a criterion's text that cannot be read, with the column it stands in
"""


class AnalysisError(Exception):
    """The root of all errors of this room; its text is written for the user."""


class CriterionError(AnalysisError):
    """A criterion that cannot be read or names what does not exist; `column` is 1-based."""

    def __init__(self, text: str, column: int, message: str) -> None:
        super().__init__(f"criterion '{text}', column {column}: {message}")
        self.text = text
        self.column = column
        self.message = message
