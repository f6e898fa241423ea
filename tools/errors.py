"""What stops a target: one line that says what to do."""


class ToolError(Exception):
    """Shown as it is, without a trace."""
