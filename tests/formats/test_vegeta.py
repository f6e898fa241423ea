"""Vegeta: results as lines, as an array and as CSV of three widths, and its report."""

import json
from pathlib import Path
from typing import Any

import pytest

from runs.formats.errors import FormatError
from tests.formats.reading import outcomes, read, row_of, samples, whole_of

NS = 1732352400_000000000
GOB = b"\x47\xff\x81\x03\x01\x01\x06Result\x01\xff\x82\x00\x01\x0c\x01\x06Attack\x01\x0c\x00"


def result(at_ms: int = 0, code: int = 200, **more: Any) -> dict[str, Any]:
    return {
        "attack": "shop",
        "seq": 0,
        "code": code,
        "timestamp": f"2024-11-23T10:00:00.{at_ms:03d}000123+01:00",
        "latency": 12_345_678,
        "bytes_out": 5,
        "bytes_in": 40,
        "error": "" if 200 <= code < 400 else f"{code} odd",
        "body": "aGk=",
        "method": "GET",
        "url": "http://shop.test/",
        "headers": {"A": ["b"]},
        **more,
    }


def lines(*results: Any) -> str:
    return "".join(json.dumps(one) + "\n" for one in results)


def test_nanoseconds_from_the_start(tmp_path: Path) -> None:
    found = read(tmp_path, lines(result(), result(500)))

    assert found.started_at_us == NS // 1000
    names = ("scenario", "step", "started_us", "ended_us", "bytes_in", "bytes_out")
    assert samples(found, *names) == [
        ("shop", "GET http://shop.test/", 0, 12_346, 40, 5),
        ("shop", "GET http://shop.test/", 500_000, 512_346, 40, 5),
    ]


def test_lines_and_array_and_table_say_the_same(tmp_path: Path) -> None:
    results = [result(), result(100, 404), result(200, 0, error="dial tcp: connection refused")]
    rows = [
        f"{NS + at * 1_000_000 + 123},{one['code']},{one['latency']},5,40,{one['error']},aGk=,shop,"
        f"{at},GET,http://shop.test/,QTogYg==\n"
        for at, one in zip((0, 100, 200), results, strict=True)
    ]
    names = ("scenario", "step", "started_us", "ended_us", "status", "outcome", "error")

    from_lines = samples(read(tmp_path, lines(*results)), *names)

    assert from_lines == samples(read(tmp_path, json.dumps(results)), *names)
    assert from_lines == samples(read(tmp_path, "".join(rows)), *names)
    assert [one[4:6] for one in from_lines] == [
        (200, "ok"), (404, "client_error"), (None, "connection_error"),
    ]  # fmt: skip


def test_success_is_a_code_from_200_to_399(tmp_path: Path) -> None:
    codes = (200, 204, 301, 399, 199, 400, 429, 500, 0)
    timeout = result(9, 0, error='Get "http://shop.test/": context deadline exceeded')
    found = read(tmp_path, lines(*(result(at, code) for at, code in enumerate(codes)), timeout))

    assert outcomes(row_of(found)) == {
        "ok": 4,
        "check_failed": 1,
        "client_error": 1,
        "refused": 1,
        "server_error": 1,
        "connection_error": 1,
        "timeout": 1,
    }


def test_older_lines_have_no_method_address_or_headers(tmp_path: Path) -> None:
    old = {key: one for key, one in result().items() if key not in ("method", "url", "headers")}

    assert samples(read(tmp_path, lines(old)), "step") == [("requests",)]


@pytest.mark.parametrize(
    ("columns", "step"), [(12, "GET http://shop.test/"), (9, "requests"), (6, "requests")]
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_tables_of_every_width(tmp_path: Path, columns: int, step: str, end: str) -> None:
    whole = [str(NS), "200", "12345678", "5", "40", "", "aGk=", "shop", "7", "GET"]
    row = ",".join([*whole, "http://shop.test/", "QTogYg=="][:columns])

    found = read(tmp_path, (row + end) * 3)

    assert samples(found, "step", "ended_us") == [(step, 12_346)] * 3


def test_rows_stand_in_the_order_of_their_ends(tmp_path: Path) -> None:
    found = read(tmp_path, lines(result(500), result(100), result(0)))

    assert [at for (at,) in samples(found, "started_us")] == [0, 100_000, 500_000]


def test_odd_entries_are_counted(tmp_path: Path) -> None:
    bad = [
        result(latency=-5_000_000),
        result(latency="x"),
        {**result(), "code": None},
        result(timestamp="never"),
        7,
    ]

    from_lines, from_array = (
        read(tmp_path, text) for text in (lines(result(), *bad), json.dumps([result(), *bad]))
    )

    for found in (from_lines, from_array):
        assert found.count == 1
        counted = [int(note.split(": ")[1].split(" ")[0]) for note in found.notes if "row" in note]
        assert sum(counted) == 5


def test_a_table_that_is_cut_leaves_half_a_row_out(tmp_path: Path) -> None:
    row = f"{NS},200,12345678,5,40,,aGk=,shop,7,GET,http://shop.test/,QTogYg==\n"
    for cut in range(len(row) + 1, 2 * len(row) - 12):
        found = read(tmp_path, (row * 2)[:cut])
        assert (found.count, found.state) == (1, "incomplete")


def test_its_binary_encoding_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"line 1, column 1: .*`vegeta encode -to json`"):
        read(tmp_path, GOB + b"\0" * 100)


REPORT = {
    "latencies": {"total": 9_000_000_000, "mean": 9e6, "50th": 8e6, "90th": 15e6, "95th": 18e6,
                  "99th": 25e6, "max": 40e6, "min": 2e6},
    "bytes_in": {"total": 1, "mean": 1}, "bytes_out": {"total": 0, "mean": 0},
    "earliest": "2024-11-23T09:00:00Z", "latest": "2024-11-23T09:00:09.9Z",
    "end": "2024-11-23T09:00:10Z", "duration": 10_000_000_000, "wait": 1_000_000,
    "requests": 1000, "rate": 100.0, "throughput": 95.0, "success": 0.95,
    "status_codes": {"0": 10, "200": 950, "429": 15, "500": 25}, "errors": ["500 odd"],
}  # fmt: skip


def test_the_report_is_a_summary(tmp_path: Path) -> None:
    found = read(tmp_path, json.dumps(REPORT))

    got = row_of(found)
    assert (got.count, got.offered_rps, got.all_ms.p95, got.all_ms.p99_9) == (1000, 100, 18, None)
    assert outcomes(got) == {"ok": 950, "refused": 15, "server_error": 25, "connection_error": 10}
    assert (got.rate_5xx, got.response_ms.p95) == (0.025, None)
    assert (found.started_at_us, whole_of(found).count) == (NS // 1000, 1000)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"latencies": {}, "bytes_in": 1}'])
def test_what_holds_nothing_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match=r"results, line 1, column 1: "):
        read(tmp_path, text, "vegeta")
