"""The flags that say which portal a run goes to, and the sending itself."""

import argparse
import os
import shlex
import sys
from pathlib import Path

import httpx

from loadrunner import exits
from loadrunner.errors import UploadError, UsageError
from loadrunner.labels import labels_of
from loadrunner.portal_client import Door, send_file, upload, verdict


def add_destination(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--portal", metavar="URL", help="upload to this portal")
    parser.add_argument("--project", metavar="SLUG", help="the project there")
    parser.add_argument("--wait", action="store_true", help="wait for the portal's verdict")


def door_of(arguments: argparse.Namespace) -> Door | None:
    """Where to upload, or None. Raises UsageError before anything is sent to anybody."""
    if not arguments.portal:
        if arguments.project or arguments.wait:
            raise UsageError("--project and --wait need --portal URL.")
        return None
    if not arguments.project:
        raise UsageError("--portal needs --project SLUG: the project that the run belongs to.")
    _check_address(arguments.portal)
    return Door(arguments.portal, arguments.project, _token())


def _check_address(portal: str) -> None:
    try:
        address = httpx.URL(portal)
    except httpx.InvalidURL as error:
        raise UsageError(f"--portal {portal}: this is no address ({error}).") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise UsageError(f"--portal {portal}: an address begins with http:// or https://.")


def _token() -> str:
    """From the environment; a line end that came along with it is not part of it."""
    token = os.environ.get("HEADROOM_TOKEN", "").strip()
    if not token:
        raise UsageError("--portal needs a token in the environment variable HEADROOM_TOKEN.")
    if not (token.isascii() and token.isprintable()):
        raise UsageError(
            "The environment variable HEADROOM_TOKEN holds no token: there are signs in it that"
            " none has."
        )
    return token


def send(source: Path, door: Door, arguments: argparse.Namespace, kind: str = "") -> int:
    """Upload and say where the run is; the exit code of the upload or of the portal's verdict.

    With a kind, the source is the result file of another tool.
    """
    try:
        labels = labels_of(arguments.labels)
        sent = send_file(source, kind, door, labels) if kind else upload(source, door, labels)
        _say(f"Uploaded: run {sent.run_id}\n{sent.url}")
        if not arguments.wait:
            return exits.DONE
        judged = verdict(door, sent.run_id)
    except UploadError as error:
        again = shlex.join(
            [
                "loadrunner",
                "upload",
                str(source),
                "--portal",
                door.portal,
                "--project",
                door.project,
            ]
        )
        print(
            f"loadrunner: {error}\nThe raw results are kept in {source}. Send them again with:\n"
            f"  {again}",
            file=sys.stderr,
        )
        return exits.UPLOAD_FAILED
    _tell(judged)
    return exits.of_verdict(str(judged.get("verdict")), arguments.on_inconclusive)


def _tell(judged: dict[str, object]) -> None:
    _say(f"Verdict of the portal: {judged.get('verdict')} (validity: {judged.get('validity')})")
    actions = judged.get("actions")
    for action in actions if isinstance(actions, list) else []:
        _say(f"{action.get('title')}: re-test {action.get('retest')}. {action.get('reason')}")


def _say(text: str) -> None:
    print(text)
