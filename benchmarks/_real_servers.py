"""Real servers whose capacity is known: gunicorn, nginx with a limit, a PostgreSQL pool."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks._process import BenchmarkError, serving
from tools import postgresql
from tools.environment import ROOT, VAR

_FOLDER: Final = VAR / "bench" / "real"
_SYSTEM_PATH: Final = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
_NGINX: Final = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    limit_req_zone $server_port zone=all:1m rate={rate}r/s;
    limit_req_status 429;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ limit_req zone=all burst={burst} nodelay; try_files $uri @ok; }}
        location @ok {{ return 200 'ok'; }}
    }}
}}
"""


@dataclass(frozen=True)
class Real:
    """A running server: its nominal capacity in requests/s, and whether it is exact (a limit) or
    has the server's own cost on top of it, so that a saturating peer must say the truth."""

    name: str
    base_url: str
    nominal: float
    is_exact: bool
    cause: str


@contextmanager
def gunicorn(port: int, workers: int = 4, service_ms: float = 40.0) -> Iterator[Real]:
    """Sync workers, each of which takes one request at a time; the rest waits in the backlog."""
    flags = ["-k", "sync", "-w", str(workers), "benchmarks._slow_apps:sleeping"]
    with _gunicorn(port, flags, {"SERVICE_MS": f"{service_ms:g}"}):
        nominal = workers / service_ms * 1000
        name = f"gunicorn, {workers} sync workers of {service_ms:g} ms"
        yield Real(name, f"http://127.0.0.1:{port}", nominal, False, "queue")


@contextmanager
def database(port: int, size: int = 5, service_ms: float = 50.0) -> Iterator[Real]:
    """Many threads before a pool of so many connections to PostgreSQL."""
    if postgresql.binaries() is None:
        raise BenchmarkError("PostgreSQL is not installed (Debian: apt install postgresql)")
    flags = ["-k", "gthread", "-w", "1", "--threads", "400", "benchmarks._slow_apps:pooled"]
    with postgresql.cluster() as url:
        more = {"SERVICE_MS": f"{service_ms:g}", "POOL": str(size), "DATABASE_URL": url}
        with _gunicorn(port, flags, more):
            name = f"PostgreSQL, a pool of {size} and {service_ms:g} ms a statement"
            nominal = size / service_ms * 1000
            yield Real(name, f"http://127.0.0.1:{port}", nominal, False, "queue")


@contextmanager
def nginx(port: int, rate: int = 50, burst: int = 10) -> Iterator[Real]:
    """`limit_req` for all clients together, with a burst that is let through at once."""
    program = shutil.which("nginx", path=_SYSTEM_PATH)
    if program is None:
        raise BenchmarkError("nginx is not installed (Debian: apt install nginx-light)")
    folder = _folder(f"nginx-{port}")
    (folder / "body").mkdir(exist_ok=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder=folder, port=port, rate=rate, burst=burst))
    command = [program, "-e", str(folder / "error.log"), "-p", str(folder)]
    with serving([*command, "-c", str(configuration)], port, folder / "output.log"):
        name = f"nginx, limit_req {rate}r/s"
        yield Real(name, f"http://127.0.0.1:{port}", float(rate), True, "rate_limit")


@contextmanager
def _gunicorn(port: int, flags: list[str], more: Mapping[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "--backlog", "4096"]
    settings = [f"{name}={value}" for name, value in more.items()]
    log = _folder(f"gunicorn-{port}") / "output.log"
    line = ["env", *settings, *command, "--timeout", "600", *flags]
    with serving(line, port, log, cwd=ROOT):
        yield


def _folder(name: str) -> Path:
    folder = _FOLDER / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder
