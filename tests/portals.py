"""A real portal for tests: gunicorn with a data folder of its own, and how to send to it."""

import base64
import hashlib
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg

ROOT = Path(__file__).resolve().parent.parent
PORTS = range(18800, 18850)


@dataclass
class Portal:
    """A real portal: gunicorn, a data folder of its own, an administrator's token."""

    address: str
    data: Path
    environ: dict[str, str]
    token: str = ""
    user: str = "admin"
    password: str = "correct-horse-battery"
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(default_factory=Path)

    def client(self, token: str | None = None) -> httpx.Client:
        """Requests go to /api/v1/…, with the administrator's token unless another is given."""
        return httpx.Client(
            base_url=f"{self.address}/api/v1/",
            headers={"Authorization": f"Bearer {token or self.token}"},
            timeout=60,
        )

    def manage(self, *words: str) -> str:
        """What `manage.py WORDS` prints, on this portal's data."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"manage.py {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def start(self) -> None:
        """Start gunicorn and wait until it is well."""
        port = self.address.rsplit(":", 1)[1]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", "portal.wsgi:application"),
                    *("-k", "gthread", "--workers", "1", "--threads", "16"),
                    *("-b", f"127.0.0.1:{port}", "--graceful-timeout", "5", "--no-control-socket"),
                ],
                env=self.environ,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_until_well(self)

    def kill(self) -> None:
        """SIGKILL for gunicorn and its worker process: nothing can be tidied up."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def remove(self) -> None:
        """Stop it, and drop a database that was made for it."""
        self.stop()
        url = self.environ.get("DATABASE_URL", "")
        if url.startswith("postgres"):
            name = urlsplit(url).path.lstrip("/")
            with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        os.killpg(self.process.pid, how)
        self.process.wait(timeout=30)
        self.process = None


def _wait_until_well(portal: Portal) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert portal.process is not None
        assert portal.process.poll() is None, portal.log.read_text(encoding="utf-8")
        try:
            if httpx.get(f"{portal.address}/healthz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"The portal is not well: {portal.log.read_text(encoding='utf-8')}")


def _free_port() -> int:
    # At random, since another test session may be about to start a portal that it has stopped.
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"Every port from {PORTS.start} to {PORTS.stop - 1} is taken.")


def _own_database() -> dict[str, str]:
    """Where the tests run on PostgreSQL: a database that only this portal uses."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        return {}
    name = f"headroom_portal_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return {"DATABASE_URL": urlsplit(url)._replace(path=f"/{name}").geturl()}


def prepare(data: Path, **settings: str) -> Portal:
    """A portal that is migrated and has its administrator, not started yet."""
    inherited = {key: one for key, one in os.environ.items() if not key.startswith("HEADROOM_")}
    environ = {**inherited, "HEADROOM_DATA": str(data), **_own_database(), **settings}
    portal = Portal(f"http://127.0.0.1:{_free_port()}", data, environ, log=data / "portal.log")
    portal.manage("migrate", "-v0")
    portal.manage(
        "ensure_user", "--username", portal.user, "--password", portal.password, "--staff"
    )
    portal.token = portal.manage("token", "create", "--name", "tests", "--scope", "admin")
    return portal


def digest_of(content: bytes) -> str:
    """The value of a Content-Digest header."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


def send(client: httpx.Client, spool: Path, project: str = "shop", *, complete: bool = True) -> str:
    """Upload a spool as the runner does; the run's id."""
    manifest = (spool / "manifest.json").read_bytes()
    opened = client.post(f"projects/{project}/runs", content=manifest)
    assert opened.status_code in (200, 201), opened.text
    run_id: str = json.loads(manifest)["run_id"]
    for path in sorted(spool.glob("*.zst")):
        content = path.read_bytes()
        put = client.put(
            f"runs/{run_id}/files/{path.name}",
            content=content,
            headers={"Content-Digest": digest_of(content)},
        )
        assert put.status_code in (200, 201), put.text
    if complete:
        done = client.post(f"runs/{run_id}/complete", content=manifest)
        assert done.status_code == 202, done.text
    return run_id
