"""Sends a run's segments to the portal while the run goes on, in a process of its own.

Hashing and sending in the runner's own process would make requests leave late. The process is as
unimportant to the system as can be, and ends with the runner, however that ends.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from loadrunner.errors import UploadError
from loadrunner.portal_client import Door, follow

_NICE = 19
_ENDS_WITHIN_S = 5.0


@contextmanager
def following(folder: Path, door: Door | None, labels: Mapping[str, str]) -> Iterator[None]:
    """While the block runs, its segments are on their way; what is not there at its end, or could
    not be sent, is left to the upload of the whole."""
    # What stands there already is of another run, and the runner will refuse the folder.
    if door is None or (folder.exists() and any(folder.iterdir())):
        yield
        return
    said = json.dumps([str(folder), door.portal, door.project, dict(labels)])
    process = subprocess.Popen(
        [sys.executable, "-m", "loadrunner.following", said],
        env={**os.environ, "HEADROOM_TOKEN": door.token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Ctrl-C in the terminal is for the runner, which then ends this one.
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def main() -> None:
    os.nice(_NICE)
    folder, portal, project, labels = json.loads(sys.argv[1])
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        follow(Path(folder), Door(portal, project, os.environ["HEADROOM_TOKEN"]), labels)
    except UploadError:
        # The upload of the whole meets the same refusal, and tells it.
        sys.exit(UploadError.exit_code)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


if __name__ == "__main__":
    main()
