"""Labels from the command line: `--label KEY=VALUE …`, as often as wanted."""

import argparse
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from loadrunner.errors import UsageError

_FLAG: Final = "--label"
_PAIR: Final = re.compile(r"[\w.-]+=.*", re.DOTALL)


def add_labels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        _FLAG,
        action="append",
        default=[],
        metavar="K=V",
        dest="labels",
        help="a label of the run; several may follow one flag",
    )


def one_each(given: Iterable[str]) -> Iterator[str]:
    """Arguments in which each label has a flag of its own: `--label a=1 b=2` takes both, and
    still leaves a file or an address that follows them alone."""
    may_follow = is_value = False
    for text in given:
        is_pair = _PAIR.fullmatch(text) is not None
        if may_follow and not is_value and is_pair:
            yield _FLAG
        is_flag = text == _FLAG
        may_follow = is_flag or (may_follow and (is_value or is_pair))
        is_value = is_flag
        yield text


def labels_of(given: Sequence[str]) -> dict[str, str]:
    """Raises UsageError for one without a key or without `=`."""
    labels = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"--label {text}: a label reads KEY=VALUE, such as branch=main.")
        labels[key.strip()] = value.strip()
    return labels
