"""A fast server that others know: nginx with one worker, on a core of its own."""

import os
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import _machine
from benchmarks._process import BenchmarkError, serving
from tools.environment import VAR

PATH = "/v1/orders"
ONCE = "/v1/once"  # the same answer, and then nginx closes the connection
ANSWER = '{"id": "ord_7f3a9c21", "status": "accepted", "total": 1299, "currency": "EUR"}'
_FOLDER = VAR / "bench" / "nginx"
# Debian keeps servers where only root looks.
_SYSTEM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"

_CONFIGURATION = """
daemon off;
worker_processes {workers};
worker_rlimit_nofile 65536;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    client_body_temp_path {folder}/body;
    server {{
        listen 127.0.0.1:{port} backlog=4096 {flags};
        {certificate}
        location = {path} {{ default_type application/json; return 200 '{answer}'; }}
        location = {once} {{
            keepalive_timeout 0;
            default_type application/json;
            return 200 '{answer}';
        }}
        location / {{ return 200 'ok'; }}
    }}
    server {{
        listen 127.0.0.1:{plain_port};
        location = /status {{ stub_status; }}
    }}
}}
"""


@dataclass(frozen=True)
class Certificate:
    """PEM files."""

    file: Path
    key: Path

    def directives(self) -> str:
        resumable = "ssl_session_cache shared:all:10m; ssl_session_tickets on;"
        return f"ssl_certificate {self.file}; ssl_certificate_key {self.key}; {resumable}"


@dataclass(frozen=True)
class Nginx:
    """A running nginx; its counters are asked for in plain HTTP, whatever it serves."""

    base_url: str
    pid: int
    status_url: str

    @property
    def url(self) -> str:
        return self.base_url + PATH

    def requests(self) -> int:
        """How many it has answered since it started, this question included."""
        with urllib.request.urlopen(self.status_url, timeout=5) as answer:
            # Active connections, a heading, then: accepts, handled, requests.
            return int(answer.read().decode().splitlines()[2].split()[2])

    def cpu_s(self) -> float:
        return sum(map(_machine.cpu_s, _machine.children(self.pid)))


@contextmanager
def running(
    port: int,
    core: int | None = _machine.SERVER_CORE,
    workers: int = 1,
    certificate: Certificate | None = None,
) -> Iterator[Nginx]:
    """It takes the port and the next one. Raises BenchmarkError where there is no nginx or it does
    not come up."""
    if shutil.which("nginx", path=_SYSTEM_PATH) is None:
        raise BenchmarkError("nginx is not installed (Debian: apt install nginx-light)")
    (_FOLDER / "body").mkdir(parents=True, exist_ok=True)
    configuration = _FOLDER / "nginx.conf"
    configuration.write_text(_configuration(port, workers, certificate))
    command = [str(shutil.which("nginx", path=_SYSTEM_PATH)), "-e", str(_FOLDER / "error.log")]
    command += ["-p", str(_FOLDER), "-c", str(configuration)]
    log = _FOLDER / "output.log"
    with serving(_machine.pinned(core, command), port, log) as process:
        scheme = "https" if certificate else "http"
        status = f"http://127.0.0.1:{port + 1}/status"
        yield Nginx(f"{scheme}://127.0.0.1:{port}", process.pid, status)


def _configuration(port: int, workers: int, certificate: Certificate | None) -> str:
    flags = ["reuseport"] if workers > 1 else []
    return _CONFIGURATION.format(
        workers=workers,
        folder=_FOLDER,
        port=port,
        plain_port=port + 1,
        flags=" ".join([*flags, *(["ssl"] if certificate else [])]),
        certificate=certificate.directives() if certificate else "",
        path=PATH,
        once=ONCE,
        answer=ANSWER,
    )
