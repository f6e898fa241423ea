"""One small file of every kind that the readers know, for tests that hold of all of them."""

import json
from typing import Final

from tests.formats import (
    test_artillery,
    test_gatling,
    test_jmeter,
    test_k6,
    test_small_tools,
    test_vegeta,
)
from tests.formats.reading import DATA


def _lines(name: str, count: int = 12) -> bytes:
    """The beginning of a file that the tool itself wrote."""
    return b"".join((DATA / name).read_bytes().splitlines(keepends=True)[:count])


def _hey() -> str:
    rows = (f"0.0{at}25,0.0020,0.0010,0.0001,0.0090,0.0014,200,0.{at}000\n" for at in range(9))
    return f"{test_small_tools.HEY}\n{''.join(rows)}"


def _binary() -> bytes:
    log = test_gatling.Binary("Buyers").others()
    for at in range(5):
        log.request(100 * at, 100 * at + 9, at % 2 == 0, "found 500" if at % 2 else "")
    return log.data


_K6_TIMES: Final = [f"{test_k6.END}.{at}Z" for at in range(5)]
_GOOSE: Final = "".join(test_small_tools.goose(100 * at, 10 + at) for at in range(5))
_OHA_ROWS: Final = "request-start,DNS,DNS+dialup,Response-delay,request-duration,bytes,status\n" + (
    "0.5,0.001,0.002,0.009,0.010,12,200\n" * 5
)

# By rows: each row is a request, so that what a cut leaves is a part of the whole.
RAW: Final[dict[str, str | bytes]] = {
    "k6 lines": test_k6.DEFINITION + "".join(map(test_k6.request, _K6_TIMES)),
    "k6 table": test_k6.table(*(test_k6.csv_request(str(1732352400 + at), 10) for at in range(5))),
    "jmeter table": test_jmeter.table(*(test_jmeter.row(100 * at) for at in range(5))),
    "jmeter xml": test_jmeter.xml(*(test_jmeter.sample(100 * at) for at in range(5))),
    "jmeter 2.13": _lines("jmeter-2.13.csv"),
    "jmeter 2.13 dates": _lines("jmeter-2.13-dates-and-tabs.csv"),
    "jmeter durations": "elapsed,label,success\n" + "30,home,true\n" * 5,
    **{f"gatling {version}": text for version, text in test_gatling.TEXTS.items()},
    "gatling binary": _binary(),
    "locust requests": _lines("locust-requests.csv"),
    "vegeta lines": test_vegeta.lines(*(test_vegeta.result(at) for at in range(5))),
    "vegeta array": json.dumps([test_vegeta.result(at) for at in range(5)]),
    "vegeta table": f"{test_vegeta.NS},200,12345678,5,40,,aGk=,shop,7,GET,http://a/,QTogYg==\n" * 5,
    "artillery 1": test_artillery.text(
        {}, [{"latencies": [[test_artillery.T + at, "a", 9_000_000, 200] for at in range(5)]}]
    ),
    "oha rows": _OHA_ROWS,
    "hey rows": _hey(),
    "ab rows": _lines("ab.tsv"),
    "goose": _GOOSE,
}
# A document or a page that sums everything up.
SUMMARIES: Final[dict[str, str | bytes]] = {
    "k6 export": json.dumps(test_k6.LEGACY),
    "k6 handled": json.dumps(test_k6.HANDLED),
    "k6 machine": json.dumps(test_k6.MACHINE),
    "gatling statistics": json.dumps(test_gatling.statistics("Order", 200, 10)),
    "locust statistics": _lines("locust-stats.csv"),
    "locust history": (DATA / "locust-full-history.csv").read_bytes(),
    "locust failures": _lines("locust-failures.csv"),
    "locust json": (DATA / "locust-stats.json").read_bytes(),
    "vegeta report": json.dumps(test_vegeta.REPORT),
    "artillery 2": test_artillery.text(test_artillery.AGGREGATE),
    "oha": json.dumps(test_small_tools.OHA),
    "hey": (DATA / "hey.txt").read_bytes(),
    "ab": (DATA / "ab-failures.txt").read_bytes(),
    "ab percentiles": (DATA / "ab.csv").read_bytes(),
    "wrk": (DATA / "wrk.txt").read_bytes(),
    "wrk2": test_small_tools.WRK2,
    "autocannon": (DATA / "autocannon.json").read_bytes(),
    "hyperfoil": json.dumps(
        {"info": {"benchmark": "a"}, "stats": [test_small_tools.hyperfoil("main", 100)]}
    ),
    "taurus": test_small_tools.TAURUS,
    "taurus xml": test_small_tools.TAURUS_XML,
    "locust json of nothing but a name": json.dumps(
        [{"name": "a", "num_requests": 3, "response_times": {"9": 3}}]
    ),
}
FILES: Final = {
    name: text.encode() if isinstance(text, str) else text
    for name, text in (RAW | SUMMARIES).items()
}


def tool_of(name: str) -> str:
    return name.split(" ")[0].removesuffix("2")
