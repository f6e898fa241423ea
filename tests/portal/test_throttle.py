"""Calls beyond the limit of a token are told when to come again, and our own uploader does."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ingest import tokens
from ingest.throttle import Throttle
from loadrunner import portal_client
from loadrunner.portal_client import Door
from tests.api_client import Api
from tests.builders import write_spool


def test_a_burst_of_a_minutes_calls_is_let_in_and_then_one_each_second() -> None:
    throttle = Throttle(per_minute=60)

    assert [throttle.wait_s(1, 0.0) for _ in range(60)] == [0.0] * 60
    assert throttle.wait_s(1, 0.25) == pytest.approx(0.75)
    assert throttle.wait_s(2, 0.25) == 0.0  # another token has its own
    assert [throttle.wait_s(1, float(second)) for second in range(1, 300)] == [0.0] * 299
    assert throttle.wait_s(1, 299.0) > 0
    assert [throttle.wait_s(1, 1000.0) for _ in range(61)] == [0.0] * 60 + [1.0]


@pytest.mark.django_db
def test_what_is_beyond_the_limit_is_429_in_the_shape_of_every_error(settings: Any) -> None:
    settings.HEADROOM_CALLS_PER_MINUTE = 2
    busy, other = (Api(tokens.create(name, ["read"])[0]) for name in ("busy", "other"))
    assert busy.get("limits").json()["calls_per_minute"] == 2
    assert busy.get("runs").status_code == 200

    answer = busy.get("runs")

    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert answer.json()["code"] == "too_many_calls"
    assert answer.json()["errors"] == []
    assert "2 a minute" in answer.json()["detail"]
    assert other.get("runs").status_code == 200


@pytest.mark.django_db
def test_a_limit_of_0_is_none(settings: Any) -> None:
    settings.HEADROOM_CALLS_PER_MINUTE = 0
    api = Api(tokens.create("busy", ["read"])[0])

    assert api.get("limits").json()["calls_per_minute"] is None
    assert {api.get("runs").status_code for _ in range(20)} == {200}


@pytest.fixture
def busy_portal() -> Iterator[tuple[str, list[str]]]:
    """Answers the first call with 429 and the others as a portal does; the calls that came."""
    came: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(f"{self.command} {self.path}")
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            is_first = len(came) == 1
            self.send_response(429 if is_first else 200)
            if is_first:
                self.send_header("Retry-After", "7")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def do_GET(self) -> None:
            self.do_POST()

        def do_PUT(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


def test_the_uploader_waits_as_long_as_it_is_told_and_sends_again(
    busy_portal: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, came = busy_portal
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)

    portal_client.upload(write_spool(tmp_path / "spool"), Door(address, "shop", "hr_x"), {})

    assert waits == [7.0]
    assert came[:2] == ["POST /api/v1/projects/shop/runs"] * 2
    assert came[-1].endswith("/complete")
