"""`loadrunner target` as a process: what it prints, how it ends, what it says when it cannot."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from loadrunner.commands import target
from loadrunner.errors import UsageError

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "import sys; from loadrunner.cli import main; sys.exit(main())"]


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    target.add(parser.add_subparsers())
    return parser.parse_args(["target", *words])


def environment(**variables: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TARGET_")}
    return kept | variables


@pytest.mark.journey
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_with_0_when_it_is_told_to(
    signum: signal.Signals,
) -> None:
    command = [*COMMAND, "target", "--port", "0"]
    with (
        subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        httpx.Client(trust_env=False) as client,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("The reference target listens on http://127.0.0.1:")
        assert client.get(line.split()[-1] + "/healthz").json() == {"status": "ok"}
        process.send_signal(signum)
        _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.journey
def test_a_port_that_is_taken_gets_one_line_and_exit_2() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*COMMAND, "target"], cwd=ROOT, env=environment(TARGET_PORT=port),
            capture_output=True, text=True, timeout=20,
        )  # fmt: skip
    assert done.returncode == 2
    expected = f"Port {port} on 127.0.0.1 is taken: choose another with --port or TARGET_PORT."
    assert expected in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_truth_is_printed_for_the_settings_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TARGET_DB_POOL", "8")
    args = arguments("--truth", "--db-time", "50ms")
    assert args.run(args) == 0
    printed = capsys.readouterr().out
    assert "billing           160.0 journeys/s   database pool: 8 connections x 50.0 ms" in printed


def test_the_truth_as_json_is_a_flow_a_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TARGET_DB_POOL", raising=False)
    args = arguments("--truth", "--format", "json")
    assert args.run(args) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["chat", "privacy_export", "privacy_delete", "billing", "b2b"]
    assert document["billing"]["capacity_jps"] == pytest.approx(4 / 0.054)
    assert document["b2b"]["cause"] == "rate_limit"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--db-pool", "none"), "--db-pool is 'none'; it must be a whole number from 1."),
        (("--truth", "--users", "0"), "--users is 0; it must be a whole number from 1."),
    ],
)
def test_bad_values_are_usage_errors(words: list[str], message: str) -> None:
    args = arguments(*words)
    with pytest.raises(UsageError) as raised:
        args.run(args)
    assert str(raised.value) == message


def test_an_address_that_is_not_this_machines_is_named() -> None:
    args = arguments("--host", "192.0.2.1", "--port", "0")
    with pytest.raises(UsageError, match=r"cannot listen on 192\.0\.2\.1:0 .*--host"):
        args.run(args)


def test_the_help_shows_every_flag_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments("--help")
    text = " ".join(capsys.readouterr().out.split())
    assert "--db-pool" in text
    assert "TARGET_DB_POOL, default 4" in text
    assert "TARGET_CHAT_CACHE_HIT_RATE, default 90%" in text
