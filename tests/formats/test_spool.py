"""Spools as they really are: written, cut, killed, damaged, and by other programs."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from runs.formats import samples, segment, spool
from runs.formats.errors import ManifestError, SpoolError

MANIFEST: dict[str, Any] = {
    "format": "headroom-spool/1",
    "run_id": "6e0ad8b0-0000-4000-8000-000000000001",
    "state": "complete",
    "campaign": {"name": "critical-flows", "text": "campaign: critical-flows", "sha256": "00"},
    "tool": {"name": "other-tool", "version": "3"},
    "started_at_ns": 1732350000000000000,
    "ended_at_ns": 1732350090000000000,
    "phases": [{"scenario": "chat", "phase": "plateau", "start_us": 0, "end_us": 60000000}],
    "labels": {"env": "test"},
}
SAMPLE = {
    "scenario": "chat",
    "step": "send_message",
    "phase": "plateau",
    "started_us": 1000,
    "ended_us": 51000,
    "outcome": "ok",
}


def lines(*records: object) -> bytes:
    """Records as lines; what is text already stays as it is."""
    texts = (one if isinstance(one, str) else json.dumps(one) for one in records)
    return "".join(f"{text}\n" for text in texts).encode()


def zipped(text: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(text)


def flushed(*blocks: bytes) -> bytes:
    """As the runner writes: each block can be read on its own, the last is not sealed."""
    stream = zstandard.ZstdCompressor().compressobj()
    parts = [
        stream.compress(block) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK) for block in blocks
    ]
    return b"".join(parts)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def folder(path: Path, manifest: dict[str, Any] | None = None, **files: bytes) -> Path:
    """A spool whose files are named by their beginnings: samples_00000, probes, health."""
    entries = []
    for stem, content in files.items():
        name = f"{stem.replace('_', '-')}.ndjson.zst"
        (path / name).write_bytes(content)
        if stem.startswith("samples"):
            rows = zstandard.ZstdDecompressor().decompressobj().decompress(content).count(b"\n")
            digest = hashlib.sha256(content).hexdigest()
            entries.append({"name": name, "samples": rows, "bytes": len(content), "sha256": digest})
    document = {**MANIFEST, "segments": entries} if manifest is None else manifest
    (path / "manifest.json").write_text(json.dumps(document))
    return path


def segment_file(path: Path, *records: object) -> Path:
    file = path / "samples-00000.ndjson.zst"
    file.write_bytes(zipped(lines(*records)))
    return file


def test_a_whole_spool_is_read_with_all_columns_and_no_notes(tmp_path: Path) -> None:
    more = {**SAMPLE, "status": 200, "due_us": 900, "due_by": "plan", "reused": True, "error": None}
    found = spool.read(folder(tmp_path, samples_00000=zipped(lines(SAMPLE, more))))

    assert found.notes == ()
    assert dict(found.samples.schema) == samples.CODED
    assert found.samples["ended_us"].to_list() == [51000, 51000]
    assert found.samples["status"].to_list() == [None, 200]
    assert found.readings.is_empty()
    assert found.health.is_empty()


def test_the_manifest_becomes_the_plan_and_the_runs_identity(tmp_path: Path) -> None:
    data = spool.run_data(spool.read(folder(tmp_path, samples_00000=zipped(lines(SAMPLE)))))

    assert data.info.id == "6e0ad8b0-0000-4000-8000-000000000001"
    assert data.info.campaign == "critical-flows"
    assert data.info.started_at == "2024-11-23T08:20:00.000Z"
    assert data.info.ended_at == "2024-11-23T08:21:30.000Z"
    assert data.info.labels == {"env": "test"}
    assert data.plan.phases[0].end_us == 60_000_000


def test_a_run_that_was_killed_counts_as_incomplete(tmp_path: Path) -> None:
    killed = {**MANIFEST, "state": "running", "ended_at_ns": None}
    found = spool.read(folder(tmp_path, killed, samples_00000=zipped(lines(SAMPLE))))

    info = spool.info_of(found.manifest)
    assert (info.state, info.ended_at) == ("incomplete", None)


def test_segments_that_are_not_listed_are_read_and_said(tmp_path: Path) -> None:
    found = spool.read(
        folder(
            tmp_path,
            MANIFEST,
            samples_00001=zipped(lines({**SAMPLE, "started_us": 2})),
            samples_00000=zipped(lines({**SAMPLE, "started_us": 1})),
        )
    )

    assert found.samples["started_us"].to_list() == [1, 2]
    assert [note.split(",")[0] for note in found.notes] == [
        "samples-00000.ndjson.zst is not listed in manifest.json",
        "samples-00001.ndjson.zst is not listed in manifest.json",
    ]


def test_a_segment_cut_anywhere_gives_what_stands_before_the_cut(tmp_path: Path) -> None:
    blocks = [lines(*({**SAMPLE, "started_us": 100 * n + i} for i in range(100))) for n in range(5)]
    whole = flushed(*blocks)
    file = tmp_path / "samples-00000.ndjson.zst"

    seen = set()
    for cut in range(0, len(whole), 7):
        file.write_bytes(whole[:cut])
        frame, _ = spool.segment_to_frame(file)
        assert frame["started_us"].to_list() == list(range(frame.height))
        seen.add(frame.height)
    assert seen >= {0, 100, 200, 300, 400}


def test_a_last_line_without_its_end_is_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "samples-00000.ndjson.zst"
    file.write_bytes(flushed(lines(SAMPLE) + b'{"scenario": "chat", "st'))

    frame, notes = spool.segment_to_frame(file)
    assert frame.height == 1
    assert notes == ("samples-00000.ndjson.zst is cut: its last line is incomplete, left out.",)


def test_a_last_line_that_is_whole_needs_no_newline(tmp_path: Path) -> None:
    file = tmp_path / "samples-00000.ndjson.zst"
    file.write_bytes(zipped(lines(SAMPLE, SAMPLE)[:-1]))

    frame, notes = spool.segment_to_frame(file)
    assert (frame.height, notes) == (2, ())


def test_bytes_that_are_not_zstd_are_said(tmp_path: Path) -> None:
    file = tmp_path / "samples-00000.ndjson.zst"
    file.write_bytes(b"this was never compressed")

    frame, notes = spool.segment_to_frame(file)
    assert frame.is_empty()
    assert notes[0].startswith("samples-00000.ndjson.zst is damaged (")


def test_of_a_file_that_is_damaged_in_the_middle_every_block_before_the_damage_is_read(
    tmp_path: Path,
) -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    texts = [
        lines(*(SAMPLE | {"trace_id": sha256(f"{block}.{line}")} for line in range(10)))
        for block in range(8)
    ]
    blocks = [
        compressor.compress(text) + compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        for text in texts
    ]
    blocks[5] = b"\xff\xff\xff" + blocks[5][3:]  # a kind of block that there is not
    file = tmp_path / "samples-00000.ndjson.zst"
    file.write_bytes(b"".join(blocks) + compressor.flush())

    frame, notes = spool.segment_to_frame(file)
    assert frame.height == 50
    assert len(notes) == 1
    read = len(b"".join(texts[:5]))
    assert f"only its first {read:,} bytes of plain text were read" in notes[0]


def test_several_frames_in_one_file_are_all_read(tmp_path: Path) -> None:
    file = tmp_path / "samples-00000.ndjson.zst"
    file.write_bytes(zipped(lines(SAMPLE)) + zipped(lines(SAMPLE)))

    assert spool.segment_to_frame(file)[0].height == 2


@pytest.mark.parametrize(
    "garbage", ["garbage", "[1, 2]", "17", "null", '{"scenario": "chat"', "{]"]
)
def test_a_line_that_is_not_an_object_is_left_out_and_counted(tmp_path: Path, garbage: str) -> None:
    frame, notes = spool.segment_to_frame(segment_file(tmp_path, SAMPLE, garbage, garbage, SAMPLE))

    assert frame.height == 2
    assert notes == (
        "samples-00000.ndjson.zst: 2 lines are not JSON, left out; the first is line 2.",
    )


def test_blank_lines_mean_nothing(tmp_path: Path) -> None:
    frame, notes = spool.segment_to_frame(segment_file(tmp_path, SAMPLE, "", "  ", SAMPLE))

    assert (frame.height, notes) == (2, ())


@pytest.mark.parametrize("key", samples.REQUIRED)
def test_a_required_key_that_is_missing_is_named_with_its_line(tmp_path: Path, key: str) -> None:
    lacking = {name: value for name, value in SAMPLE.items() if name != key}
    with pytest.raises(SpoolError) as caught:
        spool.segment_to_frame(segment_file(tmp_path, SAMPLE, SAMPLE, lacking))

    assert str(caught.value) == (
        f"samples-00000.ndjson.zst, line 3: the key '{key}' is missing; every line must have it."
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("status", "200", "key 'status': found \"200\", allowed is a whole number or null."),
        ("ended_us", 51000.5, "key 'ended_us': found 51000.5, allowed is a whole number or null."),
        ("attempt", True, "key 'attempt': found true, allowed is a whole number or null."),
        ("due_us", 2**70, f"key 'due_us': found {2**70}, allowed is a whole number or null."),
        ("reused", 1, "key 'reused': found 1, allowed is true or false or null."),
        ("tokens", [3], "key 'tokens': found [3], allowed is a whole number or null."),
        ("due_by", "later", "key 'due_by': found \"later\", allowed is plan, previous."),
    ],
)
def test_a_wrong_value_never_becomes_null_in_silence(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    with pytest.raises(SpoolError) as caught:
        spool.segment_to_frame(segment_file(tmp_path, SAMPLE, {**SAMPLE, key: value}))

    assert str(caught.value) == f"samples-00000.ndjson.zst, line 2, {message}"


def test_an_outcome_that_does_not_exist_lists_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(
        SpoolError, match=r"line 1, key 'outcome': found \"fine\", .* check_failed, ok"
    ):
        spool.segment_to_frame(segment_file(tmp_path, {**SAMPLE, "outcome": "fine"}))


def test_a_whole_number_may_be_written_with_a_point(tmp_path: Path) -> None:
    frame, _ = spool.segment_to_frame(segment_file(tmp_path, {**SAMPLE, "ended_us": 51000.0}))

    assert frame["ended_us"].to_list() == [51000]


def test_an_answer_before_its_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match="sample 2: ended_us 5 lies before started_us 1000"):
        spool.segment_to_frame(segment_file(tmp_path, SAMPLE, {**SAMPLE, "ended_us": 5}))


def test_what_was_never_sent_may_end_before_it_starts(tmp_path: Path) -> None:
    dropped = {**SAMPLE, "outcome": "dropped", "ended_us": 5}

    assert spool.segment_to_frame(segment_file(tmp_path, dropped))[0].height == 1


def test_keys_of_a_newer_writer_are_passed_over(tmp_path: Path) -> None:
    frame, notes = spool.segment_to_frame(segment_file(tmp_path, {**SAMPLE, "colour": "red"}))

    assert (frame.height, notes) == (1, ())
    assert "colour" not in frame.columns


def test_a_big_segment_is_read_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "_BLOCK", 10_000)
    rows = [{**SAMPLE, "started_us": n} for n in range(2_000)]
    file = segment_file(tmp_path, *rows[:1500], "garbage", *rows[1500:])

    frame, notes = spool.segment_to_frame(file)
    assert frame["started_us"].to_list() == list(range(2_000))
    assert notes == (
        "samples-00000.ndjson.zst: 1 line is not JSON, left out; the first is line 1501.",
    )


def test_a_file_that_is_one_endless_line_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "_BLOCK", 10_000)
    monkeypatch.setattr(segment, "_LONGEST_LINE", 10_000)
    with pytest.raises(SpoolError, match="this is not a file of samples"):
        spool.segment_to_frame(segment_file(tmp_path, SAMPLE, "x" * 50_000))


def test_a_segment_that_differs_from_the_manifest_is_said(tmp_path: Path) -> None:
    entry = {"name": "samples-00000.ndjson.zst", "samples": 1, "bytes": 1, "sha256": "ab"}
    absent = {"name": "samples-00001.ndjson.zst", "samples": 5, "bytes": 1, "sha256": "cd"}
    document = {**MANIFEST, "segments": [entry, absent]}
    found = spool.read(folder(tmp_path, document, samples_00000=zipped(lines(SAMPLE))))

    assert found.notes == (
        "samples-00000.ndjson.zst is not the file that manifest.json lists: its SHA-256 differs.",
        "samples-00001.ndjson.zst is listed in manifest.json but is not there.",
    )


def test_a_segment_with_fewer_samples_than_listed_is_said(tmp_path: Path) -> None:
    entry = {"name": "samples-00000.ndjson.zst", "samples": 3, "bytes": 1, "sha256": ""}
    document = {**MANIFEST, "segments": [entry]}
    found = spool.read(folder(tmp_path, document, samples_00000=zipped(lines(SAMPLE))))

    assert found.notes == ("samples-00000.ndjson.zst holds 1 samples; manifest.json says 3.",)


def test_readings_become_one_row_a_metric(tmp_path: Path) -> None:
    readings = lines(
        {"t_us": -5, "probe": "ops", "values": {"pool": 3, "hit_rate": 0.5}, "took_ms": 2.5},
        {"t_us": 1000, "probe": "ops", "values": {"pool": None}, "error": None},
        {"t_us": 2000, "probe": "ops", "values": {}, "error": "timeout"},
        "gar",
    )
    found = spool.read(
        folder(tmp_path, samples_00000=zipped(lines(SAMPLE)), probes=zipped(readings))
    )

    assert found.readings.rows() == [(-5, "ops", "pool", 3.0), (-5, "ops", "hit_rate", 0.5)]
    assert found.notes == (
        "probes.ndjson.zst: 1 line is not JSON, left out.",
        "probes.ndjson.zst: 1 probe reading failed.",
    )


def test_a_reading_that_is_no_number_is_named(tmp_path: Path) -> None:
    readings = lines({"t_us": 1, "probe": "ops", "values": {"pool": "many"}})
    with pytest.raises(
        SpoolError, match=r"line 1, metric 'pool': found \"many\", allowed is a number"
    ):
        spool.read(folder(tmp_path, probes=zipped(readings)))


def test_health_is_read_with_its_columns(tmp_path: Path) -> None:
    text = lines({"t_us": 1_000_000, "worker": 0, "wanted": 10, "reached": 9, "cpu_process": 1})
    found = spool.read(folder(tmp_path, health=zipped(text)))

    assert found.health.select("t_us", "wanted", "cpu_process").rows() == [(1_000_000, 10, 1.0)]


def test_a_folder_without_a_manifest_is_no_spool(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match=r"is not a spool: it holds no manifest\.json"):
        spool.read(tmp_path)


def test_a_manifest_that_breaks_the_format_names_the_key(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json, state"):
        spool.read(folder(tmp_path, {**MANIFEST, "state": "fine"}))


def test_both_readers_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, object] = dict.fromkeys(samples.SCHEMA)
    row |= {name: 7 for name, kind in samples.SCHEMA.items() if kind == pl.Int64()}
    row |= {**SAMPLE, "ended_us": 90_000, "error": 'déjà vu "x"', "reused": False, "due_by": "plan"}
    file = segment_file(tmp_path, row, SAMPLE)
    natively, _ = spool.segment_to_frame(file)
    monkeypatch.setattr(segment, "_natively", lambda *_: None)
    one_by_one, _ = spool.segment_to_frame(file)

    assert natively.equals(one_by_one, null_equal=True)
    assert natively.schema == one_by_one.schema


def test_no_more_blocks_are_read_ahead_however_many_segments_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each takes some megabytes: a large run has hundreds of segments."""
    paths = [tmp_path / f"samples-{at:05d}.ndjson.zst" for at in range(30)]
    for path in paths:
        path.write_bytes(zipped(lines(SAMPLE)))
    read, plain = list[segment.Block](), segment.Lines.blocks

    def counted(self: segment.Lines) -> Iterator[segment.Block]:
        for block in plain(self):
            read.append(block)
            yield block

    monkeypatch.setattr(segment.Lines, "blocks", counted)
    taken = 0
    for part in spool.parts_of(paths):
        assert len(read) - taken <= 4
        taken += part.frame.height
    assert taken == 30
