"""`loadrunner init SOURCE`: a campaign from an OpenAPI document or a HAR file."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from loadrunner.campaign.file import campaign_of_text
from loadrunner.drafts.draft import Draft
from loadrunner.drafts.source import drafted
from loadrunner.drafts.yaml_text import text_of
from loadrunner.errors import LoadrunnerError, UsageError
from loadrunner.rendering.terminal import Terminal
from runs.analysis.wording import plural

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "init",
        help="begin a campaign from an OpenAPI document or a HAR file",
        description="Writes a campaign file from an OpenAPI document (JSON or YAML, 3.x or Swagger"
        " 2.0) or a HAR recording of a browser, with comments that say what to fill in. Nothing is"
        " contacted. No secret of a recording is copied.",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="the document")
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="the campaign file; default: standard output"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE where it is there")
    parser.add_argument(
        "--base-url",
        metavar="URL",
        help="where requests go; its host is allowed then. Without it: the document's own server"
        " where that is this machine or in a private network, else this machine",
    )
    parser.add_argument(
        "--host", metavar="HOST", help="of a HAR file, the requests to this host; default: the most"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 once the file is written. Raises UsageError."""
    out: Path | None = arguments.out
    if out is not None and out.exists() and not arguments.force:
        raise UsageError(f"{out} is there already; name another file, or give --force.")
    draft = drafted(arguments.source, arguments.base_url, arguments.host)
    text = text_of(draft)
    _check(text)
    if out is None:
        Terminal.of(sys.stdout).write(text)
    else:
        _write(out, text)
        sys.stdout.write(_told(draft, out))
    return 0


def _check(text: str) -> None:
    """What is written is a campaign: a draft that is none is a fault of ours."""
    try:
        campaign_of_text(Path("draft"), text.encode(), {}, {}, allow_destructive=True)
    except LoadrunnerError as error:
        raise LoadrunnerError(f"The draft would not be a campaign: {error}") from error


def _write(out: Path, text: str) -> None:
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}.") from error


def _told(draft: Draft, out: Path) -> str:
    steps = sum(len(scenario.steps) for scenario in draft.scenarios)
    lines = [
        f"{out} holds {plural(len(draft.scenarios), 'scenario')} with {plural(steps, 'step')}.",
        *(f"Left out: {reason}" for reason in dict.fromkeys(draft.left_out)),
        f"Fill it in, then look at one journey: loadrunner run {out} --debug",
    ]
    return "\n".join(lines) + "\n"
