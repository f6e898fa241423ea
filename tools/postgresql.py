"""A PostgreSQL cluster for the time of a test run: nothing of it is left behind.

It listens on a socket in a folder that its owner alone can enter, so that it needs neither a port
nor a password. As root it runs as Debian's user `postgres`, because the server refuses root.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError

_DEBIAN = Path("/usr/lib/postgresql")
_DATABASE = "headroom"
# Fast and not safe: a power cut may eat it, which a test's database survives.
_OPTIONS = (
    "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c synchronous_commit=off "
    "-c max_connections=200"
)


def binaries() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, of the newest version; None where there is none."""
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl", path=str(Path(found).resolve().parent)):
        return Path(found).resolve().parent
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=_version)
    return versions[-1].parent if versions else None


def _version(initdb: Path) -> float:
    return float(initdb.parent.parent.name)


@contextmanager
def cluster() -> Iterator[str]:
    """Yields the DATABASE_URL of an empty database. Raises ToolError where it cannot be had."""
    bin_folder = binaries()
    if bin_folder is None:
        raise ToolError("PostgreSQL is not installed here (Debian: apt install postgresql).")
    folder = Path(tempfile.mkdtemp(prefix="headroom-postgresql-"))
    try:
        server = _Cluster(bin_folder, folder)
        server.start()
        try:
            yield f"postgresql://{_DATABASE}@/{_DATABASE}?host={folder}"
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class _Cluster:
    bin_folder: Path
    folder: Path

    def start(self) -> None:
        if owner := _owner():
            shutil.chown(self.folder, owner, owner)
        log, data = str(self.folder / "log"), self._data
        locale = ["--locale=C", "--encoding=UTF8"]
        self._call("initdb", "-D", data, "-U", _DATABASE, "-A", "trust", "--no-sync", *locale)
        options = f"{_OPTIONS} -c unix_socket_directories={self.folder}"
        self._call("pg_ctl", "-D", data, "-w", "-l", log, "-o", options, "start")
        self._call("createdb", "-h", str(self.folder), "-U", _DATABASE, _DATABASE)

    def stop(self) -> None:
        self._call("pg_ctl", "-D", self._data, "-w", "-m", "immediate", "stop")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _call(self, program: str, *words: str) -> None:
        """The output goes to a file: a server that inherits a pipe would keep it open."""
        output = self.folder / "output"
        with output.open("wb") as file:
            done = subprocess.run(
                [str(self.bin_folder / program), *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                check=False,
                user=_owner(),
                group=_owner(),
            )
        if done.returncode:
            told = output.read_text(errors="replace").strip().splitlines()[-1:]
            raise ToolError(f"PostgreSQL's {program} failed: {' '.join(told)}")


def _owner() -> str | None:
    """Debian's user and group of this name where we are root, else ourselves."""
    return "postgres" if os.geteuid() == 0 else None
