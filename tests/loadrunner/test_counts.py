"""What the runner counts is what real servers wrote into their access logs, status by status."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from loadrunner.campaign.model import Scenario
from tests.loadrunner.campaigns import at_rate, campaign, step, with_users
from tests.loadrunner.processes import free_port, wait_until
from tests.loadrunner.test_engine import carried_out

pytestmark = pytest.mark.journey

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
CONFIGURATION = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format statuses "$status $request_uri $http_x_headroom_run";
  access_log {folder}/access.log statuses;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 50;
  server {{
    listen 127.0.0.1:{port};
    location /ok {{ return 200 "ok"; }}
    location /missing {{ return 404 "no"; }}
    location /broken {{ return 500 "no"; }}
    location /busy {{ return 429 "later"; }}
  }}
}}
"""
APPLICATION = """
STATUS = {"/ok": "200 OK", "/missing": "404 No", "/broken": "500 No", "/busy": "429 No"}

def application(environ, start_response):
    start_response(STATUS[environ["PATH_INFO"]], [("Content-Length", "2")])
    return [b"ok"]
"""


@contextmanager
def served(command: list[str], port: int, folder: Path) -> Iterator[None]:
    """A server in the foreground; ended by a signal that lets it write its log to the end."""
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(port))
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/ok", timeout=1).close()
    except (urllib.error.URLError, OSError):
        return False
    return True


def sent(url: str, folder: Path) -> pl.DataFrame:
    """Ten thousand requests: most at a rate, some by users, of every status. The time-out is long,
    since an answer that came too late would stand in the log and in no sample."""
    steps = tuple(step(f"/{name}", name) for name in ("ok", "missing", "broken", "busy"))
    open_flow = Scenario("open", steps, (at_rate(500, 4),))
    users = Scenario("users", steps, (with_users(8, 4, think_s=0.05),))
    return carried_out(campaign(url, open_flow, users, timeout_s=30.0), folder / "spool")


def _by_status(samples: pl.DataFrame) -> Counter[tuple[str, str]]:
    return Counter((f"/{row[1]}", str(row[0])) for row in samples.select("status", "step").rows())


@pytest.mark.skipif(
    not Path(NGINX).exists() and os.environ.get("CI") != "true",
    reason="nginx is not installed (Debian: nginx-light)",
)
def test_nginx_has_logged_what_the_runner_has_counted(tmp_path: Path) -> None:
    """A connection is closed after each 50 requests, just as the next may be on its way."""
    port = free_port()
    (tmp_path / "nginx.conf").write_text(CONFIGURATION.format(folder=tmp_path, port=port))
    command = [NGINX, "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")]
    with served(command, port, tmp_path):
        samples = sent(f"http://127.0.0.1:{port}", tmp_path)
    logged = [line.split() for line in (tmp_path / "access.log").read_text().splitlines()]
    ours = Counter((uri, status) for status, uri, run in logged if run != "-")
    assert samples.height >= 9_000
    assert ours == _by_status(samples)


def test_gunicorn_has_logged_what_the_runner_has_counted(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "application.py").write_text(APPLICATION)
    command = [sys.executable, "-m", "gunicorn", "application", "-b", f"127.0.0.1:{port}"]
    command += ["-k", "gthread", "--threads", "8", "--no-control-socket", "--keep-alive", "1"]
    log_format = "%(s)s %(U)s %({x-headroom-run}i)s"
    command += ["--access-logfile", "access.log", "--access-logformat", log_format]
    with served(command, port, tmp_path):
        samples = sent(f"http://127.0.0.1:{port}", tmp_path)
        time.sleep(0.5)  # the log is written after the answer
    logged = [line.split() for line in (tmp_path / "access.log").read_text().splitlines()]
    ours = Counter((uri, status) for status, uri, run in logged if run != "-")
    assert samples.height >= 9_000
    assert ours == _by_status(samples)
