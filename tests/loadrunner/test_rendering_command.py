"""`loadrunner report` as a user types it, on spools that were written for the purpose."""

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import zstandard

from loadrunner import cli

MANIFEST: dict[str, Any] = {
    "format": "headroom-spool/1",
    "run_id": "6e0ad8b0-0000-4000-8000-000000000001",
    "state": "complete",
    "campaign": {"name": "critical-flows", "text": "", "sha256": ""},
    "tool": {"name": "other-tool", "version": "1"},
    "started_at_ns": 1732350000000000000,
    "ended_at_ns": 1732350060000000000,
    "phases": [
        {
            "scenario": "chat",
            "phase": "plateau",
            "start_us": 0,
            "end_us": 60_000_000,
            "model": "open",
            "rate_from": 20.0,
            "rate_to": 20.0,
        }
    ],
    "criteria": ["p95(chat/send_message) < 300ms", "error_rate(*) < 1%"],
}


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A minute of 20 requests a second, each answered after 100 to 149 ms."""
    folder = tmp_path / "spool"
    folder.mkdir()
    samples = []
    for number in range(1200):
        due_us = number * 50_000
        samples.append(
            {
                "scenario": "chat",
                "step": "send_message",
                "phase": "plateau",
                "journey": number,
                "due_us": due_us,
                "due_by": "plan",
                "started_us": due_us + 40,
                "ended_us": due_us + 100_000 + number * 7 % 50 * 1000,
                "status": 200,
                "outcome": "ok",
            }
        )
    text = "".join(json.dumps(one) + "\n" for one in samples).encode()
    (folder / "samples-00000.ndjson.zst").write_bytes(zstandard.ZstdCompressor().compress(text))
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    return folder


def report(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main(["report", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_the_text_is_the_default_and_holds_the_verdict(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = report(capsys, spool)

    assert code == 0
    assert "Passed: 2 criteria, all of them hold." in out
    assert "chat/send_message" in out


def test_the_json_is_the_document_and_nothing_else(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = report(capsys, spool, "--format", "json")

    document = json.loads(out)
    (row,) = [one for one in document["series"] if not one["pooled"]]
    assert (code, document["format"], document["verdict"]) == (0, "headroom-report/1", "pass")
    assert (row["count"], row["offered_rps"], row["response_ms"]["p95"]) == (1200, 20.0, 147.0)


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("text", "critical-flows\n"),
        ("markdown", "## critical-flows\n"),
        ("html", "<!doctype html>\n"),
        ("junit", "<?xml version"),
        ("csv", "scenario,step,phase"),
    ],
)
def test_every_form_begins_with_its_document(
    spool: Path, capsys: pytest.CaptureFixture[str], form: str, beginning: str
) -> None:
    code, out, _ = report(capsys, spool, "--format", form)

    assert code == 0
    assert out.startswith(beginning)


def test_a_failed_criterion_does_not_change_the_exit_code(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = {**MANIFEST, "criteria": ["p95(chat/send_message) < 100ms"]}
    (spool / "manifest.json").write_text(json.dumps(manifest))

    code, out, _ = report(capsys, spool, "--format", "junit")
    assert code == 0
    assert ElementTree.fromstring(out).find("testsuite/testcase/failure") is not None


def test_a_report_that_was_kept_is_read_like_its_spool(
    spool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, document, _ = report(capsys, spool, "--format", "json")
    kept = tmp_path / "kept.json"
    kept.write_text(document)

    assert report(capsys, kept) == (*report(capsys, spool / "manifest.json")[:2], "")
    assert report(capsys, kept, "--format", "json")[1] == document


def test_notes_about_damage_go_to_standard_error(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    segment = spool / "samples-00000.ndjson.zst"
    segment.write_bytes(segment.read_bytes()[:-500])

    code, out, err = report(capsys, spool, "--format", "json")
    assert code == 0
    assert json.loads(out)["format"] == "headroom-report/1"
    assert err.startswith("note: samples-00000.ndjson.zst")


def test_what_cannot_be_read_is_one_clear_line_and_a_2(
    spool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, listing = tmp_path / "notes.txt", tmp_path / "list.json"
    text.write_text("hello")
    listing.write_text("[1]")
    (spool / "manifest.json").write_text('{"format": "other/1"}')

    for source, expected in (
        (tmp_path / "absent", "is not there"),
        (tmp_path, "is not a spool: it holds no manifest.json"),
        (text, "notes.txt, line 1, column 1: its shape is that of no tool known here"),
        (listing, "list.json, line 1, column 1: its shape is that of no tool known here"),
        (spool, f"{spool}: manifest.json, "),
    ):
        code, out, err = report(capsys, source)
        assert (code, out) == (2, "")
        assert expected in err
        assert err.count("\n") == 1


def test_a_folder_is_not_read_as_the_file_of_another_tool(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = report(capsys, spool, "--as", "k6")

    assert code == 2
    assert "is a folder; --as k6 reads a single file" in err


def test_a_relative_criterion_is_judged_against_the_baseline(
    spool: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = {**MANIFEST, "criteria": ["p95(chat/send_message) <= baseline + 20%"]}
    (spool / "manifest.json").write_text(json.dumps(manifest))

    alone = json.loads(report(capsys, spool, "--format", "json")[1])
    against = json.loads(report(capsys, spool, "--format", "json", "--baseline", spool)[1])
    assert (alone["verdict"], against["verdict"]) == ("inconclusive", "pass")


def test_the_baseline_may_be_a_folder_of_repeats(
    spool: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name in ("run-01", "run-02"):
        shutil.copytree(spool, tmp_path / "repeats" / name)
    manifest = {**MANIFEST, "criteria": ["p95(chat/send_message) <= baseline + 20%"]}
    (spool / "manifest.json").write_text(json.dumps(manifest))

    _, out, _ = report(capsys, spool, "--format", "json", "--baseline", tmp_path / "repeats")
    assert json.loads(out)["verdict"] == "pass"
