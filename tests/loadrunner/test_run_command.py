"""`loadrunner run` as a user types it, against the real reference target."""

import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import zstandard

from tests.loadrunner.fault_server import OK, FaultServer, Reply, endless, pieces, sends
from tests.loadrunner.processes import ROOT, free_port, loadrunner, started, target, wait_until

EXAMPLE = ROOT / "examples" / "critical-flows.yaml"
SECRETS = {
    "LOAD_PASSWORD": "canary-password-7f3a",
    "B2B_API_KEY": "canary-key-91bc",
    "OPS_TOKEN": "canary-token-55de",
}

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with target() as url:
        yield url


def written(folder: Path, text: str, name: str = "campaign.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def short(url: str, criteria: str = "", rate: int = 20, duration: str = "1s") -> str:
    return f"""
campaign: short
target: {{base_url: "{url}", allow: [127.0.0.1]}}
scenarios:
  health:
    steps: [{{name: get, request: {{method: GET, path: /healthz}}}}]
    load: [{{phase: plateau, duration: {duration}, rate: {rate}}}]
criteria: [{criteria}]
"""


def samples_of(spool: Path) -> list[dict[str, object]]:
    lines = []
    for segment in sorted(spool.glob("samples-*.ndjson.zst")):
        with zstandard.ZstdDecompressor().stream_reader(segment.open("rb")) as reader:
            lines += [json.loads(line) for line in io.TextIOWrapper(reader, "utf-8")]
    return lines


def test_a_run_that_passes_ends_with_0_and_keeps_every_sample(service: str, tmp_path: Path) -> None:
    campaign = written(tmp_path, short(service, '"p50(health) < 1s"'))
    done = loadrunner("run", campaign, "--out", tmp_path / "spool", "--label", "branch=main")
    assert done.returncode == 0, done.stderr
    assert "Passed" in done.stdout
    manifest = json.loads((tmp_path / "spool" / "manifest.json").read_text())
    assert manifest["state"] == "complete"
    assert manifest["labels"] == {"branch": "main"}
    assert [phase["phase"] for phase in manifest["phases"]] == ["plateau"]
    assert sum(segment["samples"] for segment in manifest["segments"]) == 20
    assert len(samples_of(tmp_path / "spool")) == 20


@pytest.mark.parametrize(
    ("criterion", "status", "word"),
    [
        ('"p50(health) < 1us"', 3, "FAIL"),
        ('"p99(health) < 1s"', 8, "inconclusive"),  # 20 samples say nothing of a p99
    ],
)
def test_a_criterion_that_fails_or_cannot_be_decided_has_its_own_status(
    service: str, tmp_path: Path, criterion: str, status: int, word: str
) -> None:
    campaign = written(tmp_path, short(service, criterion.replace("1us", "0.001ms")))
    done = loadrunner("run", campaign, "--out", tmp_path / "spool")
    assert done.returncode == status, done.stdout + done.stderr
    assert word.lower() in done.stdout.lower()


def test_on_inconclusive_decides_what_an_open_question_counts_as(
    service: str, tmp_path: Path
) -> None:
    campaign = written(tmp_path, short(service, '"p99(health) < 1s"'))
    for choice, status in (("pass", 0), ("fail", 3)):
        out = tmp_path / choice
        done = loadrunner("run", campaign, "--out", out, "--on-inconclusive", choice, "--quiet")
        assert done.returncode == status
        assert done.stdout == ""
        assert done.stderr == "verdict: inconclusive\n"


@pytest.mark.parametrize(
    ("broken", "line", "key", "told"),
    [
        ("rate: 20}]", "rate: 20, rats: 3}]", "rats", "rate"),
        ("duration: 1s", "duration: 1", "duration", "500ms"),
        ("plateau", "plateau, warm_up: 2 parsecs", "warm_up", "parsecs"),
        ("steps:", "identity: nobody\n    steps:", "identity", "nobody"),
        ("/healthz", '"/${NOT_SET_ANYWHERE}"', "path", "NOT_SET_ANYWHERE"),
        ("criteria: []", 'criteria: ["p95(helth) < 1s"]', "criteria", "helth"),
    ],
)
def test_a_broken_campaign_ends_with_2_and_names_file_line_key_and_what_is_allowed(
    tmp_path: Path, broken: str, line: str, key: str, told: str
) -> None:
    """Nothing listens at the address, so that one request would end with 6."""
    text = short(f"http://127.0.0.1:{free_port()}").replace(broken, line)
    campaign = written(tmp_path, text)
    done = loadrunner("run", campaign, "--out", tmp_path / "spool")
    assert done.returncode == 2, done.stderr
    assert f"{campaign}, line " in done.stderr
    assert key in done.stderr
    assert told in done.stderr
    assert not (tmp_path / "spool").exists()


def test_a_target_that_is_down_ends_with_6_and_leaves_nothing_behind(tmp_path: Path) -> None:
    campaign = written(tmp_path, short(f"http://127.0.0.1:{free_port()}"))
    done = loadrunner("run", campaign, "--out", tmp_path / "spool")
    assert done.returncode == 6
    assert "could not be reached" in done.stderr
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    "answer",
    [
        endless(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        pieces(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"ok", pause_s=60),
        sends(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok"),
        sends(b"HTTP/1.1 500 Down\r\ncontent-length: 0\r\n\r\n"),
    ],
    ids=["a body without end", "a body that is late", "no gzip", "status 500"],
)
def test_any_head_of_an_answer_counts_as_reached(tmp_path: Path, answer: Reply) -> None:
    with FaultServer({"/": answer, "/healthz": sends(OK)}) as server:
        campaign = written(tmp_path, short(server.url))
        out = tmp_path / "spool"
        done = loadrunner("run", campaign, "--out", out, timeout_s=30)
    assert done.returncode in (0, 4), done.stderr
    assert len(samples_of(out)) == 20


def test_a_host_that_is_not_allowed_ends_with_5_before_anything_is_contacted(
    tmp_path: Path,
) -> None:
    campaign = written(tmp_path, short("http://production.example:80"))
    done = loadrunner("run", campaign, "--out", tmp_path / "spool")
    assert done.returncode == 5
    assert "production.example" in done.stderr


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--out", "USED"), "already in use"),
        (("--portal", "http://127.0.0.1:1"), "--portal needs --project"),
        (("--junit", "USED"), "USED cannot be written"),
        (("--label", "branch"), "a label reads KEY=VALUE"),
        (("--max", "5m"), "--max needs --repeat"),
    ],
)
@pytest.mark.parametrize("command", [("run", "CAMPAIGN"), ("hit", "http://production.example:80")])
def test_bad_usage_ends_with_2_though_the_host_is_not_allowed_either(
    tmp_path: Path, command: tuple[str, str], flags: tuple[str, str], told: str
) -> None:
    used = tmp_path / "USED"
    used.mkdir()
    campaign = written(used, short("http://production.example:80"))
    places = {"USED": used, "CAMPAIGN": campaign}
    done = loadrunner(*(places.get(word, word) for word in (*command, *flags)))
    assert done.returncode == 2, done.stderr
    assert told in done.stderr


def test_a_portal_that_is_down_ends_with_7_and_says_how_to_send_the_spool(
    service: str, tmp_path: Path
) -> None:
    campaign = written(tmp_path, short(service))
    portal = f"http://127.0.0.1:{free_port()}"
    upload = ["--portal", portal, "--project", "demo"]
    out = tmp_path / "spool"
    done = loadrunner("run", campaign, "--out", out, *upload, env={"HEADROOM_TOKEN": "hr_x"})
    assert done.returncode == 7
    assert f"loadrunner upload {out} --portal {portal} --project demo" in done.stderr
    assert len(samples_of(out)) == 20


def test_an_upload_without_a_token_is_refused_before_any_load(service: str, tmp_path: Path) -> None:
    campaign = written(tmp_path, short(service))
    flags = ["--portal", "http://127.0.0.1:1", "--project", "demo", "--out", tmp_path / "spool"]
    done = loadrunner("run", campaign, *flags, env={"HEADROOM_TOKEN": ""})
    assert done.returncode == 2
    assert "HEADROOM_TOKEN" in done.stderr
    assert not (tmp_path / "spool").exists()


def test_a_folder_in_use_is_refused(service: str, tmp_path: Path) -> None:
    campaign = written(tmp_path, short(service))
    done = loadrunner("run", campaign, "--out", tmp_path)
    assert done.returncode == 2
    assert "already in use" in done.stderr


def test_junit_and_markdown_are_written_beside_the_summary(service: str, tmp_path: Path) -> None:
    campaign = written(tmp_path, short(service, '"p50(health) < 1s"'))
    junit, markdown = tmp_path / "ci" / "junit.xml", tmp_path / "ci" / "report.md"
    flags = ["--junit", junit, "--markdown", markdown, "--out", tmp_path / "spool"]
    assert loadrunner("run", campaign, *flags).returncode == 0
    suite = ElementTree.parse(junit).getroot()
    assert [case.get("name") for case in suite.iter("testcase")] == ["p50(health) < 1s"]
    assert "p50(health)" in markdown.read_text()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_what_was_measured_and_can_be_reported(
    service: str, tmp_path: Path, number: signal.Signals, status: int
) -> None:
    campaign = written(tmp_path, short(service, rate=50, duration="60s"))
    out = tmp_path / "spool"
    with started("run", campaign, "--out", out) as process:
        wait_until((out / "manifest.json").exists)
        time.sleep(1.5)
        process.send_signal(number)
        process.communicate(timeout=20)
        assert process.returncode == status
    assert json.loads((out / "manifest.json").read_text())["state"] == "interrupted"
    kept = samples_of(out)
    assert 50 <= len(kept) <= 200
    assert {sample["outcome"] for sample in kept} == {"ok"}
    assert loadrunner("report", out, "--format", "json").returncode == 0


def test_after_kill_9_the_spool_reads_and_lacks_at_most_the_last_second(
    service: str, tmp_path: Path
) -> None:
    campaign = written(tmp_path, short(service, rate=100, duration="60s"))
    for attempt in range(3):
        out = tmp_path / f"spool-{attempt}"
        with started("run", campaign, "--out", out) as process:
            wait_until((out / "manifest.json").exists)
            time.sleep(1.6 + attempt * 0.37)
            manifest = json.loads((out / "manifest.json").read_text())
            ran_s = (time.time_ns() - manifest["started_at_ns"]) / 1e9
            os.kill(process.pid, signal.SIGKILL)
        done = loadrunner("report", out, "--format", "json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["run"]["state"] == "incomplete"
        (whole,) = [row for row in report["series"] if row["scenario"] is None]
        assert (ran_s - 1) * 100 - 5 <= whole["count"] <= ran_s * 100 + 5


def test_the_smoke_is_short_leaves_out_what_destroys_and_passes(
    service: str, tmp_path: Path
) -> None:
    flags = ["--smoke", "--set", f"TARGET_URL={service}", "--out", tmp_path / "spool"]
    started_s = time.monotonic()
    done = loadrunner("run", EXAMPLE, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - started_s < 30
    assert "privacy_delete" in done.stdout
    scenarios = {sample["scenario"] for sample in samples_of(tmp_path / "spool")}
    assert scenarios == {"chat", "privacy_export", "billing", "billing_quota", "b2b"}


def test_no_secret_stands_in_any_byte_that_is_written(tmp_path: Path) -> None:
    """A canary in every identity, wrong on purpose in nothing: the target knows them too."""
    os.environ.update(SECRETS)
    try:
        with target() as url:
            flags = ["--smoke", "--set", f"TARGET_URL={url}", "--out", tmp_path / "spool"]
            done = loadrunner("run", EXAMPLE, *flags)
            debugged = loadrunner("run", EXAMPLE, "--debug", "--set", f"TARGET_URL={url}")
    finally:
        for name in SECRETS:
            del os.environ[name]
    assert done.returncode == 0, done.stdout + done.stderr
    assert debugged.returncode == 0, debugged.stdout + debugged.stderr
    told = done.stdout + done.stderr + debugged.stdout + debugged.stderr
    for path in (tmp_path / "spool").iterdir():
        content = path.read_bytes()
        if path.suffix == ".zst":
            content = zstandard.ZstdDecompressor().decompressobj().decompress(content)
        told += content.decode()
    for name, secret in SECRETS.items():
        assert secret not in told, name
    assert "chat/send_message" in debugged.stdout


def test_the_same_seed_sends_the_same_data_at_the_same_times(service: str, tmp_path: Path) -> None:
    runs = []
    for name in ("one", "two"):
        flags = ["--seed", "7", "--scenario", "chat", "--smoke", "--quiet"]
        out = tmp_path / name
        flags += ["--set", f"TARGET_URL={service}"]
        assert loadrunner("run", EXAMPLE, *flags, "--out", out).returncode == 0
        runs.append(
            sorted(
                (str(one["due_us"]), str(one["bytes_out"]))
                for one in samples_of(out)
                if one["step"] == "send_message"
            )
        )
    assert runs[0] == runs[1]
