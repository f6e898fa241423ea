"""`loadrunner run` as a user types it, on a campaign file of our own, and the spool it left."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks import _machine
from benchmarks._process import output_of
from runs.formats import spool
from tools.environment import BIN, ROOT, VAR

_FOLDER = VAR / "bench" / "spools"
# A verdict is no failure of the command: invalid and inconclusive runs are measured all the same.
_ENDED_IN_ORDER = (0, 3, 4, 8)
_REPORT_WITHIN_S = 120.0

TOKEN = "s3cr3t-0123456789abcdefghijklmnop"
NOTE = "Please leave the parcel with the neighbours. " * 5 + "Thank you, and a good day."


@dataclass(frozen=True)
class Work:
    """One scenario of one step, and its load as the campaign file writes it; `target` is what
    more is said of the target (`, tls: …`)."""

    base_url: str
    load: str
    request: str
    more: str = ""
    target: str = ""

    def text(self) -> str:
        return _CAMPAIGN.format(
            base_url=self.base_url,
            token=TOKEN,
            request=self.request,
            more=self.more,
            target=self.target,
            load=self.load,
        )


_CAMPAIGN = """\
campaign: benchmark
version: 1
target: {{base_url: "{base_url}", allow: [127.0.0.1]{target}}}
identities:
  client: {{bearer: "{token}"}}
scenarios:
  orders:
    identity: client
    steps:
      - name: create
        request: {request}
        expect: [200]
        {more}
    load:
      - {load}
"""


def post(path: str) -> str:
    """A POST of about 300 bytes whose body names its own journey."""
    return f'{{method: POST, path: {path}, json: {{order: "order-${{journey}}", note: "{NOTE}"}}}}'


def get(path: str) -> str:
    return f"{{method: GET, path: {path}}}"


def closed(users: int, seconds: float) -> str:
    return f"{{phase: plateau, duration: {seconds:g}s, users: {users}}}"


def at_rate(rate: float, seconds: float) -> str:
    return f"{{phase: plateau, duration: {seconds:g}s, rate: {rate:g}}}"


@dataclass(frozen=True)
class Run:
    """A finished run. `samples` has the columns of runs.formats.samples."""

    folder: Path
    samples: pl.DataFrame
    health: pl.DataFrame

    def answered_within(self, seconds: float) -> int:
        """Expected answers that came before the phase's end."""
        ended = pl.col("ended_us") < round(seconds * 1e6)
        return self.samples.filter(ended & (pl.col("outcome") == "ok")).height


def command(
    work: Work, name: str, core: int | None, flags: Sequence[str] = ()
) -> tuple[list[str], Path]:
    """The command line, and the spool folder that it will make."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    folder, file = _FOLDER / name, _FOLDER / f"{name}.yaml"
    shutil.rmtree(folder, ignore_errors=True)
    file.write_text(work.text())
    line = [str(BIN / "loadrunner"), "run", str(file), "--out", str(folder), "--quiet", *flags]
    return _machine.pinned(core, line), folder


def run(
    work: Work,
    name: str,
    seconds: float,
    core: int | None = _machine.GENERATOR_CORE,
    flags: Sequence[str] = (),
) -> Run:
    """Carry the work out; workers and coordinator alike are held to the core."""
    line, folder = command(work, name, core, flags)
    output_of(line, seconds + _REPORT_WITHIN_S, cwd=ROOT, accepted=_ENDED_IN_ORDER)
    return read(folder)


def read(folder: Path) -> Run:
    """What stands in a spool; the folder is taken away, since rounds are many."""
    found = spool.read(folder)
    shutil.rmtree(folder)
    return Run(folder, found.samples, found.health)
