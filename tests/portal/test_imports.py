"""Other tools' files at the door, against a real server: taken once, kept whole, or refused."""

import gzip
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard

from loadrunner.cli import main
from tests.portals import Portal

pytestmark = pytest.mark.journey

DATA = Path(__file__).parent.parent / "formats" / "data"
JTL = (DATA / "jmeter-2.13.csv").read_bytes()
STATISTICS = (DATA / "locust-stats.csv").read_bytes()


@pytest.fixture
def client(portal: Portal) -> Iterator[httpx.Client]:
    with portal.client() as client:
        yield client


def imported(client: httpx.Client, content: bytes, project: str = "tools", **query: Any) -> Any:
    return client.post(f"projects/{project}/imports", content=content, params=query)


def ready(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    """The run that an import made, once it is processed."""
    run_id = answer.json()["id"]
    client.get(f"runs/{run_id}/verdict", params={"wait": 60})
    run: dict[str, Any] = client.get(f"runs/{run_id}").json()
    assert run["processing"] == "ready", run
    return run


def test_a_file_of_requests_becomes_a_whole_run(client: httpx.Client) -> None:
    answer = imported(client, JTL, name="nightly.jtl", label="env:staging")

    assert answer.status_code == 201
    assert answer.json()["files"] == ["nightly.jtl"]
    run = ready(client, answer)
    assert (run["source"], run["samples"], run["state"]) == ("jmeter", 240, "complete")
    assert run["labels"] == {"env": "staging"}
    assert run["started_at"] == "2026-11-23T20:15:19.940Z"
    report = client.get(f"runs/{run['id']}/report").json()
    assert report["run"]["fidelity"] == {
        "samples": "raw",
        "schedule": False,
        "failures": True,
        "absolute_time": True,
    }
    assert [row["scenario"] for row in report["saturation"]] == ["checkout"]
    timeseries = client.get(f"runs/{run['id']}/timeseries").json()
    assert sum(timeseries["total"]["due"]) == 240


def test_a_file_of_summaries_shows_what_it_supports(client: httpx.Client) -> None:
    run = ready(client, imported(client, STATISTICS))

    report = client.get(f"runs/{run['id']}/report").json()
    assert report["run"]["fidelity"]["samples"] == "summary"
    assert report["run"]["started_at"] is None
    row = next(one for one in report["series"] if one["step"] == "GET /ok")
    assert (row["count"], row["outcomes"]["check_failed"]) == (524, 39)
    assert (row["all_ms"]["p95"], row["all_ms"]["p99_9"]) == (62.0, None)
    assert report["saturation"][0]["verdict"] == "inconclusive"
    assert "the source does not hold it" in " ".join(run["reading_notes"])


def test_the_page_of_a_run_without_samples_can_be_opened(
    portal: Portal, client: httpx.Client
) -> None:
    run = ready(client, imported(client, STATISTICS, project="pages"))

    with httpx.Client(base_url=portal.address, follow_redirects=True) as person:
        person.get("/accounts/login/")
        form = {"username": portal.user, "password": portal.password}
        form["csrfmiddlewaretoken"] = person.cookies["csrftoken"]
        person.post("/accounts/login/", data=form)
        page = person.get(f"/runs/{run['id']}/")
    assert page.status_code == 200
    assert "GET /flaky" in page.text
    assert "The source does not hold" in page.text
    assert "Locust rounds percentiles to two digits" in page.text


def test_the_raw_file_comes_back_byte_for_byte(client: httpx.Client) -> None:
    packed = gzip.compress(JTL + b"\n", mtime=0)
    run = ready(client, imported(client, packed, name="nightly.jtl.gz"))

    back = client.get(f"runs/{run['id']}/files/nightly.jtl.gz")

    assert back.content == packed
    assert back.headers["ETag"] == f'"{hashlib.sha256(packed).hexdigest()}"'


def test_the_same_bytes_are_one_run_of_a_project_and_another_of_the_next(
    client: httpx.Client,
) -> None:
    content = zstandard.ZstdCompressor().compress(JTL)

    answers = [imported(client, content, project=one) for one in ("once", "once", "twice")]

    assert [one.status_code for one in answers] == [201, 200, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"] != answers[2].json()["id"]
    assert client.get("runs", params={"project": "once"}).json()["count"] == 1


def test_four_that_import_the_same_file_at_once_make_one_run(portal: Portal) -> None:
    def once(_: int) -> tuple[int, str]:
        with portal.client() as client:
            answer = imported(client, JTL, project="import-race")
            return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(once, range(4)))

    assert sorted(status for status, _ in found) == [200, 200, 200, 201]
    assert len({run_id for _, run_id in found}) == 1


def test_a_body_in_chunks_without_a_digest_is_taken(client: httpx.Client) -> None:
    pieces = (JTL[at : at + 1000] for at in range(0, len(JTL), 1000))

    answer = client.post("projects/chunks/imports", content=pieces)

    assert answer.status_code == 201
    assert ready(client, answer)["samples"] == 240


def test_a_cut_file_keeps_what_stands_before_the_cut_and_says_so(client: httpx.Client) -> None:
    packed = gzip.compress(JTL)

    run = ready(client, imported(client, packed[: len(packed) // 2], project="cut"))

    assert run["state"] == "incomplete"
    assert 50 < run["samples"] < 240
    assert any("is cut" in note for note in run["reading_notes"])


@pytest.mark.parametrize(
    ("content", "query", "code", "at"),
    [
        (b"", {}, "import_unreadable", "line 1, column 1"),
        (b"hello,world\n1,2\n", {}, "import_unreadable", "line 1, column 1"),
        (b"timeStamp,elapsed,label\n1,x,a\n", {}, "import_unreadable", "line 2, column 2"),
        (b"{" * 10_000, {"as": "k6"}, "import_unreadable", "line 1, column 2"),
        (JTL, {"as": "excel"}, "reader_unknown", "as"),
        (JTL, {"name": "../etc/passwd"}, "file_name", "name"),
        (JTL, {"name": "manifest.json"}, "file_name", "name"),
        (gzip.compress(b" " * (100 << 20)), {}, "import_unreadable", "line 1, column 1"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_and_nothing_is_kept(
    client: httpx.Client, portal: Portal, content: bytes, query: dict[str, str], code: str, at: str
) -> None:
    answer = imported(client, content, project="refused", **query)

    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] == code
    assert answer.json()["errors"][0]["at"] == at
    assert client.get("projects/refused").status_code == 404
    assert list((portal.data / "incoming").glob("*.part")) == []


def test_a_token_of_one_project_imports_into_no_other(portal: Portal) -> None:
    with portal.client() as admin:
        imported(admin, JTL, project="mine")
    words = ("token", "create", "--name", "ci", "--project", "mine", "--scope", "upload")
    token = portal.manage(*words)

    with portal.client(token) as client:
        own = imported(client, JTL, project="mine").status_code
        other = imported(client, JTL, project="yours").status_code

    assert (own, other) == (200, 403)


def test_upload_sends_a_file_of_another_tool(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("HEADROOM_TOKEN", portal.token)
    path = tmp_path / "our results (1).jtl"
    path.write_bytes(JTL)
    where = ["--portal", portal.address, "--project", "by-command"]

    status = main(["upload", str(path), *where, "--label", "env=ci", "--wait"])

    assert status == 0
    assert "Uploaded: run " in capsys.readouterr().out
    with portal.client() as client:
        [run] = client.get("runs", params={"project": "by-command"}).json()["items"]
    assert (run["source"], run["labels"]) == ("jmeter", {"env": "ci"})


def test_upload_does_not_send_what_no_reader_knows(
    portal: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("HEADROOM_TOKEN", portal.token)
    path = tmp_path / "letter.txt"
    path.write_text("Dear all,\n")

    status = main(["upload", str(path), "--portal", portal.address, "--project", "letters"])

    assert status == 2
    assert "line 1, column 1" in capsys.readouterr().err
