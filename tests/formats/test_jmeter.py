"""JMeter: every dialect of its CSV, and XML as a stream."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runs.formats import detection
from runs.formats.errors import FormatError
from runs.formats.imported import Imported
from runs.formats.samples import CODED
from tests.formats.reading import (
    DATA,
    apart_of,
    outcomes,
    read,
    report_of,
    row_of,
    samples,
    whole_of,
)

T = 1732352400000
FULL = (
    "timeStamp,elapsed,label,responseCode,responseMessage,threadName,dataType,success,"
    "failureMessage,bytes,sentBytes,grpThreads,allThreads,URL,Latency,IdleTime,Connect"
)


def row(at: int = 0, took: int = 30, thread: str = "Users 1-1", **more: object) -> str:
    """A row of the default columns of JMeter 5, `at` ms after the start of the file."""
    values = {
        "timeStamp": T + at,
        "elapsed": took,
        "label": "home",
        "responseCode": "200",
        "responseMessage": "OK",
        "threadName": thread,
        "dataType": "text",
        "success": "true",
        "failureMessage": "",
        "bytes": 1200,
        "sentBytes": 110,
        "grpThreads": 1,
        "allThreads": 1,
        "URL": "http://shop.test/",
        "Latency": took - 5,
        "IdleTime": 0,
        "Connect": 3,
        **more,
    }
    return ",".join(str(one) for one in values.values()) + "\n"


def table(*rows: str) -> str:
    return FULL + "\n" + "".join(rows)


def test_elapsed_and_latency_include_connecting(tmp_path: Path) -> None:
    found = read(tmp_path, table(row(), row(100, Connect=0)))

    assert found.started_at_us == T * 1000
    assert samples(found, "started_us", "ended_us", "first_byte_us", "connect_us", "reused") == [
        (0, 30_000, 25_000, 3_000, False),
        (100_000, 130_000, 125_000, 0, True),
    ]
    assert samples(found, "scenario", "step", "bytes_in", "bytes_out")[0] == (
        "Users", "home", 1200, 110,
    )  # fmt: skip
    assert row_of(found).all_ms.max == 30.0


def test_every_column_of_a_sample_is_there_whatever_the_file_has(tmp_path: Path) -> None:
    found = detection.read(DATA / "jmeter-2.13.csv").samples

    assert found.columns == list(CODED)
    assert found.cast(pl.Schema(CODED)).rows() == found.rows()  # numbers may be narrower
    assert set(found["phase"]) == {"plateau"}
    assert set(found["attempt"]) == {1}
    assert found["due_us"].null_count() == found.height
    assert found["started_us"].is_sorted()


def test_success_is_independent_of_the_code(tmp_path: Path) -> None:
    never = "Non HTTP response code: java.net."
    bad: dict[str, Any] = {"success": "false"}
    found = read(
        tmp_path,
        table(
            row(),
            row(1, responseCode=404),  # the script expects it
            row(2, responseCode=404, **bad),
            row(3, responseCode=429, **bad),
            row(4, responseCode=503, **bad),
            row(5, responseCode=200, failureMessage="Test failed: text expected", **bad),
            row(6, responseCode=never + "SocketTimeoutException", **bad),
            row(7, responseCode=never + "ConnectException", **bad),
            row(8, responseCode="", **bad),
        ),
    )

    got = row_of(found)
    assert outcomes(got) == {
        "ok": 2,
        "client_error": 1,
        "refused": 1,
        "server_error": 1,
        "check_failed": 2,
        "timeout": 1,
        "connection_error": 1,
    }
    assert got.statuses == {"200": 2, "404": 2, "429": 1, "503": 1}
    assert "200 Test failed: text expected" in found.samples["error"].to_list()


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (FULL.split(","), "the default of JMeter 5"),
        (["timeStamp", "elapsed"], "as little as can be"),
        (["elapsed", "timeStamp", "success", "label"], "another order"),
        (["timeStamp", "elapsed", "label", "success", "Latency", "userId", "cart"], "variables"),
        (["timeStamp", "elapsed", "label", "success", *(f"v{at}" for at in range(30))], "many"),
    ],
)
def test_columns_are_found_by_their_names(tmp_path: Path, columns: Sequence[str], why: str) -> None:
    values = dict(zip(FULL.split(","), row().strip().split(","), strict=True))
    line = ",".join(str(values.get(name, "x")) for name in columns)

    found = read(tmp_path, f"{','.join(columns)}\n{line}\n{line}\n")

    assert samples(found, "started_us", "ended_us") == [(0, 30_000), (0, 30_000)], why


@pytest.mark.parametrize("separator", ["\t", ";", "|", "~", "^"])
def test_any_delimiter(tmp_path: Path, separator: str) -> None:
    text = table(row(), row(50, success="false")).replace(",", separator)

    assert outcomes(row_of(read(tmp_path, text))) == {"ok": 1, "check_failed": 1}


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text + "\n\n",
        lambda text: text.replace("home", '"home"').replace("timeStamp", '"timeStamp"'),
    ],
    ids=["CRLF", "byte order mark", "blank lines at the end", "quoted"],
)
def test_what_editors_and_systems_do_to_a_file(tmp_path: Path, change: object) -> None:
    assert callable(change)
    found = read(tmp_path, change(table(row(), row(50))))

    assert samples(found, "step", "ended_us", "connect_us") == [
        ("home", 30_000, 3_000),
        ("home", 80_000, 3_000),
    ]
    assert found.notes == ()


def test_fields_hold_newlines_and_quotes_and_any_letters(tmp_path: Path) -> None:
    label = '"Käufe ""neu""\nund, alt 日本"'
    found = read(tmp_path, table(row(label=label), row(50), row(90, failureMessage='"a\n,b"')))

    assert [step for (step,) in samples(found, "step")] == [
        'Käufe "neu" und, alt 日本', "home", "home",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "line"),
    [
        (17, row()),
        (16, ",".join(row().split(",")[:13] + row().split(",")[14:])),  # without URL
        (12, f"{T},30,home,200,OK,Users 1-1,text,true,1200,1,1,25\n"),
        (10, f"{T},30,home,200,OK,Users 1-1,text,true,1200,25\n"),
        (9, f"{T},30,home,200,OK,Users 1-1,text,true,25\n"),
        (8, f"{T},30,home,200,OK,Users 1-1,text,true\n"),
        (11, f"{T},30,home,200,OK,Users 1-1,text,true,1200,25,odd\n"),
    ],
)
def test_a_missing_header(tmp_path: Path, count: int, line: str) -> None:
    assert len(line.split(",")) == count

    found = read(tmp_path, line + line.replace("true", "false"))

    assert outcomes(row_of(found)) == {"ok": 1, "check_failed": 1}


@pytest.mark.parametrize(
    ("first", "second", "apart_ms"),
    [
        ("2024/11/23 09:00:00.250", "2024/11/23 09:00:01.000", 750),
        ("2024-11-23 09:00:00", "2024-11-23 09:01:00", 60_000),
        ("2024-11-23T09:00:00.250", "2024-11-23T09:00:01.000", 750),
        ("23.11.2024 09:00:00.250", "23.11.2024 09:00:01.000", 750),
        ("23/11/2024 09:00:00", "24/11/2024 09:00:00", 86_400_000),
        ("11/23/24 09:00:00", "11/24/24 09:00:00", 86_400_000),  # what JMeter's manual proposes
        ("11/23/2024 09:00:00", "11/24/2024 09:00:00", 86_400_000),
        ("10/11/2024 23:59:59", "10/12/2024 00:00:01", 2_000),  # October, by its neighbours
        ("10/11/2024 23:59:59", "11/11/2024 00:00:01", 2_000),  # November
    ],
)
def test_dates_without_a_zone_have_distances_but_no_absolute_time(
    tmp_path: Path, first: str, second: str, apart_ms: int
) -> None:
    found = read(tmp_path, table(row(timeStamp=first), row(timeStamp=second)))

    assert [at for (at,) in samples(found, "started_us")] == [0, apart_ms * 1000]
    assert (found.started_at_us, found.fidelity.absolute_time) == (None, False)
    assert "without a zone" in " ".join(found.notes)


def test_a_date_with_a_zone_is_a_moment(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        table(
            row(timeStamp="2024-11-23T10:00:00.000+0100"),
            row(timeStamp="2024-11-23T10:00:01.500+0100"),
        ),
    )

    assert (found.started_at_us, found.fidelity.absolute_time) == (T * 1000, True)


def test_an_impossible_date_is_left_out_and_counted_and_never_shifted(tmp_path: Path) -> None:
    dates = ("2024/02/29 09:00:00", "2024/02/30 09:00:01", "2024/13/01 09:00:02")
    found = read(tmp_path, table(*(row(timeStamp=one) for one in dates)))

    assert samples(found, "started_us") == [(0,)]
    assert "2 rows left out: no readable timeStamp; the first is line 3" in found.notes[0]


@pytest.mark.parametrize("stamp", ["yesterday", "", "99:99", "-5"])
def test_where_no_stamp_can_be_read_the_durations_are_left(tmp_path: Path, stamp: str) -> None:
    found = read(tmp_path, table(row(timeStamp=stamp), row(took=50, timeStamp=stamp)))

    got = row_of(found)
    assert (got.count, got.all_ms.max, got.offered_rps) == (2, 50.0, None)
    assert found.fidelity.absolute_time is False


def test_a_time_of_another_century_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"results, line 1, column 1: nothing .*only 2000"):
        read(tmp_path, table(row(timeStamp=1), row(timeStamp=2)))


def test_a_file_without_times_is_counts_and_durations(tmp_path: Path) -> None:
    lines = [f"{took},home,{took != 30}\n" for took in range(1, 101)]

    found = read(tmp_path, "elapsed,label,success\n" + "".join(lines))

    got = row_of(found)
    assert (got.count, got.error_rate, got.offered_rps) == (100, 0.01, None)
    assert (got.all_ms.p50, got.all_ms.p99, got.response_ms.p50) == (50.0, 99.0, 51.0)
    assert whole_of(found).all_ms.p50 == 50.0
    assert "100 durations and no times" in found.notes[-1]


def test_stamps_of_starts_and_of_ends_are_told_apart(tmp_path: Path) -> None:
    """One thread: 100 ms, then 10 ms, ten times over."""
    took = [100, 10] * 10
    ends = [sum(took[: at + 1]) for at in range(20)]
    starts = [end - one for end, one in zip(ends, took, strict=True)]
    of_starts = [row(at, one) for at, one in zip(starts, took, strict=True)]
    of_ends = [row(at, one) for at, one in zip(ends, took, strict=True)]

    from_starts = read(tmp_path, table(*of_starts))
    from_ends = read(tmp_path, table(*of_ends))
    unsorted = read(tmp_path, table(*reversed(of_ends)))

    for found in (from_starts, from_ends, unsorted):
        assert samples(found, "started_us", "ended_us") == [
            (start * 1000, end * 1000) for start, end in zip(starts, ends, strict=True)
        ]
    assert not from_starts.notes
    assert "timeStamp is the end" in " ".join(from_ends.notes)


def test_transactions_are_kept_apart_and_in_no_total(tmp_path: Path) -> None:
    message = "Number of samples in transaction : 2, number of failing samples : 0"
    buy = {"label": "buy", "dataType": "", "responseMessage": f'"{message}"', "URL": "null"}
    found = read(tmp_path, table(row(), row(40), row(0, 70, **buy)))

    assert (found.count, whole_of(found).count) == (2, 2)
    assert apart_of(found, "buy (transaction)").all_ms.max == 70.0
    judged = [row.count for row in report_of(found).series if not row.pooled]
    assert sum(judged) == 2
    assert whole_of(found).all_ms.max == 30.0
    assert "1 rows of transaction controllers are kept apart" in " ".join(found.notes)


def test_a_file_of_transactions_alone_is_not_thrown_away(tmp_path: Path) -> None:
    message = "Number of samples in transaction : 2"
    found = read(tmp_path, table(row(label="buy", responseMessage=f'"{message}"')))

    assert (found.count, samples(found, "step")) == (1, [("buy",)])


def test_unreadable_rows_are_counted_with_the_first_of_them(tmp_path: Path) -> None:
    found = read(tmp_path, table(row(), row(elapsed="?"), "short\n", row(elapsed=-5)))

    assert found.count == 1
    assert found.notes[0].startswith("results: 3 rows left out: no readable elapsed; the first is")
    assert "line 3" in found.notes[0]


def test_rows_that_bundle_samples_are_said_to(tmp_path: Path) -> None:
    text = f"timeStamp,elapsed,label,SampleCount,ErrorCount\n{T},30,home,1,0\n{T},30,home,5,0\n"

    assert "1 rows stand for several samples each" in " ".join(read(tmp_path, text).notes)


def test_one_sample_has_no_rate(tmp_path: Path) -> None:
    got = row_of(read(tmp_path, table(row())))

    assert (got.count, got.offered_rps, got.all_ms.p50) == (1, None, 30.0)


@pytest.mark.parametrize("text", ["", FULL + "\n", "a,b\n1,2\n"])
def test_what_holds_nothing_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(FormatError, match=r"results, line \d+, column \d+: "):
        read(tmp_path, text, "jmeter")


# -- XML ---------------------------------------------------------------------------------------

OPEN = '<?xml version="1.0" encoding="UTF-8"?>\n<testResults version="1.2">\n'
SAMPLE = '<httpSample t="30" it="0" lt="25" ct="3" ts="{ts}" s="{s}" lb="{lb}" rc="200" rm="OK" tn="Users 1-1" dt="text" by="1200" sby="110" ng="1" na="1"{end}'  # noqa: E501


def sample(at: int = 0, s: str = "true", lb: str = "home", inside: str = "") -> str:
    end = f">{inside}</httpSample>\n" if inside else "/>\n"
    return SAMPLE.format(ts=T + at, s=s, lb=lb, end=end)


def xml(*parts: str) -> str:
    return OPEN + "".join(parts) + "</testResults>\n"


def test_xml_says_the_same_as_csv(tmp_path: Path) -> None:
    from_xml = read(tmp_path, xml(sample(), sample(100)))
    from_csv = read(tmp_path, table(row(), row(100)))

    names = ("scenario", "step", "started_us", "ended_us", "first_byte_us", "connect_us", "status")
    assert samples(from_xml, *names, "outcome") == samples(from_csv, *names, "outcome")


def test_what_nests_in_a_sample_is_a_part_and_in_a_transaction_a_sample(tmp_path: Path) -> None:
    redirected = sample(lb="login", inside=sample(lb="login-0") + sample(lb="login-1"))
    message = "Number of samples in transaction : 2, number of failing samples : 0"
    buy = (
        f'<sample t="70" lt="0" ts="{T}" s="true" lb="buy" rc="" rm="{message}" tn="Users 1-1">\n'
        + sample(lb="cart") + sample(40, lb="pay") + "</sample>\n"
    )  # fmt: skip

    found = read(tmp_path, xml(redirected, buy))

    assert sorted(step for (step,) in samples(found, "step")) == ["cart", "login", "pay"]
    assert {step for (step,) in found.apart.select("step").rows()} == {
        "login-0 (sub-result)",
        "login-1 (sub-result)",
        "buy (transaction)",
    }


def test_a_failed_assertion_is_the_error(tmp_path: Path) -> None:
    assertion = (
        "<assertionResult><name>a</name><failure>true</failure><error>false</error>"
        "<failureMessage>expected &lt;b&gt; &#x1;</failureMessage></assertionResult>"
    )
    found = read(tmp_path, xml(sample(s="false", inside=assertion), sample(50)))

    assert samples(found, "outcome", "error")[0] == ("check_failed", "200 expected <b>")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\x01b\x0bc", "control characters"),
        ("a&#x0;b&#31;c", "references to them"),
        ("a\ufffeb", "no character"),
    ],
)
def test_illegal_characters_do_not_end_the_reading(tmp_path: Path, text: str, why: str) -> None:
    found = read(tmp_path, xml(sample(lb=text), sample(50)))

    assert found.count == 2, why
    assert found.state == "complete"


def test_truncated_xml_keeps_what_stands_before_the_cut(tmp_path: Path) -> None:
    text = xml(*(sample(at * 50) for at in range(20))).encode()
    for cut in range(len(OPEN) + len(sample()) + 10, len(text) - 15, 97):
        found = read(tmp_path, text[:cut])

        whole = text[:cut].count(b"/>")
        assert found.state == "incomplete"
        assert found.count == whole
        assert "is cut or damaged at line" in " ".join(found.notes)


def test_xml_that_is_none_or_would_pull_in_files_is_refused(tmp_path: Path) -> None:
    evil = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><testResults>&b;</testResults>'
    with pytest.raises(FormatError, match=r"line 1, column 1: JMeter writes no DOCTYPE"):
        read(tmp_path, evil)
    with pytest.raises(FormatError, match=r"line 2, column \d+: not XML of JMeter"):
        read(tmp_path, "<testResults>\n<<<")
    with pytest.raises(FormatError, match=r"nothing can be read"):
        read(tmp_path, "<testResults></testResults>")


# -- What JMeter 2.13 itself wrote ----------------------------------------------------------------


def real(name: str) -> Imported:
    return detection.read(DATA / name)


@pytest.mark.parametrize(
    ("name", "clock"),
    [
        ("jmeter-2.13.csv", "absolute"),
        ("jmeter-2.13.xml", "absolute"),
        ("jmeter-2.13-without-header.csv", "absolute"),
        ("jmeter-2.13-end-stamps.csv", "absolute"),
        ("jmeter-2.13-dates-and-tabs.csv", "none"),
    ],
)
def test_files_of_jmeter_itself(name: str, clock: str) -> None:
    """Each is a run of the same plan: 60 journeys of 4 samples in a transaction controller."""
    found = real(name)

    assert found.count == 240
    assert found.apart.height == 60
    assert found.fidelity.absolute_time == (clock == "absolute")
    assert found.samples.filter(found.samples["outcome"] == "connection_error").height == 60
    assert {row.phase for row in report_of(found).series if not row.pooled} == {"plateau"}
    assert any("timeStamp is the end" in note for note in found.notes) == ("end" in name)


def test_what_success_does_not_say_the_code_does(tmp_path: Path) -> None:
    """`0` is no success, and a word that JMeter does not write says nothing."""
    rows = (
        row(0, success="0"),
        row(1, success="1", responseCode="500"),
        row(2, success="maybe", responseCode="500"),
        row(3, success="maybe"),
    )
    found = read(tmp_path, table(*rows))
    assert outcomes(row_of(found)) == {"check_failed": 1, "ok": 2, "server_error": 1}


@pytest.mark.parametrize("stamp", ["11/23/2024 09:00:0{} AM", "23-Nov-2024 09:00:0{}.000"])
def test_dates_of_twelve_hours_and_with_names_of_months(tmp_path: Path, stamp: str) -> None:
    rows = [row(took=10, timeStamp=stamp.format(at)) for at in range(5)]
    found = read(tmp_path, table(*rows))
    assert found.holds_samples
    assert list(found.samples["started_us"]) == [at * 1_000_000 for at in range(5)]


def test_durations_have_parts_of_a_millisecond_and_a_decimal_comma(tmp_path: Path) -> None:
    rows = [row(at, took=10).replace(",10,", ",10.5,") for at in range(3)]
    german = table(*rows).replace(",", ";").replace("10.5", "10,5")
    for text in (table(*rows), german):
        assert row_of(read(tmp_path, text)).all_ms.max == 10.5
