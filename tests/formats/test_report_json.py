"""The report as JSON, both ways, with the keys of the format."""

import json
import math
from dataclasses import replace

import pytest

from runs.analysis.criteria import Judgement
from runs.analysis.outcomes import OUTCOMES
from runs.analysis.percentiles import UNKNOWN, Spread
from runs.analysis.probes import During, ProbeSummary
from runs.analysis.report import Report
from runs.analysis.run_data import RunInfo
from runs.analysis.saturation.result import Headroom, Quota, Saturation
from runs.analysis.series import ClassTimes, Response, Series
from runs.analysis.validity import Reason, Validity
from runs.formats import report_json
from runs.formats.errors import FormatError

SPREAD = Spread(1.0, 2.5, 2.0, 3.0, 3.5, 4.0, 4.5, 5.0)
SERIES = Series(
    scenario="chat",
    step=None,
    phase="plateau",
    pooled=True,
    window_us=(25_000_000, 80_000_000),
    count=3,
    outcomes={**dict.fromkeys(OUTCOMES, 0), "ok": 2, "refused": 1},
    statuses={"200": 2, "429": 1},
    offered_rps=0.05,
    throughput_rps=0.05,
    goodput_rps=0.04,
    error_rate=0.0,
    refusal_rate=1 / 3,
    rate_4xx=0.0,
    rate_5xx=0.0,
    drop_rate=0.0,
    retry_rate=None,
    response_ms=Response(
        2.0, 3.0, 3.5, None, None, 0.0, ("p99_9",), {"p50": (1.0, None), "p95": None, "p99": None}
    ),
    ok_ms=SPREAD,
    service_ms=SPREAD,
    all_ms=SPREAD,
    first_token_ms=None,
    dispatch_delay_ms=UNKNOWN,
    by_class={"2xx": ClassTimes(2, 2.0, 3.5, 4.0)},
    model="open",
)
SATURATION = Saturation(
    scenario=None,
    verdict="reached",
    bound="lower",
    capacity_jps=74.0,
    ci_jps=(73.0, 75.0),
    capacity_rps=74.0,
    ci_rps=(73.0, 75.0),
    up_to_jps=120.0,
    onset_jps=(None, 80.0),
    sustained_jps=None,
    slo_capacity_jps=None,
    cause="quota",
    scope="unknown",
    quota=Quota(100, None),
    headroom=Headroom(30.0, 2.5, (2.4, None)),
    explanation="It says why.",
    next_run="",
)
REPORT = Report(
    format="headroom-report/1",
    run=RunInfo("6e0ad8b0-0000-4000-8000-000000000001", "test", "2024-11-23T08:20:00.000Z", None),
    validity=Validity("suspect", (Reason("generator_limited", "spike", "Late."),)),
    series=(SERIES,),
    journeys=(),
    saturation=(SATURATION,),
    bottlenecks=(),
    probes=(ProbeSummary("ops", "pool", 1.0, During(1.0, 2.0, 3.0), None),),
    criteria=(Judgement("p95(*) < 1s", "point", "pass", 3.5, None, 1000.0, "ms", 3, ""),),
    verdict="pass",
)


def test_a_report_comes_back_as_it_was() -> None:
    assert report_json.load(report_json.dump(REPORT)) == REPORT
    assert report_json.loads(report_json.dumps(REPORT)) == REPORT


def test_the_document_has_the_keys_of_the_format() -> None:
    document = report_json.dump(REPORT)

    assert list(document) == [
        "format",
        "run",
        "validity",
        "series",
        "journeys",
        "saturation",
        "bottlenecks",
        "probes",
        "criteria",
        "verdict",
    ]
    assert document["run"]["fidelity"] == {
        "samples": "raw",
        "schedule": True,
        "failures": True,
        "absolute_time": True,
    }
    assert document["validity"]["reasons"][0] == {
        "code": "generator_limited",
        "phase": "spike",
        "detail": "Late.",
    }
    row = document["series"][0]
    assert row["window_us"] == [25_000_000, 80_000_000]
    assert row["response_ms"] == {
        "p50": 2.0,
        "p90": 3.0,
        "p95": 3.5,
        "p99": None,
        "p99_9": None,
        "unanswered": 0.0,
        "few": ["p99_9"],
        "ci": {"p50": [1.0, None], "p95": None, "p99": None},
    }
    assert row["by_class"] == {"2xx": {"count": 2, "p50": 2.0, "p95": 3.5, "p99": 4.0}}
    assert document["saturation"][0]["quota"] == {"requests": 100, "window_s": None}
    assert document["probes"][0]["during"] == {"min": 1.0, "mean": 2.0, "max": 3.0}


def test_an_empty_list_is_a_list_and_an_unknown_figure_is_null() -> None:
    document = report_json.dump(REPORT)

    assert document["journeys"] == []
    assert document["bottlenecks"] == []
    assert document["series"][0]["retry_rate"] is None
    assert document["series"][0]["first_token_ms"] is None


def test_what_is_not_a_finite_number_is_null() -> None:
    odd = replace(SERIES, error_rate=math.nan, offered_rps=math.inf)
    text = report_json.dumps(replace(REPORT, series=(odd,)))

    row = json.loads(text, parse_constant=pytest.fail)["series"][0]
    assert (row["error_rate"], row["offered_rps"]) == (None, None)


def test_a_newer_reports_extra_keys_are_passed_over() -> None:
    assert report_json.load({**report_json.dump(REPORT), "more": 1}) == REPORT


def test_what_is_not_a_report_is_named() -> None:
    document = {**report_json.dump(REPORT), "verdict": "fine"}

    with pytest.raises(FormatError, match=r"not a report .*: verdict: Input should be 'pass'"):
        report_json.load(document)
    with pytest.raises(FormatError, match="not JSON"):
        report_json.loads("PK\x03\x04")
