"""Files that were made to hurt: each ends in a stated refusal, or is read in part and says so."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard

from runs.formats import detection, spool
from runs.formats import manifest as manifests
from runs.formats.errors import ManifestError, SpoolError
from runs.formats.limits import Limits
from tests.builders import manifest_of, sample, steady, write_lines, write_spool

SEGMENT = "samples-00000.ndjson.zst"


def spool_with(tmp_path: Path, content: bytes, name: str = SEGMENT) -> Path:
    """A sound spool of 100 samples in which one file has this plain text."""
    folder = write_spool(tmp_path / "run")
    (folder / name).write_bytes(zstandard.ZstdCompressor().compress(content))
    return folder


def line(**changed: Any) -> bytes:
    return (json.dumps(sample(**changed)) + "\n").encode()


def with_value(key: str, text: str) -> bytes:
    """A sample in which one value is written as it stands here, valid JSON or not."""
    return (json.dumps({**sample(), key: "HERE"}).replace('"HERE"', text) + "\n").encode()


@pytest.mark.parametrize(
    "bomb",
    [
        b"\n" * (8 << 20),
        b" " * (8 << 20),
        b"\0" * (8 << 20),
        line() * 40_000,
        b'{"x": "' + b"y" * (8 << 20) + b'"}\n',
    ],
    ids=["line ends", "blanks", "zeros", "samples", "one long text"],
)
def test_a_file_that_inflates_beyond_the_limit_is_refused(tmp_path: Path, bomb: bytes) -> None:
    folder = spool_with(tmp_path, bomb)
    assert (folder / SEGMENT).stat().st_size < 20_000

    with pytest.raises(SpoolError, match="hold more than 4,000,000 bytes once inflated"):
        spool.read(folder, Limits(inflated_bytes=4_000_000))


def test_the_limit_counts_all_files_of_a_run_together(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "run", steady(100, 10), segments=4)

    spool.read(folder, Limits(inflated_bytes=500_000))
    with pytest.raises(SpoolError, match="samples-00003"):
        spool.read(folder, Limits(inflated_bytes=380_000))


def test_a_gigabyte_of_line_ends_is_refused_with_little_memory(tmp_path: Path) -> None:
    compressor = zstandard.ZstdCompressor().compressobj()
    pieces = [compressor.compress(b"\n" * (1 << 24)) for _ in range(64)]
    folder = write_spool(tmp_path / "run")
    (folder / SEGMENT).write_bytes(b"".join([*pieces, compressor.flush()]))

    tracemalloc.start()
    with pytest.raises(SpoolError, match="once inflated"):
        spool.read(folder, Limits(inflated_bytes=48 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 200 << 20


def test_a_gzip_file_under_a_segments_name_is_read_as_nothing_and_that_is_said(
    tmp_path: Path,
) -> None:
    folder = write_spool(tmp_path / "run")
    (folder / SEGMENT).write_bytes(b"\x1f\x8b\x08" + b"\0" * 100)

    read = spool.read(folder)

    assert read.samples.height == 0
    assert any("is damaged" in note and "first 0 bytes" in note for note in read.notes)
    assert any("says 100" in note for note in read.notes)


def test_a_file_of_no_bytes_is_said_to_be_empty(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "run")
    (folder / SEGMENT).write_bytes(b"")

    assert f"{SEGMENT} is empty." in spool.read(folder).notes


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "[" * 10_000 + "]" * 10_000])
@pytest.mark.parametrize("key", ["due_us", "error", "tokens"])
def test_what_is_not_json_is_counted_and_left_out(tmp_path: Path, key: str, literal: str) -> None:
    read = spool.read(spool_with(tmp_path, line() + with_value(key, literal) + line()))

    assert read.samples.height == 2
    assert f"{SEGMENT}: 1 line is not JSON, left out; the first is line 2." in read.notes


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("started_us", -(10**12)),
        ("due_us", -(10**12)),
        ("ended_us", 2**62),
        ("due_us", 31 * 24 * 3600 * 10**6 + 1),
        ("first_token_us", 2**62),
    ],
)
def test_a_moment_that_no_run_has_is_refused_with_its_sample(
    tmp_path: Path, key: str, value: int
) -> None:
    times = {"started_us": 0, "ended_us": 1, key: value}
    times["ended_us"] = max(times["ended_us"], times["started_us"])

    with pytest.raises(SpoolError, match=rf"sample 2, key '\w+': found {value}"):
        spool.read(spool_with(tmp_path, line() + line(**times)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1" * 5_000, "not JSON"),  # Python reads no whole number of so many digits
        ("1" * 400, "allowed is a whole number"),
        ("1e400", "allowed is a whole number"),
        ("0.5", "found 0.5, allowed is a whole number"),
        ("true", "found true, allowed is a whole number"),
    ],
)
def test_a_number_beyond_64_bits_is_refused_or_left_out(
    tmp_path: Path, text: str, found: str
) -> None:
    folder = spool_with(tmp_path, line() + with_value("due_us", text))

    try:
        said = "\n".join(spool.read(folder).notes)
    except SpoolError as error:
        said = str(error)

    assert found in said


def test_too_many_different_steps_are_refused_with_what_to_do(tmp_path: Path) -> None:
    lines = [sample(at / 100, step=f"GET /orders/{at}") for at in range(2_100)]

    with pytest.raises(SpoolError, match=r"more than 2,000 different .*after its route"):
        spool.read(write_spool(tmp_path / "run", lines))


def test_a_text_of_ten_megabytes_is_cut_where_it_is_an_error_and_refused_where_it_is_a_name(
    tmp_path: Path,
) -> None:
    long = "x" * 10_000_000
    folder = write_spool(tmp_path / "run", [sample(error=long), sample(0.1)])

    read = spool.read(folder)

    assert read.samples["error"].to_list() == ["x" * 1_000, None]
    assert f"{SEGMENT}: 1 text longer than 1,000 characters, cut." in read.notes
    with pytest.raises(SpoolError, match=r"key 'step': .* at most 200 characters"):
        spool.read(write_spool(tmp_path / "named", [sample(step=long)]))


@pytest.mark.parametrize("name", ["a\0b", "a\nb", "\x7f"])
def test_a_name_with_a_control_character_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpoolError, match="without control characters"):
        spool.read(write_spool(tmp_path / "run", [sample(scenario=name)]))


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ('{"t_us": 0, "probe": "ops", "values": {"pool": NaN}}', "1 line is not JSON"),
        ('{"t_us": 0, "probe": "ops", "values": {"pool": 1e400}}', "allowed is a number"),
        ('{"t_us": 0, "probe": "ops", "values": {"a\\u0000b": 1}}', "control characters"),
        ('{"t_us": 9e99, "probe": "ops", "values": {}}', "key 't_us'"),
        ('{"t_us": -9999999999999, "probe": "ops", "values": {}}', "key 't_us'"),
        ("[" * 10_000 + "]" * 10_000, "1 line is not JSON"),
    ],
)
def test_a_hostile_reading_is_left_out_or_refused(tmp_path: Path, reading: str, said: str) -> None:
    folder = spool_with(tmp_path, reading.encode() + b"\n", "probes.ndjson.zst")

    try:
        found = "\n".join(spool.read(folder).notes)
    except SpoolError as error:
        found = str(error)

    assert said in found


def test_readings_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "run")
    values = {f"metric_{at}": at for at in range(50)}
    rows = [{"t_us": at, "probe": "ops", "values": values} for at in range(30)]
    write_lines(folder / "probes.ndjson.zst", rows)

    with pytest.raises(SpoolError, match="more than 1,000 readings"):
        spool.read(folder, Limits(readings=1_000))


@pytest.mark.parametrize(
    ("changes", "at"),
    [
        ({"phases": [{"scenario": "a", "phase": "b", "start_us": 5, "end_us": 4}]}, "end_us"),
        ({"phases": [{"scenario": "a", "phase": "b", "start_us": 0, "end_us": 10**30}]}, "end_us"),
        ({"phases": [{"scenario": "\0", "phase": "b", "start_us": 0, "end_us": 1}]}, "scenario"),
        ({"labels": {"team": "x" * 1_001}}, "labels"),
        ({"criteria": ["x" * 2_001]}, "criteria"),
        ({"peak_jps": {"a": 1e12}}, "peak_jps"),
        ({"campaign": {"name": "x" * 201}}, "campaign"),
    ],
)
def test_a_manifest_with_absurd_values_is_refused_with_its_key(
    tmp_path: Path, changes: dict[str, Any], at: str
) -> None:
    document = {**manifest_of(write_spool(tmp_path / "run")), **changes}

    with pytest.raises(ManifestError, match=at):
        manifests.parse(json.dumps(document))


def test_more_samples_than_the_limit_are_refused_over_all_files_of_the_run(tmp_path: Path) -> None:
    folder = write_spool(tmp_path / "run", steady(10, 10), segments=4)

    assert spool.read(folder, Limits(samples=100)).samples.height == 100
    with pytest.raises(SpoolError, match=r"samples-00003.*more than 99 samples"):
        spool.read(folder, Limits(samples=99))


def test_a_file_of_very_many_names_takes_none_from_the_files_after_it(tmp_path: Path) -> None:
    """Names are kept as numbers, of which there must be enough while what failed is remembered."""
    folder = write_spool(tmp_path / "many")
    many = [sample(at / 1e5, step=f"/orders/{at}") for at in range(70_000)]
    write_lines(folder / SEGMENT, many)

    with pytest.raises(SpoolError, match="different scenarios, steps, phases") as remembered:
        spool.read(folder)
    after = write_spool(tmp_path / "after", [sample(0.0, step="a step that is new")])

    assert list(spool.read(after).samples["step"]) == ["a step that is new"]
    assert remembered.value


def test_a_table_of_very_many_labels_becomes_the_most_frequent_and_the_others(
    tmp_path: Path,
) -> None:
    rows = "".join(f"{1_700_000_000_000 + at},5,label {at},200,true\n" for at in range(70_000))
    path = tmp_path / "many.jtl"
    path.write_text("timeStamp,elapsed,label,responseCode,success\n" + rows)

    found = detection.read(path)

    assert found.samples["step"].n_unique() == 500
    assert found.samples.height == 70_000
