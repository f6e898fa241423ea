"""Files as other tools leave them: packed or plain, whole or cut, some of them made to hurt."""

import gzip
import json
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.formats import document, table
from runs.formats.errors import FormatError
from runs.formats.limits import Limits
from runs.formats.source import Source, outside_quotes
from tests.formats import reading

TEXT = b"".join(b"line %d of a file\n" % at for at in range(20_000))


def source_of(folder: Path, content: bytes, **more: int) -> Source:
    (folder / "file").write_bytes(content)
    limits = Limits(**more) if more else None
    return Source(folder / "file", limits=limits)


def packed(content: bytes) -> dict[str, bytes]:
    half = len(content) // 2
    zstd = zstandard.ZstdCompressor()
    return {
        "plain": content,
        "gzip": gzip.compress(content),
        "gzip of two members": gzip.compress(content[:half]) + gzip.compress(content[half:]),
        "gzip with padding": gzip.compress(content) + b"\0" * 512,
        "zstd": zstd.compress(content),
        "zstd of two frames": zstd.compress(content[:half]) + zstd.compress(content[half:]),
    }


@pytest.mark.parametrize("how", packed(b""))
def test_a_file_is_read_however_it_is_packed(tmp_path: Path, how: str) -> None:
    source = source_of(tmp_path, packed(TEXT)[how])

    assert b"".join(source.pieces()) == TEXT
    assert (source.is_cut, source.notes) == (False, ())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_what_a_shell_of_windows_wrote_is_read_as_utf_8(tmp_path: Path, encoding: str) -> None:
    text = "Zeile für Zeile 🚀\r\n" * 100_000
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    source = source_of(tmp_path, gzip.compress((mark + text).encode(encoding)))

    assert source.head.startswith("Zeile für".encode())
    assert b"".join(source.pieces()) == text.encode()


@pytest.mark.parametrize("how", [how for how in packed(b"") if how != "plain"])
def test_a_packed_file_that_is_cut_keeps_what_stands_before_the_cut(
    tmp_path: Path, how: str
) -> None:
    content = packed(TEXT)[how].rstrip(b"\0")
    source = source_of(tmp_path, content[: len(content) - 20])

    found = b"".join(source.pieces())

    assert TEXT.startswith(found)
    assert source.is_cut
    assert "is cut" in source.notes[0]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    source = source_of(tmp_path, b"\xef\xbb\xbfa,b\n")

    assert source.head == b"a,b\n"
    assert b"".join(source.pieces()) == b"a,b\n"


def bomb(kind: str) -> bytes:
    zeros = b"\0" * (8 << 20)
    if kind == "gzip":
        return gzip.compress(zeros)
    return zstandard.ZstdCompressor().compress(zeros)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_bomb_is_refused_at_the_limit(tmp_path: Path, kind: str) -> None:
    source = source_of(tmp_path, bomb(kind), inflated_bytes=1 << 20)

    with pytest.raises(FormatError, match="holds more than 1,048,576 bytes once inflated"):
        list(source.pieces())


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="nowhere cannot be read: No such file"):
        list(Source(tmp_path / "nowhere").pieces())


def test_blocks_end_between_records_and_know_their_lines(tmp_path: Path) -> None:
    row = b'a,"two\nlines",' + b"x" * 500 + b"\n"
    source = source_of(tmp_path, row * 80_000)

    blocks = list(source.blocks(outside_quotes))

    assert len(blocks) > 1
    assert b"".join(block.text for block in blocks) == row * 80_000
    assert all(block.text.startswith(b'a,"two') for block in blocks)
    assert [block.first_line for block in blocks] == [
        1 + 2 * (sum(len(one.text) for one in blocks[:at]) // len(row)) for at in range(len(blocks))
    ]


def test_a_field_whose_quote_never_closes_comes_last(tmp_path: Path) -> None:
    source = source_of(tmp_path, b'1,2\n3,"never\nclosed\n')

    assert [block.text for block in source.blocks(outside_quotes)] == [
        b"1,2\n",
        b'3,"never\nclosed\n',
    ]


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=20))
@settings(max_examples=100, deadline=None)
def test_rows_that_are_quoted_come_back_as_they_were(rows: list[list[str]]) -> None:
    rows = [[one.replace("\r", " ").replace("\0", " ") for one in row] for row in rows]
    lines = (",".join('"' + one.replace('"', '""') + '"' for one in row) for row in rows)
    text = "".join(f"{line}\n" for line in lines)
    with NamedTemporaryFile() as file:
        file.write(text.encode())
        file.flush()
        parts = list(table.rows(Source(Path(file.name)), ("a", "b"), has_header=False))

    found = [tuple(one or "" for one in row) for part in parts for row in part.frame.rows()]
    assert found == [tuple(row) for row in rows]


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_read_as_a_table_or_refused(content: bytes) -> None:
    with NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        for part in table.rows(Source(Path(file.name)), ("a", "b", "c"), has_header=False):
            assert part.frame.columns == ["a", "b", "c"]
            assert part.line_of(0) >= 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=3), JSON, min_size=1), st.data())
@settings(max_examples=300, deadline=None)
def test_the_beginning_of_any_json_document_can_be_closed(
    value: object, data: st.DataObject
) -> None:
    text = json.dumps(value, indent=1).encode()
    cut = data.draw(st.integers(min_value=1, max_value=len(text)))

    found = json.loads(document.closed(text[:cut]))

    assert is_part(found, value)


def is_part(found: object, of: object) -> bool:
    """Whether a value holds nothing that the whole does not hold in the same place."""
    if isinstance(found, dict) and isinstance(of, dict):
        return all(key in of and is_part(one, of[key]) for key, one in found.items())
    if isinstance(found, list) and isinstance(of, list):
        return len(found) <= len(of) and all(map(is_part, found, of))
    return found == of


def test_a_document_that_is_cut_says_where(tmp_path: Path) -> None:
    source = source_of(tmp_path, b'{"a": [1, 2,\n "x", {"b": 3')

    assert document.read(source) == {"a": [1, 2, "x", {}]}
    assert source.is_cut
    assert "is cut at line 2" in source.notes[0]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "line 1, column 1: not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not"),
        (b"]", "line 1, column 1: not JSON"),
    ],
)
def test_what_is_no_document_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        document.read(source_of(tmp_path, content))


@pytest.mark.parametrize(
    ("label", "places"), [("Über".encode("latin-1"), 1), ("Übergrößen".encode("cp1252"), 3)]
)
def test_bytes_that_are_not_utf_8_are_counted_and_said(
    tmp_path: Path, label: bytes, places: int
) -> None:
    """JMeter on Windows writes in the code page of its machine."""
    rows = b"timeStamp,elapsed,label,success\n1732352400000,30,%s,true\n" % label
    found = reading.read(tmp_path, rows)

    where = "1 place" if places == 1 else f"{places} places"
    assert f"results: bytes that are not UTF-8 stand in {where}; each is read as '\ufffd'." in (
        found.notes
    )
    assert found.samples["step"][0] == label.decode(errors="replace")


def test_what_is_utf_8_needs_no_note_whatever_its_signs(tmp_path: Path) -> None:
    rows = "timeStamp,elapsed,label,success\n1732352400000,30,Größe \ufffd 日,true\n"
    assert not reading.read(tmp_path, rows).notes
    element = '<httpSample t="30" ts="1732352400000" s="true" lb="Größe \ufffd" rc="200"/>'
    assert not reading.read(tmp_path, f"<testResults>{element}</testResults>").notes


def test_the_text_of_a_console_and_xml_say_it_too(tmp_path: Path) -> None:
    element = b'<httpSample t="30" ts="1732352400000" s="true" lb="Gr\xf6\xdfe" rc="200"/>'
    [note] = reading.read(tmp_path, b"<testResults>%s</testResults>" % element).notes
    assert "not UTF-8 stand in 2 places" in note
    source = source_of(tmp_path, b"Server: caf\xe9\n")
    assert source.text() == "Server: caf\ufffd\n"
    assert "not UTF-8 stand in 1 place" in source.notes[0]
