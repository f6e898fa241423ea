"""`loadrunner report` and `compare` on the files of other tools: offline, and honest."""

import json
import re
from pathlib import Path

import pytest

from loadrunner.cli import main
from runs.formats import detection
from tests.formats.examples import FILES, SUMMARIES, tool_of


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path, name: str) -> Path:
    (tmp_path / "results").write_bytes(FILES[name])
    return tmp_path / "results"


def test_report_writes_the_document_and_nothing_else(
    path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(path), "--format", "json", "--as", tool_of(name)]) == 0

    report = json.loads(capsys.readouterr().out)
    assert report["format"] == "headroom-report/1"
    samples = report["run"]["fidelity"]["samples"]
    assert (samples == "raw") == (name not in SUMMARIES and "durations" not in name)
    assert {row["retry_rate"] for row in report["series"]} == {None}


def test_text_says_what_the_source_does_not_hold(
    path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(path)]) == 0

    out, notes = capsys.readouterr()
    flat = " ".join(out.split())
    assert "the source does not hold when it was due" in flat
    if name in SUMMARIES:
        assert "The source does not hold it: a saturation point needs single requests" in flat
        assert "because the source does not hold it" in " ".join(notes.split())


def test_a_file_compared_with_itself_shows_no_change(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(path), str(path)]) == 0
    assert main(["compare", str(path), str(path), "--format", "json"]) == 0

    out = capsys.readouterr().out
    assert "worse" not in out.lower().split("{", 1)[0]


@pytest.mark.parametrize(
    ("file", "kind", "status", "words"),
    [
        ("hey rows", "hey", 0, ""),
        ("hey rows", "k6", 2, "line 1, column 1: .* It looks like a file of hey"),
        ("hey rows", "native", 2, "neither a spool folder nor a report"),
        ("k6 lines", "auto", 0, ""),
    ],
)
def test_the_reader_can_be_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    file: str,
    kind: str,
    status: int,
    words: str,
) -> None:
    (tmp_path / "results").write_bytes(FILES[file])

    assert main(["report", str(tmp_path / "results"), "--as", kind]) == status
    assert re.search(words, capsys.readouterr().err)


def test_a_percentile_that_is_not_known_is_that_of_all_durations_and_marked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").write_bytes(FILES["wrk"])

    assert main(["report", str(tmp_path / "results")]) == 0

    out = " ".join(capsys.readouterr().out.split())
    assert "44.4 *" in out
    assert "* is the percentile of all durations in the source, whatever came back" in out


def test_every_reader_has_an_example_and_a_section_in_the_documentation() -> None:
    sections = (Path(__file__).parents[2] / "docs" / "formats.md").read_text().lower()

    assert {tool_of(name) for name in FILES} == set(detection.NAMES)
    assert [name for name in detection.NAMES if f"\n## {name}" not in sections] == []
