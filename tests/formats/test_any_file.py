"""What holds of every reader: found by shape, however packed, cut anywhere, damaged anyhow."""

import gzip
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.formats import report_json
from runs.formats.errors import FormatError
from runs.formats.imported import Imported
from tests.formats import test_k6
from tests.formats.examples import FILES, RAW, SUMMARIES, tool_of
from tests.formats.reading import read, report_of, whole_of

_IS_TEXT = [name for name in FILES if name != "gatling binary"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_known_by_its_shape_and_its_report_is_whole(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, FILES[name])

    document = report_json.dump(report_of(found))
    assert (found.tool, found.state) == (tool_of(name), "complete")
    assert document["run"]["source"] == found.tool
    assert document["run"]["fidelity"]["schedule"] is False
    assert [row for row in document["series"] if not row["pooled"]]
    assert whole_of(found).count == found.count


@pytest.mark.parametrize(
    "word", ['"latency_ms"', "hyperfoil", '"aggregate"', '"info"', '"latencies"', '"non2xx"']
)
def test_words_of_other_tools_in_a_file_mislead_nobody(tmp_path: Path, word: str) -> None:
    """An address, a tag or a metric may be called anything."""
    tagged = FILES["k6 lines"].replace(b"orders", word.replace('"', "").encode())
    metrics = {**test_k6.LEGACY["metrics"], word.replace('"', ""): {"count": 3}}
    summary = json.dumps({**test_k6.LEGACY, "metrics": metrics})

    for content in (tagged, summary):
        assert read(tmp_path, content).tool == "k6"


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_the_same_however_it_is_packed(tmp_path: Path, name: str) -> None:
    plain = read(tmp_path, FILES[name])
    for packed in (gzip.compress(FILES[name]), zstandard.compress(FILES[name])):
        found = read(tmp_path, packed)
        assert found.samples.equals(plain.samples)
        assert found.rows == plain.rows


@pytest.mark.parametrize("name", _IS_TEXT)
def test_line_ends_and_byte_order_marks_change_nothing(tmp_path: Path, name: str) -> None:
    plain = read(tmp_path, FILES[name])
    for text in (
        FILES[name].replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + FILES[name],
        FILES[name] + b"\n",
    ):
        found = read(tmp_path, text)
        assert (found.count, found.state) == (plain.count, "complete")
        assert _durations(found) == _durations(plain)


def _durations(found: Imported) -> Counter[tuple[str, int]]:
    """How long the requests of each step took; of sources without samples, nothing."""
    took = found.samples.select(
        "step", took=found.samples["ended_us"] - found.samples["started_us"]
    )
    return Counter(took.rows())


def _read(content: bytes, kind: str) -> Imported | None:
    """What is read of it, with its report; None where it is refused."""
    with TemporaryDirectory() as folder:
        try:
            found = read(Path(folder), content, kind)
        except FormatError:
            return None
        report_json.dumps(report_of(found))
        return found


@pytest.mark.parametrize("name", RAW)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_a_file_of_rows_cut_anywhere_keeps_what_stands_before(
    name: str, data: st.DataObject
) -> None:
    # Not within the first row: nobody knows then what a row has.
    cut = data.draw(st.integers(min_value=len(FILES[name]) // 3, max_value=len(FILES[name]) - 1))

    found, whole = _read(FILES[name][:cut], tool_of(name)), _read(FILES[name], tool_of(name))

    assert whole is not None
    if found is not None:
        assert _durations(found) <= _durations(whole)
        assert found.count <= whole.count


@pytest.mark.parametrize("name", SUMMARIES)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_a_summary_cut_anywhere_is_read_or_refused(name: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(min_value=0, max_value=len(FILES[name]) - 1))

    _read(FILES[name][:cut], tool_of(name))


_ODD = st.sampled_from(
    [b"", b"\0", b'"', b"\n", b",", b"\t", b"-1", b"NaN", b"1e999", b"Infinity", b"null", b"{}",
     b"[]",
     b"\xff\xfe", b"99999999999999999999", b"-9223372036854775808", b"9223372036854775807",
     b"</httpSample>", b"<sample t='1'>", b"true", "ü日".encode(), b"0x10", b"1_0"]
)  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=12, deadline=None)
def test_a_damaged_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    content = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(min_value=1, max_value=4))):
        at = data.draw(st.integers(min_value=0, max_value=len(content)))
        length = data.draw(st.integers(min_value=0, max_value=12))
        content[at : at + length] = data.draw(_ODD | st.binary(max_size=4))

    _read(bytes(content), tool_of(name))
