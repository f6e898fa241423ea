"""`loadrunner hit`: the flags are read as strictly as a campaign file, before anything is sent."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from loadrunner.cli import main
from loadrunner.errors import UsageError
from loadrunner.execution import own_folder
from loadrunner.labels import one_each
from loadrunner.spool import SpoolWriter
from runs.formats import spool
from tests.loadrunner.campaigns import campaign
from tests.loadrunner.processes import LOADRUNNER, free_port, loadrunner, target


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with target() as url:
        yield url


NOWHERE = f"http://127.0.0.1:{free_port()}/a"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((f"{NOWHERE} b",), "URL: found '/a b', allowed: a path without spaces"),
        (("http://127.0.0.1:99999/",), "not an address such as"),
        (("ftp://127.0.0.1/",), "not an address such as"),
        ((NOWHERE, "-X", "GE T"), "--method: found 'GE T', allowed: GET, POST"),
        ((NOWHERE, "-H", "X-One: a\nb"), "--header: found 'a\\nb', allowed: one line"),
        ((NOWHERE, "-H", "Content-Length: 3"), "--header: is set by the runner itself"),
        ((NOWHERE, "-H", "no colon"), "a header reads 'NAME: VALUE'"),
        ((NOWHERE, "--criterion", "p95("), "--criterion: found 'p95('"),
        ((NOWHERE, "--criterion", "p95(x) < 1s"), "there is no scenario called 'x'"),
        ((NOWHERE, "--allow", "a b"), "--allow: found 'a b'"),
        ((NOWHERE, "--junit", "/proc/nothing/here.xml"), "cannot be written"),
        ((NOWHERE, "--label", "branch"), "a label reads KEY=VALUE"),
    ],
)
def test_a_wrong_flag_ends_with_2_before_anything_is_sent(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing listens at the address, so that one request would end with 6."""
    assert main(["hit", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_no_secret_of_the_command_line_stands_in_the_spool(service: str, tmp_path: Path) -> None:
    address = service.replace("://", "://load:canary-in-url@")
    done = loadrunner(
        *("hit", f"{address}/healthz?page=2&api_key=canary-in-query", "-d", "0.2s"),
        *("-H", "Authorization: Bearer canary-in-header", "-H", "X-Auth: canary-in-auth"),
        *("--out", tmp_path / "spool"),
    )
    assert done.returncode == 0, done.stderr
    written = done.stdout + done.stderr
    written += "".join(one.read_text() for one in (tmp_path / "spool").glob("*.json"))
    assert "canary" not in written
    assert "/healthz?page=2&api_key=***" in written
    assert (tmp_path / "spool" / "manifest.json").is_file()


def test_what_looks_like_a_variable_is_sent_as_it_stands(service: str, tmp_path: Path) -> None:
    done = loadrunner(
        *("hit", f"{service}/healthz", "-X", "POST", "-b", '{"a": "${b}"}', "-d", "0.2s"),
        *("--expect", "200,404,405", "--quiet", "--out", tmp_path / "spool"),
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("run f --label a=1 b=2 --quiet", "run f --label a=1 --label b=2 --quiet"),
        ("run --label a=1 f.yaml", "run --label a=1 f.yaml"),  # the file is none
        ("hit --label a=1 http://h/?b=2", "hit --label a=1 http://h/?b=2"),  # nor an address
        ("run f --set a=1 b=2", "run f --set a=1 b=2"),
        ("run --label a=1 f b=2", "run --label a=1 f b=2"),
    ],
)
def test_several_labels_may_follow_one_flag(given: str, meant: str) -> None:
    assert list(one_each(given.split())) == meant.split()


def test_labels_reach_the_manifest(service: str, tmp_path: Path) -> None:
    done = loadrunner(
        *("hit", "--label", "branch=main", "env=ci", "--quiet", f"{service}/healthz"),
        *("-d", "0.2s", "--out", tmp_path / "spool"),
    )
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "spool" / "manifest.json").read_text())
    assert manifest["labels"] == {"branch": "main", "env": "ci"}


def test_a_reader_that_has_seen_enough_does_not_change_the_status(
    service: str, tmp_path: Path
) -> None:
    """`loadrunner hit … | head -0`: the summary goes nowhere, the criterion fails all the same."""
    command: list[str | Path] = [LOADRUNNER, "hit", f"{service}/nothing-here", "-d", "0.2s"]
    command += ["--criterion", "error_rate(hit) < 1%", "--out", tmp_path / "spool"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    errors = process.stderr.read()
    assert process.wait(timeout=60) == 3, errors
    process.stderr.close()
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def test_a_terminal_without_the_signs_gets_others(service: str, tmp_path: Path) -> None:
    done = loadrunner(
        *("hit", f"{service}/healthz", "-d", "0.2s", "--out", tmp_path / "spool"),
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0, done.stderr
    assert "Figures" in done.stdout


def test_runs_of_the_same_second_have_folders_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "strftime", lambda _form: "20260131-120000")
    plan = campaign("http://127.0.0.1:1")
    names = [Path(f"runs-local/test-20260131-120000{end}") for end in ("", "-2", "-3")]
    with own_folder(None, plan) as first, own_folder(None, plan) as second:
        assert [first, second] == names[:2]
        SpoolWriter(second)
    assert [name.exists() for name in names] == [False, True, False]  # the first was never used


def test_of_two_runs_that_found_a_folder_empty_one_has_it(tmp_path: Path) -> None:
    SpoolWriter(tmp_path / "spool")
    with pytest.raises(UsageError, match="already in use"):
        SpoolWriter(tmp_path / "spool")


def test_no_report_file_is_left_behind_by_a_run_that_was_refused(tmp_path: Path) -> None:
    assert main(["hit", NOWHERE, "--junit", str(tmp_path / "deep" / "junit.xml")]) == 6
    assert not (tmp_path / "deep" / "junit.xml").exists()


class _Creates(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize(("status", "outcome"), [(201, "ok"), (302, "check_failed")])
def test_any_success_is_right_and_a_redirect_is_not(
    status: int, outcome: str, tmp_path: Path
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Creates) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/{status}"
        done = loadrunner("hit", address, "-d", "0.3s", "--out", tmp_path / "spool")
        server.shutdown()

    assert done.returncode == 0, done.stderr
    assert set(spool.read(tmp_path / "spool").samples["outcome"]) == {outcome}
