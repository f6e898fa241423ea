"""Gatling: four layouts of text, the binary log, and the statistics of its HTML report."""

import json
import struct
from pathlib import Path

import pytest

from runs.formats.errors import FormatError
from tests.formats.reading import outcomes, read, row_of, samples, whole_of

T = 1732352400000
RUN = f"RUN\tshop.Checkout\tcheckout\t{T}\t \t"
NOT_FOUND = "status.find.in(200,201), but actually found 404"
TEXTS = {
    # Every layout: a request that worked and one that did not, 100 ms and 40 ms.
    "2.0": (
        f"shop.Checkout\tcheckout\tRUN\t{T}\t \t2.0\n"
        f"Buyers\t1\tUSER\tSTART\t{T}\t0\n"
        f"Buyers\t1\tREQUEST\tcart,pay\tOrder\t{T}\t{T + 10}\t{T + 90}\t{T + 100}\tOK\t \n"
        f"Buyers\t1\tREQUEST\tcart,pay\tOrder\t{T + 200}\t{T + 201}\t{T + 239}\t{T + 240}\tKO\t"
        f"{NOT_FOUND}\n"
    ),
    "2.3": (
        f"{RUN}2.3\nUSER\tBuyers\t1\tSTART\t{T}\t{T}\n"
        f"REQUEST\tBuyers\t1\tcart,pay\tOrder\t{T}\t{T + 100}\tOK\t \n"
        f"REQUEST\tBuyers\t1\tcart,pay\tOrder\t{T + 200}\t{T + 240}\tKO\t{NOT_FOUND}\n"
    ),
    "3.0": (
        f"{RUN}3.3.1\nUSER\tBuyers\t1\tSTART\t{T}\t{T}\n"
        f"REQUEST\t1\tcart,pay\tOrder\t{T}\t{T + 100}\tOK\t \n"
        f"REQUEST\t1\tcart,pay\tOrder\t{T + 200}\t{T + 240}\tKO\t{NOT_FOUND}\n"
    ),
    "3.4": (
        f"ASSERTION\tAAECAAIA\n{RUN}3.9.5\nUSER\tBuyers\tSTART\t{T}\n"
        f"REQUEST\tcart,pay\tOrder\t{T}\t{T + 100}\tOK\t \n"
        f"REQUEST\tcart,pay\tOrder\t{T + 200}\t{T + 240}\tKO\t{NOT_FOUND}\n"
        f"USER\tBuyers\tEND\t{T + 240}\n"
    ),
}


@pytest.mark.parametrize("version", TEXTS)
def test_every_layout_of_the_text(tmp_path: Path, version: str) -> None:
    found = read(tmp_path, TEXTS[version])

    assert found.campaign == "shop.Checkout"
    assert found.started_at_us == T * 1000
    assert samples(found, "scenario", "step", "started_us", "ended_us", "outcome", "status") == [
        ("Buyers", "cart / pay / Order", 0, 100_000, "ok", None),
        ("Buyers", "cart / pay / Order", 200_000, 240_000, "client_error", 404),
    ]
    assert found.notes == ()


@pytest.mark.parametrize("version", ["2.0", "3.0.0", "3.12.0", "9.9", ""])
def test_the_version_in_the_run_record_may_lie(tmp_path: Path, version: str) -> None:
    text = TEXTS["3.4"].replace("3.9.5", version)

    assert read(tmp_path, text).count == 2


@pytest.mark.parametrize(
    ("message", "outcome", "status"),
    [
        ("status.find.is(200), but actually found 500", "server_error", 500),
        ("status.find.in(200,304), found 429", "refused", 429),
        ("i.g.h.c.i.RequestTimeoutException: Request timeout to shop.test:80 after 60000 ms",
         "timeout", None),
        ("j.n.ConnectException: Connection refused: shop.test:80", "connection_error", None),
        ("j.i.IOException: Premature close", "connection_error", None),
        ("jsonPath($.id).find.exists, found nothing", "check_failed", None),
        (" ", "check_failed", None),
    ],
)  # fmt: skip
def test_a_failure_is_told_by_its_message(
    tmp_path: Path, message: str, outcome: str, status: int | None
) -> None:
    text = TEXTS["3.4"] + f"REQUEST\t\tPing\t{T}\t{T + 7}\tKO\t{message}\n"

    got = row_of(read(tmp_path, text), "Ping")

    assert outcomes(got) == {outcome: 1}
    assert got.statuses == ({} if status is None else {str(status): 1})


def test_groups_and_errors_are_no_requests(tmp_path: Path) -> None:
    more = f"GROUP\tcart\t{T}\t{T + 240}\t140\tKO\nERROR\tj.l.Exception: no user left\t{T}\n"
    found = read(tmp_path, TEXTS["3.4"] + more)

    assert found.count == 2
    assert "1 group records are left out" in found.notes[0]
    assert "1 errors of the simulation itself" in found.notes[1]


def test_several_scenarios_stand_under_the_simulation(tmp_path: Path) -> None:
    found = read(tmp_path, TEXTS["3.4"] + f"USER\tAdmins\tSTART\t{T}\n")

    assert found.plan.scenarios == ("shop.Checkout",)
    assert "does not say which scenario" in found.notes[0]


def test_users_of_older_logs_tell_the_scenario_of_each_request(tmp_path: Path) -> None:
    more = f"USER\tAdmins\t2\tSTART\t{T}\t{T}\nREQUEST\t2\t\tList\t{T}\t{T + 5}\tOK\t \n"
    found = read(tmp_path, TEXTS["3.0"] + more)

    assert set(found.plan.scenarios) == {"Buyers", "Admins"}


@pytest.mark.parametrize("version", TEXTS)
def test_a_text_that_is_cut_keeps_whole_records(tmp_path: Path, version: str) -> None:
    text = TEXTS[version]
    first = text.index("OK\t \n") + len("OK\t \n")
    second = text.index(NOT_FOUND) - len("KO\t")
    for cut in range(first + 1, second):
        found = read(tmp_path, text[:cut])
        assert found.count == 1
        assert found.state == "incomplete"


def test_lines_with_carriage_returns(tmp_path: Path) -> None:
    assert read(tmp_path, TEXTS["3.4"].replace("\n", "\r\n")).count == 2


def test_odd_records_are_counted_with_the_first_of_them(tmp_path: Path) -> None:
    bad = f"REQUEST\t\tPing\t{T}\tsoon\tOK\t \nnonsense\nREQUEST\t\tPing\t{T}\t{T - 9}\tOK\t \n"
    found = read(tmp_path, TEXTS["3.4"] + bad + f"USER\tBuyers\tSTART\t{T}\n")

    assert found.count == 2
    assert (
        "2 rows left out: it is no complete record of a request; the first is line 7"
        in (found.notes[0])
    )
    assert "1 row left out: an end before the start" in found.notes[1]


def test_a_log_without_a_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="results, line 1, column 1: nothing can be read"):
        read(tmp_path, f"{RUN}3.9.5\nUSER\tBuyers\tSTART\t{T}\n")


# -- Binary ------------------------------------------------------------------------------------


class Binary:
    """Writes the records of Gatling 3.13 as its own writer does: each text once, then by number."""

    def __init__(self, *scenarios: str, version: str = "3.13.1") -> None:
        self._strings: dict[str, int] = {}
        texts = [version, "shop.Checkout"]
        self.data = b"\0" + b"".join(map(string, texts)) + struct.pack(">q", T) + string("")
        self.data += struct.pack(">i", len(scenarios)) + b"".join(map(string, scenarios))
        self.data += struct.pack(">i", 1) + struct.pack(">i", 3) + b"abc"  # an assertion

    def cached(self, text: str) -> bytes:
        if text in self._strings:
            return struct.pack(">i", -self._strings[text])
        self._strings[text] = len(self._strings) + 1
        return struct.pack(">i", self._strings[text]) + string(text)

    def groups(self, *names: str) -> bytes:
        return struct.pack(">i", len(names)) + b"".join(map(self.cached, names))

    def request(
        self, start: int, end: int, ok: bool = True, message: str = "", name: str = "Order"
    ) -> "Binary":
        self.data += b"\1" + self.groups("cart", "pay") + self.cached(name)
        self.data += struct.pack(">ii?", start, end, ok) + self.cached(message)
        return self

    def others(self) -> "Binary":
        self.data += b"\2" + struct.pack(">i?i", 0, True, 0)
        self.data += b"\3" + self.groups("cart") + struct.pack(">iii?", 0, 240, 140, False)
        self.data += b"\4" + self.cached("j.l.Exception: odd") + struct.pack(">i", 5)
        return self


def string(text: str) -> bytes:
    """Latin-1 where it can be, else UTF-16 in the order of the machine; nothing after a length
    of 0."""
    try:
        raw, coder = text.encode("latin-1"), 0
    except UnicodeEncodeError:
        raw, coder = text.encode("utf-16-le"), 1
    return struct.pack(">i", len(raw)) + (raw + bytes([coder]) if raw else b"")


def test_the_binary_log(tmp_path: Path) -> None:
    log = Binary("Buyers").others().request(0, 100).request(200, 240, False, NOT_FOUND)

    found = read(tmp_path, log.request(300, 305).others().data)

    assert (found.campaign, found.started_at_us) == ("shop.Checkout", T * 1000)
    assert samples(found, "scenario", "step", "started_us", "ended_us", "outcome", "status") == [
        ("Buyers", "cart / pay / Order", 0, 100_000, "ok", None),
        ("Buyers", "cart / pay / Order", 200_000, 240_000, "client_error", 404),
        ("Buyers", "cart / pay / Order", 300_000, 305_000, "ok", None),
    ]
    assert "2 group records are left out" in found.notes[0]
    assert "2 errors of the simulation itself" in found.notes[1]


def test_texts_of_the_binary_log_are_latin_or_utf_16(tmp_path: Path) -> None:
    log = Binary("Käufer").request(0, 9, name="Zahlung für 日本").request(9, 12, name="Ü")

    found = read(tmp_path, log.data)

    assert samples(found, "scenario", "step") == [
        ("Käufer", "cart / pay / Zahlung für 日本"),
        ("Käufer", "cart / pay / Ü"),
    ]


@pytest.mark.parametrize("version", ["3.12.0", "3.13.5", "4.0.0-M1"])
def test_the_version_of_the_binary_log_does_not_matter(tmp_path: Path, version: str) -> None:
    assert read(tmp_path, Binary("Buyers", version=version).request(0, 9).data).count == 1


def test_inbound_messages_without_an_end_are_no_requests(tmp_path: Path) -> None:
    """Their end is Long.MinValue less the start of the run, cast to an int."""
    absurd = struct.unpack(">i", struct.pack(">q", -(1 << 63) + (-T % (1 << 32)))[4:])[0]
    log = Binary("Buyers").request(0, 100).request(50, absurd).request(60, -5)

    found = read(tmp_path, log.data)

    assert found.count == 1
    assert "2 inbound messages" in found.notes[0]


def test_a_binary_log_cut_anywhere_keeps_the_records_before(tmp_path: Path) -> None:
    log = Binary("Buyers").request(0, 100)
    first = len(log.data)
    whole = log.request(200, 240, False, NOT_FOUND).others().data
    for cut in range(first + 1, len(whole)):
        found = read(tmp_path, whole[:cut])
        assert found.count in (1, 2)
    assert read(tmp_path, whole[:first]).state == "complete"
    assert read(tmp_path, whole[: first + 9]).state == "incomplete"
    assert f"is cut in the record at byte {first}" in read(tmp_path, whole[: first + 9]).notes[0]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (b"\x09", "a record of the kind 9"),
        (b"\1" + struct.pack(">i", -7), "a count of -7"),
        (b"\4" + struct.pack(">i", -99), "text number 99"),
        (b"\4" + struct.pack(">ii", 1, 1 << 30), "a text of 1073741824 bytes"),
    ],
)
def test_a_damaged_binary_log_says_where(tmp_path: Path, more: bytes, what: str) -> None:
    log = Binary("Buyers").request(0, 100).data

    found = read(tmp_path, log + more + b"\0" * 64)

    assert found.count == 1
    assert f"is damaged in the record at byte {len(log)} ({what}" in found.notes[0]


def test_a_binary_log_without_a_request_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="nothing can be read"):
        read(tmp_path, Binary("Buyers").others().data)


# -- js/stats.json -----------------------------------------------------------------------------


def statistics(name: str, total: int, ko: int) -> dict[str, object]:
    def each(value: float) -> dict[str, float]:
        return {"total": value, "ok": value - 1, "ko": value + 5}

    return {
        "name": name,
        "numberOfRequests": {"total": total, "ok": total - ko, "ko": ko},
        "minResponseTime": each(2),
        "maxResponseTime": each(90),
        "meanResponseTime": each(20),
        **{f"percentiles{at}": each(10.0 * at) for at in (1, 2, 3, 4)},
    }


def test_the_statistics_of_its_report(tmp_path: Path) -> None:
    order = {"type": "REQUEST", "name": "Order", "stats": statistics("Order", 200, 10)}
    tree = {"type": "GROUP", "name": "All", "stats": statistics("All", 200, 10),
            "contents": {"a": order}}  # fmt: skip

    found = read(tmp_path, json.dumps(tree))

    got = row_of(found)
    assert (got.step, got.count, got.error_rate) == ("Order", 200, 0.05)
    assert (got.all_ms.p50, got.all_ms.p95, got.all_ms.p99, got.all_ms.p90) == (10, 30, 40, None)
    assert (got.ok_ms.p95, got.response_ms.p95) == (29, None)
    assert whole_of(found).count == 200
