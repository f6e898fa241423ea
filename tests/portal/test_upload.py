"""The upload, against a real server: what is taken, what is refused, and that twice is once."""

import hashlib
import json
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.builders import manifest_of, sample, steady, write_spool
from tests.portals import Portal, digest_of, send

pytestmark = pytest.mark.journey


@pytest.fixture
def client(portal: Portal) -> Iterator[httpx.Client]:
    with portal.client() as client:
        yield client


def open_run(client: httpx.Client, spool: Path, project: str = "shop") -> str:
    manifest = manifest_of(spool)
    client.post(f"projects/{project}/runs", json=manifest).raise_for_status()
    return str(manifest["run_id"])


def put(client: httpx.Client, run_id: str, name: str, content: bytes, **headers: str) -> Any:
    given = {"Content-Digest": digest_of(content), **headers}
    return client.put(f"runs/{run_id}/files/{name}", content=content, headers=given)


def error_of(answer: httpx.Response) -> dict[str, Any]:
    """The body of an error, which has one shape everywhere."""
    body: dict[str, Any] = answer.json()
    assert set(body) == {"code", "detail", "errors"}
    assert all(set(one) == {"at", "message"} for one in body["errors"])
    return body


def test_a_run_that_is_sent_becomes_ready_with_its_verdict(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run", criteria=["p95(billing/usage) < 400ms"], segments=3)

    run_id = send(client, spool)

    verdict = client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()
    assert (verdict["processing"], verdict["verdict"]) == ("ready", "pass")
    assert verdict["criteria"][0]["measured"] == 20.0
    assert verdict["url"].endswith(f"/runs/{run_id}/")
    run = client.get(f"runs/{run_id}").json()
    assert (run["samples"], run["campaign"], run["branch"]) == (100, "critical-flows", "main")
    report = client.get(f"runs/{run_id}/report").json()
    assert report["format"] == "headroom-report/1"
    assert report["run"]["id"] == run_id
    timeseries = client.get(f"runs/{run_id}/timeseries").json()
    assert sum(timeseries["total"]["due"]) == 100


def test_sending_the_same_run_twice_is_harmless(client: httpx.Client, tmp_path: Path) -> None:
    spool = write_spool(tmp_path / "run", segments=2)
    run_id = send(client, spool)
    client.get(f"runs/{run_id}/verdict", params={"wait": 60})

    assert send(client, spool) == run_id

    assert client.get(f"runs/{run_id}").json()["processing"] == "ready"
    assert len(client.get(f"runs/{run_id}/files").json()) == 3  # manifest and two segments


def test_four_that_send_the_same_run_at_once_make_one_run(portal: Portal, tmp_path: Path) -> None:
    spool = write_spool(tmp_path / "run", segments=6)

    def once(_: int) -> str:
        with portal.client() as client:
            return send(client, spool, "race")

    with ThreadPoolExecutor(4) as pool:
        run_ids = set(pool.map(once, range(4)))

    with portal.client() as client:
        verdict = client.get(f"runs/{run_ids.pop()}/verdict", params={"wait": 60}).json()
        listed = client.get("runs", params={"project": "race"}).json()
    assert not run_ids
    assert verdict["processing"] == "ready"
    assert (listed["count"], listed["items"][0]["samples"]) == (1, 100)


def test_opening_says_whether_the_run_is_new(client: httpx.Client, tmp_path: Path) -> None:
    manifest = manifest_of(write_spool(tmp_path / "run"))

    first = client.post("projects/shop/runs", json=manifest)
    second = client.post("projects/shop/runs", json=manifest)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["processing"] == "receiving"


def test_a_run_belongs_to_one_project(client: httpx.Client, tmp_path: Path) -> None:
    spool = write_spool(tmp_path / "run")
    open_run(client, spool, "shop")

    answer = client.post("projects/elsewhere/runs", json=manifest_of(spool))

    assert answer.status_code == 409
    assert error_of(answer)["code"] == "run_elsewhere"
    assert client.get("projects/elsewhere").status_code == 404


def test_a_file_comes_back_byte_for_byte(client: httpx.Client, tmp_path: Path) -> None:
    spool = write_spool(tmp_path / "run")
    run_id = send(client, spool)
    segment = (spool / "samples-00000.ndjson.zst").read_bytes()

    answer = client.get(f"runs/{run_id}/files/samples-00000.ndjson.zst")

    assert answer.content == segment
    assert answer.headers["ETag"] == f'"{hashlib.sha256(segment).hexdigest()}"'
    manifest = client.get(f"runs/{run_id}/files/manifest.json")
    assert manifest.content == (spool / "manifest.json").read_bytes()


def test_the_same_bytes_again_are_200_and_other_bytes_409(
    client: httpx.Client, tmp_path: Path
) -> None:
    run_id = open_run(client, write_spool(tmp_path / "run"))
    name = "samples-00000.ndjson.zst"

    statuses = [put(client, run_id, name, content).status_code for content in (b"a", b"a", b"b")]

    assert statuses == [201, 200, 409]
    assert client.get(f"runs/{run_id}/files/{name}").content == b"a"


def test_a_body_without_a_length_may_come_in_chunks(client: httpx.Client, tmp_path: Path) -> None:
    run_id = open_run(client, write_spool(tmp_path / "run"))
    content = b"chunk" * 100_000
    pieces = (content[at : at + 70_000] for at in range(0, len(content), 70_000))

    answer = client.put(
        f"runs/{run_id}/files/samples-00000.ndjson.zst",
        content=pieces,
        headers={"Content-Digest": digest_of(content)},
    )

    assert answer.status_code == 201
    assert answer.json()["bytes"] == len(content)


@pytest.mark.parametrize(
    ("name", "headers", "status", "code"),
    [
        (
            "samples-00000.ndjson.zst",
            {"Content-Digest": digest_of(b"other")},
            422,
            "digest_mismatch",
        ),
        ("samples-00000.ndjson.zst", {"Content-Digest": "md5=:abc:"}, 422, "digest_unreadable"),
        ("samples-00000.ndjson.zst", {"Content-Digest": "sha-256=:a:"}, 422, "digest_unreadable"),
        ("samples.csv", {}, 422, "file_name"),
        ("..%2F..%2Fsecret-key", {}, 404, "not_found"),
        ("samples-00000.ndjson.zst%00", {}, 400, "bad_request"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_and_nothing_is_kept(
    client: httpx.Client,
    portal: Portal,
    tmp_path: Path,
    name: str,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    run_id = open_run(client, write_spool(tmp_path / "run"))

    answer = put(client, run_id, name, b"content", **headers)

    assert answer.status_code == status
    assert error_of(answer)["code"] == code
    assert client.get(f"runs/{run_id}/files").json() == []
    assert list((portal.data / "incoming").glob("*.part")) == []


@pytest.mark.parametrize(
    "line", ["Content-Length: many", "Content-Length: -1", "Content-Length: 1\r\nContent-Length: 2"]
)
def test_a_request_that_is_no_http_is_400_in_the_same_shape(portal: Portal, line: str) -> None:
    head, body = exchanged(portal, f"POST /api/v1/limits HTTP/1.1\r\nHost: x\r\n{line}\r\n\r\n")

    assert head.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "Content-Type: application/json" in head
    assert json.loads(body)["code"] == "bad_request"
    assert set(json.loads(body)) == {"code", "detail", "errors"}


def test_a_body_of_chunks_that_are_none_is_refused_and_nothing_is_kept(
    portal: Portal, tmp_path: Path
) -> None:
    with portal.client() as client:
        run_id = open_run(client, write_spool(tmp_path / "run"))
        answer, body = exchanged(
            portal,
            f"PUT /api/v1/runs/{run_id}/files/probes.ndjson.zst HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {portal.token}\r\nContent-Digest: {digest_of(b'hello')}\r\n"
            "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\nhello\r\n0\r\n\r\n",
        )

        assert answer.startswith("HTTP/1.1 422 ")
        assert '"code": "body_unreadable"' in body
        assert client.get(f"runs/{run_id}/files").json() == []


def exchanged(portal: Portal, request: str) -> tuple[str, str]:
    """Head and body of the answer to what no HTTP client would send."""
    address = urlsplit(portal.address)
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        connection.settimeout(30)
        connection.sendall(request.encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    head, _, body = answer.decode().partition("\r\n\r\n")
    return head, body


def test_a_body_that_says_no_length_is_411(portal: Portal, tmp_path: Path) -> None:
    with portal.client() as client:
        run_id = open_run(client, write_spool(tmp_path / "run"))
        request = client.build_request("PUT", f"runs/{run_id}/files/probes.ndjson.zst")
        request.headers.pop("Content-Length", None)
        answer = client.send(request)

    assert answer.status_code == 411
    assert error_of(answer)["errors"][0]["at"] == "Content-Length"


def test_a_body_beyond_the_limit_is_413_announced_or_not(make_portal: Any, tmp_path: Path) -> None:
    portal = make_portal(HEADROOM_MAX_FILE_BYTES="1000", HEADROOM_WORKER="off")
    portal.start()
    with portal.client() as client:
        run_id = open_run(client, write_spool(tmp_path / "run"))
        name = "samples-00000.ndjson.zst"
        content = b"x" * 1001
        announced = put(client, run_id, name, content)
        chunked = client.put(
            f"runs/{run_id}/files/{name}",
            content=iter([content]),
            headers={"Content-Digest": digest_of(content)},
        )
        limits = client.get("limits").json()

    assert (announced.status_code, chunked.status_code) == (413, 413)
    assert limits["file_bytes"] == 1000


def test_a_listed_segment_that_did_not_come_is_named(client: httpx.Client, tmp_path: Path) -> None:
    spool = write_spool(tmp_path / "run", segments=2)
    manifest = manifest_of(spool)
    run_id = open_run(client, spool)
    put(client, run_id, "samples-00000.ndjson.zst", b"not what is listed")

    answer = client.post(f"runs/{run_id}/complete", json=manifest)

    assert answer.status_code == 422
    wrong = {one["at"]: one["message"] for one in error_of(answer)["errors"]}
    assert "18 bytes" in wrong["samples-00000.ndjson.zst"]
    assert wrong["samples-00001.ndjson.zst"] == "is listed and was not sent"
    assert client.get(f"runs/{run_id}").json()["processing"] == "receiving"


def test_a_completed_run_takes_no_more_files(client: httpx.Client, tmp_path: Path) -> None:
    run_id = send(client, write_spool(tmp_path / "run"))

    answer = put(client, run_id, "samples-00099.ndjson.zst", b"late")

    assert answer.status_code == 409
    assert error_of(answer)["code"] == "run_complete"


def test_a_run_that_cannot_be_read_fails_with_its_reason_and_can_be_tried_again(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run", [{"scenario": "billing", "step": "usage"}])
    run_id = send(client, spool)

    failed = client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()
    again = client.post(f"runs/{run_id}/retry")
    failed_again = client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()

    assert (failed["processing"], failed["stage"]) == ("failed", "reading")
    assert "samples-00000.ndjson.zst" in failed["reason"]
    assert failed["verdict"] is None
    assert again.status_code == 202
    assert failed_again["processing"] == "failed"
    report = client.get(f"runs/{run_id}/report")
    assert report.status_code == 409
    assert failed["reason"] in error_of(report)["detail"]


def test_only_a_failed_run_is_tried_again(client: httpx.Client, tmp_path: Path) -> None:
    run_id = send(client, write_spool(tmp_path / "run"))
    client.get(f"runs/{run_id}/verdict", params={"wait": 60})

    answer = client.post(f"runs/{run_id}/retry")

    assert answer.status_code == 409


def test_a_run_with_probes_but_no_samples_becomes_ready(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run", [], criteria=["p95(billing/usage) < 400ms"])

    run_id = send(client, spool)

    verdict = client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()
    assert verdict["processing"] == "ready", verdict["reason"]
    assert verdict["verdict"] in ("inconclusive", "invalid")


def test_a_run_with_every_outcome_becomes_ready(client: httpx.Client, tmp_path: Path) -> None:
    lines = [
        *steady(10, 8),
        sample(8.0, outcome="refused", status=429, retry_after_ms=1000),
        sample(8.1, outcome="server_error", status=500, error="HTTP 500"),
        sample(8.2, outcome="timeout", status=None),
        sample(8.3, outcome="dropped", status=None, first_byte_us=None),
        sample(8.4, outcome="cut", status=None),
    ]

    run_id = send(client, write_spool(tmp_path / "run", lines))

    client.get(f"runs/{run_id}/verdict", params={"wait": 60})
    rows = client.get(f"runs/{run_id}/report").json()["series"]
    whole = next(row for row in rows if row["scenario"] is None)
    assert {name: count for name, count in whole["outcomes"].items() if count} == {
        "ok": 80,
        "refused": 1,
        "server_error": 1,
        "timeout": 1,
        "dropped": 1,
        "cut": 1,
    }


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b"", "the document"),
        (b"{", "the document"),
        (b"[" * 100_000, "the document"),
        (b'{"format": "headroom-spool/1", "peak_jps": {"chat": NaN}}', "the document"),
        (b'{"format": "headroom-spool/2"}', "format"),
    ],
)
def test_a_manifest_that_is_none_is_refused_with_its_key(
    client: httpx.Client, body: bytes, at: str
) -> None:
    answer = client.post("projects/shop/runs", content=body)

    assert answer.status_code == 422
    assert error_of(answer)["errors"][0]["at"] == at


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("started_at_ns", 10**30),
        ("ended_at_ns", 1),
        ("run_id", "not-a-uuid"),
        ("peak_jps", {"chat": 10**400}),
        ("labels", {"team": "nul\0byte"}),
        ("labels", {"team": "half a pair: \ud800"}),
    ],
)
def test_a_manifest_with_an_absurd_value_is_refused(
    client: httpx.Client, tmp_path: Path, key: str, value: Any
) -> None:
    manifest = {**manifest_of(write_spool(tmp_path / "run")), key: value}

    answer = client.post("projects/shop/runs", content=json.dumps(manifest))

    assert answer.status_code == 422
    assert error_of(answer)["code"] == "manifest_invalid"


def test_the_manifest_must_be_the_runs_own(client: httpx.Client, tmp_path: Path) -> None:
    run_id = open_run(client, write_spool(tmp_path / "run"))
    other = manifest_of(write_spool(tmp_path / "other"))

    answer = client.post(f"runs/{run_id}/complete", json=other)

    assert error_of(answer)["code"] == "other_run"


@pytest.mark.parametrize(
    "change",
    [{"campaign": {"name": "another"}}, {"started_at_ns": 1}],
    ids=lambda one: next(iter(one)),
)
def test_a_manifest_that_says_another_run_than_was_opened_is_409_however_it_comes(
    client: httpx.Client, tmp_path: Path, change: dict[str, Any]
) -> None:
    spool = write_spool(tmp_path / "run")
    run_id = open_run(client, spool)
    other = manifest_of(spool) | change

    answers = [
        client.post("projects/shop/runs", json=other),
        put(client, run_id, "manifest.json", json.dumps(other).encode()),
        client.post(f"runs/{run_id}/complete", json=other),
    ]

    assert [answer.status_code for answer in answers] == [409, 409, 409]
    assert {error_of(answer)["code"] for answer in answers} == {"manifest_differs"}
    assert error_of(answers[0])["errors"][0]["at"].startswith(next(iter(change)))
    assert client.get(f"runs/{run_id}/files").json() == []


def test_a_manifest_may_come_as_a_file_and_the_final_one_takes_its_place(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run")
    run_id = open_run(client, spool)
    early = json.dumps(manifest_of(spool) | {"state": "running", "segments": []}).encode()

    assert put(client, run_id, "manifest.json", early).status_code == 201
    assert put(client, run_id, "manifest.json", early).status_code == 200
    assert put(client, run_id, "manifest.json", b"{}").status_code == 422
    assert put(client, run_id, "manifest.json", early + b"\n").status_code == 409
    send(client, spool)

    assert client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()["processing"] == "ready"
    kept = client.get(f"runs/{run_id}/files/manifest.json").content
    assert kept == (spool / "manifest.json").read_bytes()


def test_what_is_not_known_is_404_in_the_same_shape(client: httpx.Client) -> None:
    unknown = uuid.uuid4()

    for path in (f"runs/{unknown}", f"runs/{unknown}/verdict", "projects/none", "nonsense"):
        answer = client.get(path)
        assert answer.status_code == 404
        error_of(answer)


@pytest.mark.parametrize("slug", ["Shop", "a b", "-shop", "x" * 64, "ü"])
def test_a_project_has_a_plain_name(client: httpx.Client, tmp_path: Path, slug: str) -> None:
    manifest = manifest_of(write_spool(tmp_path / "run"))

    answer = client.post(f"projects/{slug}/runs", json=manifest)

    assert answer.status_code == 422
    assert error_of(answer)["code"] == "project_name"


def test_a_spool_that_another_program_wrote_is_native_in_the_run_and_in_its_report(
    client: httpx.Client, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run")
    manifest = manifest_of(spool) | {"tool": {"name": "our-own-driver", "version": "3"}}
    (spool / "manifest.json").write_text(json.dumps(manifest))

    run_id = send(client, spool)

    verdict = client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()
    assert verdict["processing"] == "ready"
    entry = client.get(f"runs/{run_id}").json()["source"]
    assert entry == client.get(f"runs/{run_id}/report").json()["run"]["source"] == "native"
