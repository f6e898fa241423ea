"""Labels from the command line: `--label key=value`, as often as wanted."""

from collections.abc import Sequence

from loadrunner.errors import UsageError


def labels_of(given: Sequence[str]) -> dict[str, str]:
    """Raises UsageError for one without a key or without `=`."""
    labels = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"--label {text}: a label reads KEY=VALUE, such as branch=main.")
        labels[key.strip()] = value.strip()
    return labels
