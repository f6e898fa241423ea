"""What the transport has to do beside plain answers: encodings, TLS, IPv6, idle connections."""

import asyncio
import gzip
import socketserver
import ssl
import subprocess
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import brotli
import pytest
import zstandard

from loadrunner.campaign.model import Scenario
from loadrunner.engine import content
from loadrunner.engine.content import ContentError, plain
from loadrunner.errors import UnreachableError
from loadrunner.session import greet
from tests.loadrunner.campaigns import at_rate, campaign, step, with_users
from tests.loadrunner.fault_server import OK, FaultServer, sends
from tests.loadrunner.test_engine import carried_out

BODY = b'{"id": "a long enough text to be worth packing"}'


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (None, BODY),
        (b"identity", BODY),
        (b"gzip", gzip.compress(BODY)),
        (b"deflate", zlib.compress(BODY)),
        (b"br", brotli.compress(BODY)),
        (b"zstd", zstandard.ZstdCompressor().compress(BODY)),
        (b"gzip, br", brotli.compress(gzip.compress(BODY))),
    ],
)
def test_an_encoded_body_is_made_plain(encoding: bytes | None, body: bytes) -> None:
    assert plain(body, encoding) == BODY


@pytest.mark.parametrize("encoding", [b"gzip", b"br", b"zstd", b"compress"])
def test_a_body_that_is_not_what_it_says_is_an_error(encoding: bytes) -> None:
    with pytest.raises(ContentError, match=encoding.decode()):
        plain(b"not packed at all", encoding)


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
def test_a_bomb_is_inflated_up_to_the_most_that_is_kept(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_KEPT_BODY", 1 << 20)
    packed = {
        "gzip": gzip.compress(bytes(40 << 20), 1),
        "br": brotli.compress(bytes(40 << 20), quality=3),
        "zstd": zstandard.ZstdCompressor().compress(bytes(40 << 20)),
    }[encoding]

    assert plain(packed, encoding.encode()) == bytes(1 << 20)


def test_a_brotli_body_that_is_cut_is_an_error() -> None:
    with pytest.raises(ContentError, match="the body is not br: it is cut"):
        plain(brotli.compress(BODY)[:-4], b"br")


def test_a_value_is_extracted_from_a_packed_answer(tmp_path: Path) -> None:
    packed = gzip.compress(BODY)
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    with FaultServer({"/": sends(head + packed)}) as server:
        scenario = Scenario("flow", (step("/", extract={"id": "$.id"}),), (at_rate(2, 0.5),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["outcome"].to_list() == ["ok"]


class Certificate:
    """A certificate for localhost that nobody has signed but itself."""

    def __init__(self, folder: Path) -> None:
        self.key, self.file = folder / "key.pem", folder / "cert.pem"
        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        subject = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        files = ["-keyout", str(self.key), "-out", str(self.file)]
        subprocess.run([*command.split(), *subject, *files], check=True, capture_output=True)

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize(
    ("trust", "outcome"),
    [("ca", "ok"), ("none", "connection_error"), ("any", "ok")],
)
def test_a_certificate_is_verified_unless_the_campaign_says_otherwise(
    certificate: Certificate, tmp_path: Path, trust: str, outcome: str
) -> None:
    with FaultServer({"/": sends(OK)}, tls=certificate.server_context()) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(10, 0.5),))
        plan = campaign(server.url, scenario)
        target = replace(
            plan.target,
            verify_tls=trust != "any",
            ca_file=certificate.file if trust == "ca" else None,
        )
        samples = carried_out(replace(plan, target=target), tmp_path / "spool")
    assert set(samples["outcome"]) == {outcome}
    if outcome != "ok":
        assert "certificate" in samples["error"][0].lower()


def test_the_pre_flight_says_what_is_wrong_with_a_certificate(certificate: Certificate) -> None:
    with FaultServer({"/": sends(OK)}, tls=certificate.server_context()) as server:
        plan = campaign(server.url, Scenario("flow", (step("/"),), (at_rate(1, 1),)))
        with pytest.raises(UnreachableError) as caught:
            greet(plan, "127.0.0.1")
    assert "its certificate is not trusted (self-signed certificate)" in str(caught.value)
    assert "target.tls.ca" in str(caught.value)


class Plain(socketserver.BaseRequestHandler):
    """Answers whatever comes, a TLS handshake too, as HTTP servers do."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")


def test_the_pre_flight_says_that_a_port_does_not_speak_https() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Plain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"https://127.0.0.1:{server.server_address[1]}"
        plan = campaign(url, Scenario("flow", (step("/"),), (at_rate(1, 1),)))
        with pytest.raises(UnreachableError, match="but TLS fails"):
            greet(plan, "127.0.0.1")
        server.shutdown()


def test_a_second_connection_resumes_the_session_of_the_first(
    certificate: Certificate, tmp_path: Path
) -> None:
    """Each answer closes its connection, so that every request makes a new one."""
    context = certificate.server_context()
    closing = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"
    with FaultServer({"/": sends(closing)}, tls=context) as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(10, 0.5),))
        plan = campaign(server.url, scenario)
        target = replace(plan.target, ca_file=certificate.file)
        samples = carried_out(replace(plan, target=target), tmp_path / "spool")
        assert set(samples["outcome"]) == {"ok"}
        assert server.connections == 5
        assert context.session_stats()["hits"] >= 3


def test_connections_that_open_all_at_once_do_not_wait_for_a_session(
    certificate: Certificate, tmp_path: Path
) -> None:
    """Each finds others in the middle of their handshake, whose session cannot be read yet."""
    with FaultServer({"/": sends(OK)}, tls=certificate.server_context()) as server:
        scenario = Scenario("flow", (step("/"),), (with_users(20, 0.5),))
        plan = campaign(server.url, scenario, timeout_s=10.0)
        target = replace(plan.target, ca_file=certificate.file)
        samples = carried_out(replace(plan, target=target), tmp_path / "spool")
        assert server.connections == 20
    assert set(samples["outcome"]) == {"ok"}


def test_a_target_on_ipv6_is_reached(tmp_path: Path) -> None:
    with FaultServer({"/": sends(OK)}, host="::1") as server:
        scenario = Scenario("flow", (step("/"),), (at_rate(4, 0.5),))
        plan = campaign(server.url, scenario)
        samples = carried_out(plan, tmp_path / "spool", addresses=("::1",))
    assert samples["outcome"].to_list() == ["ok", "ok"]
    assert b"host: [::1]:" in server.requests[0]


def test_a_connection_that_was_closed_while_idle_is_not_used_again(tmp_path: Path) -> None:
    """The server answers, then hangs up while nobody asks anything."""

    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.05)
        return False

    with FaultServer({"/": reply}) as server:
        scenario = Scenario("flow", (step("/", method="POST"),), (at_rate(5, 1),))
        samples = carried_out(campaign(server.url, scenario), tmp_path / "spool")
    assert samples["outcome"].to_list() == ["ok"] * 5
    assert samples["reused"].to_list() == [False] * 5
    assert len(server.requests) == 5
