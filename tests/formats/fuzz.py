"""A fuzzer on the parsers that are written by hand, led by which of their lines are reached.

    python -m tests.formats.fuzz gatling --seconds 120

Beside the tests, and only for who changes a parser: it takes atheris from the package index into
the environment when it is first run. It begins with the examples of the kind. Whatever ends in
anything but a FormatError is a fault: libFuzzer prints the traceback and keeps the input in
var/fuzz.
"""

import argparse
import contextlib
import importlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "var" / "fuzz"
ATHERIS: Final = "atheris==3.0.0"
KINDS: Final = ("gatling", "jmeter", "k6", "locust", "vegeta", "artillery", "hey", "ab", "wrk",
                "autocannon", "oha", "hyperfoil", "taurus", "goose", "auto")  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--seconds", type=int, default=120)
    options = parser.parse_args(arguments)
    atheris = _atheris()
    with atheris.instrument_imports(include=["runs.formats"]):
        detection = importlib.import_module("runs.formats.detection")
    corpus = _corpus(options.kind)
    limits = [f"-max_total_time={options.seconds}", "-max_len=4096", "-timeout=20"]
    artifacts = f"-artifact_prefix={FOLDER}/"
    atheris.Setup([sys.argv[0], *limits, artifacts, str(corpus)], _reading(detection, options.kind))
    atheris.Fuzz()


def _atheris() -> Any:
    """The fuzzer, installed where it lacks."""
    target = Path(sys.prefix) / "fuzz"
    sys.path.append(str(target))
    if not target.exists():
        # An environment that uv made has no pip of its own.
        uv, python = shutil.which("uv"), str(Path(sys.base_prefix) / "bin" / "python3")
        pip = [uv, "pip"] if uv else [python, "-m", "pip"]
        subprocess.run([*pip, "install", "--quiet", "--target", str(target), ATHERIS], check=True)
    return importlib.import_module("atheris")


def _corpus(kind: str) -> Path:
    """The examples of a kind as files to begin with; what the fuzzer learns is added to them."""
    from tests.formats.examples import FILES, tool_of

    folder = FOLDER / f"corpus-{kind}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        if kind in ("auto", tool_of(name)):
            (folder / name.replace(" ", "-")).write_bytes(content[:4096])
    return folder


def _reading(detection: Any, kind: str) -> Any:
    from runs.formats.errors import FormatError

    file = NamedTemporaryFile(dir=FOLDER, prefix="input-")  # noqa: SIM115 - for as long as it runs

    def read(data: bytes) -> None:
        file.seek(0)
        file.truncate()
        file.write(data)
        file.flush()
        with contextlib.suppress(FormatError):
            detection.read(Path(file.name), kind)

    return read


if __name__ == "__main__":
    main(sys.argv[1:])
