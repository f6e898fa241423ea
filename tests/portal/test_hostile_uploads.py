"""What breaks on its way, and what was made to hurt: refused in words, and never half kept."""

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import zstandard

from tests.builders import manifest_of, sample, steady, write_lines, write_spool
from tests.portals import Portal, digest_of, send

pytestmark = pytest.mark.journey
FIRST, SECOND = "samples-00000.ndjson.zst", "samples-00001.ndjson.zst"


@pytest.fixture
def client(portal: Portal) -> Iterator[httpx.Client]:
    with portal.client() as client:
        yield client


def opened(client: httpx.Client, spool: Path) -> str:
    manifest = manifest_of(spool)
    client.post("projects/shop/runs", json=manifest).raise_for_status()
    return str(manifest["run_id"])


def put(client: httpx.Client, run_id: str, name: str, content: bytes, **headers: str) -> Any:
    given = {"Content-Digest": digest_of(content), **headers}
    return client.put(f"runs/{run_id}/files/{name}", content=content, headers=given)


def settled(client: httpx.Client, run_id: str) -> dict[str, Any]:
    verdict: dict[str, Any] = client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()
    return verdict


def relist(spool: Path, **changed: Any) -> None:
    """Bring the manifest's list of segments up to date with the files, then change it."""
    document = manifest_of(spool)
    for segment in document["segments"]:
        content = (spool / segment["name"]).read_bytes()
        segment["bytes"] = len(content)
        segment["sha256"] = hashlib.sha256(content).hexdigest()
        segment.update(changed)
    (spool / "manifest.json").write_text(json.dumps(document))


def begin(portal: Portal, run_id: str, content: bytes, framing: str, sent: int) -> socket.socket:
    """Send the head of a PUT and the first bytes of its body, over a socket of our own."""
    address = urlsplit(portal.address)
    connection = socket.create_connection((str(address.hostname), int(address.port or 0)))
    body = content[:sent]
    if framing.startswith("Transfer-Encoding"):
        body = f"{len(content):x}\r\n".encode() + body
    head = (
        f"PUT /api/v1/runs/{run_id}/files/{FIRST} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {portal.token}\r\nContent-Digest: {digest_of(content)}\r\n"
        f"{framing}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    return connection


def eventually_empty(folder: Path) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(folder.iterdir()):
        time.sleep(0.05)
    return not any(folder.iterdir())


@pytest.mark.parametrize("framing", ["Content-Length: 300000", "Transfer-Encoding: chunked"])
def test_an_upload_whose_client_dies_in_the_middle_leaves_nothing_and_goes_on_where_it_was(
    portal: Portal, client: httpx.Client, tmp_path: Path, framing: str
) -> None:
    spool = write_spool(tmp_path / "run", steady(100, 10), segments=2)
    run_id = opened(client, spool)
    put(client, run_id, SECOND, (spool / SECOND).read_bytes())

    dying = begin(portal, run_id, b"x" * 300_000, framing, sent=200_000)
    time.sleep(0.3)
    dying.close()

    assert eventually_empty(portal.data / "incoming")
    came = [file["name"] for file in client.get(f"runs/{run_id}/files").json()]
    assert came == [SECOND]
    assert send(client, spool) == run_id
    assert settled(client, run_id)["processing"] == "ready"
    assert client.get(f"runs/{run_id}").json()["samples"] == 1_000


def test_two_segments_that_were_swapped_are_refused_by_name(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run", steady(100, 10), segments=2)
    run_id = opened(client, spool)
    put(client, run_id, FIRST, (spool / SECOND).read_bytes())
    put(client, run_id, SECOND, (spool / FIRST).read_bytes())

    answer = client.post(f"runs/{run_id}/complete", json=manifest_of(spool))

    assert answer.status_code == 422
    assert [fault["at"] for fault in answer.json()["errors"]] == [FIRST, SECOND]


def test_a_manifest_that_promises_more_samples_than_came_is_taken_and_the_run_says_so(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run")
    relist(spool, samples=500)

    run_id = send(client, spool)

    assert settled(client, run_id)["processing"] == "ready"
    notes = client.get(f"runs/{run_id}").json()["reading_notes"]
    assert f"{FIRST} holds 100 samples; manifest.json says 500." in notes


def test_a_flipped_bit_is_found_by_the_digest_and_the_right_bytes_are_taken_after_it(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run")
    run_id = opened(client, spool)
    content = (spool / FIRST).read_bytes()
    flipped = bytes([*content[:50], content[50] ^ 4, *content[51:]])

    damaged = put(client, run_id, FIRST, flipped, **{"Content-Digest": digest_of(content)})

    assert (damaged.status_code, damaged.json()["code"]) == (422, "digest_mismatch")
    assert put(client, run_id, FIRST, content).status_code == 201


def test_a_bit_that_was_flipped_before_the_digest_was_taken_is_found_when_it_is_completed(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run")
    manifest = manifest_of(spool)
    content = (spool / FIRST).read_bytes()
    (spool / FIRST).write_bytes(bytes([*content[:50], content[50] ^ 4, *content[51:]]))
    run_id = opened(client, spool)
    put(client, run_id, FIRST, (spool / FIRST).read_bytes())

    answer = client.post(f"runs/{run_id}/complete", json=manifest)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == FIRST


def test_a_file_of_no_bytes_is_taken_and_the_run_says_so(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run")
    (spool / SECOND).write_bytes(b"")  # as a runner leaves it that was killed at once

    run_id = send(client, spool)

    assert settled(client, run_id)["processing"] == "ready"
    assert f"{SECOND} is empty." in client.get(f"runs/{run_id}").json()["reading_notes"]


def test_a_body_in_another_coding_is_refused(client: httpx.Client, tmp_path: Path) -> None:
    run_id = opened(client, write_spool(tmp_path / "run"))

    answer = put(client, run_id, FIRST, b"x", **{"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["code"]) == (422, "body_encoded")


def test_a_request_body_that_is_nested_ten_thousand_deep_is_refused(client: httpx.Client) -> None:
    deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000

    answers = [
        client.post("projects/shop/runs", content=deep),
        client.post("projects/shop/actions", content=deep),
        client.patch("projects/shop", content=deep),
    ]

    assert [answer.status_code for answer in answers] == [422, 400, 400]


def failing(tmp_path: Path, kind: str) -> Path:
    """A spool that arrives whole and cannot be read."""
    spool = write_spool(tmp_path / kind)
    if kind == "bomb":
        lines = zstandard.ZstdCompressor().compress(b"\n" * (200 << 20))
        (spool / FIRST).write_bytes(lines)
    elif kind == "steps":
        rows = [sample(at / 1e5, step=f"/orders/{at}") for at in range(50_000)]
        write_lines(spool / FIRST, rows)
    elif kind == "times":
        write_lines(spool / FIRST, [sample(0), sample(0, started_us=-(10**15))])
    elif kind == "text":
        write_lines(spool / FIRST, [sample(step="x" * 10_000_000)])
    relist(spool)
    return spool


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("bomb", "hold more than 100,000,000 bytes once inflated"),
        ("steps", "Name a step after its route"),
        ("times", "sample 2, key 'started_us': found -1000000000000000"),
        ("text", "names of at most 200 characters"),
    ],
)
def test_a_file_that_was_made_to_hurt_fails_its_run_with_the_reason(
    tight_portal: Portal, tmp_path: Path, kind: str, reason: str
) -> None:
    with tight_portal.client() as client:
        run_id = send(client, failing(tmp_path, kind))
        failed = settled(client, run_id)
        retried = client.post(f"runs/{run_id}/retry")
        sound = send(client, write_spool(tmp_path / "sound"))
        after = settled(client, sound)

    assert (failed["processing"], failed["stage"]) == ("failed", "reading")
    assert reason in failed["reason"]
    assert retried.status_code == 202
    assert after["processing"] == "ready"
    assert list((tight_portal.data / "runs" / run_id).glob("*.parquet")) == []


@pytest.fixture(scope="module")
def tight_portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One with low limits, so that a test need not send gigabytes."""
    from tests.portals import prepare

    portal = prepare(tmp_path_factory.mktemp("tight"), HEADROOM_MAX_INFLATED_BYTES="100000000")
    portal.start()
    yield portal
    portal.remove()


def test_the_limits_are_published(tight_portal: Portal) -> None:
    with tight_portal.client() as client:
        limits = client.get("limits").json()

    assert limits["inflated_bytes_per_run"] == 100_000_000
    assert limits["series_per_run"] == 2_000
