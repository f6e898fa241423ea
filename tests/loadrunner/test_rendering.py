"""A report in each of its forms: whole outputs that people read, and what could break them."""

import csv as csv_reader
import io
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from loadrunner.rendering import csv, html, junit, markdown, text
from runs.analysis.bottlenecks import Bottleneck
from runs.analysis.criteria import Judgement
from runs.analysis.outcomes import OUTCOMES
from runs.analysis.percentiles import UNKNOWN, Spread
from runs.analysis.report import Report, verdict
from runs.analysis.run_data import RunInfo
from runs.analysis.saturation.result import Headroom, Saturation
from runs.analysis.series import ClassTimes, Response, Series
from runs.analysis.validity import Reason, Validity

INFO = RunInfo(
    id="6e0ad8b0-0000-4000-8000-000000000001",
    campaign="critical-flows",
    started_at="2024-11-23T08:20:00.000Z",
    ended_at="2024-11-23T08:21:30.000Z",
    labels={"env": "test"},
)
SPREAD = Spread(8.0, 40.5, 38.0, 61.0, 72.25, 110.0, 140.0, 151.0)


def row(scenario: str = "billing", step: str = "usage", phase: str = "plateau") -> Series:
    """1,200 requests at 20/s, of which 12 failed and 24 were refused."""
    counts = {**dict.fromkeys(OUTCOMES, 0), "ok": 1164, "server_error": 12, "refused": 24}
    return Series(
        scenario=scenario,
        step=step,
        phase=phase,
        pooled=False,
        window_us=(0, 60_000_000),
        count=1200,
        outcomes=counts,
        statuses={"200": 1164, "429": 24, "500": 12},
        offered_rps=20.0,
        throughput_rps=20.0,
        goodput_rps=19.4,
        error_rate=0.01,
        refusal_rate=0.02,
        rate_4xx=0.0,
        rate_5xx=0.01,
        drop_rate=0.0,
        retry_rate=0.0,
        response_ms=Response(
            p50=38.0,
            p90=61.0,
            p95=72.25,
            p99=None,
            p99_9=None,
            unanswered=12 / 1176,
            few=("p99_9",),
            ci={"p50": (36.0, 40.0), "p95": (66.0, 79.0), "p99": None},
        ),
        ok_ms=SPREAD,
        service_ms=SPREAD,
        all_ms=SPREAD,
        first_token_ms=None,
        dispatch_delay_ms=UNKNOWN,
        by_class={"2xx": ClassTimes(1164, 38.0, 72.25, 110.0)},
        model="open",
    )


SATURATION = Saturation(
    scenario="billing",
    verdict="reached",
    bound="exact",
    capacity_jps=74.0,
    ci_jps=(73.0, 75.0),
    capacity_rps=74.0,
    ci_rps=(73.0, 75.0),
    up_to_jps=120.0,
    onset_jps=(70.0, 80.0),
    sustained_jps=70.0,
    slo_capacity_jps=None,
    cause="queue",
    scope="global",
    quota=None,
    headroom=Headroom(30.0, 2.4667, (2.4333, 2.5)),
    explanation="Beyond it requests wait.",
    next_run="Repeat with steps of 10 % between 70 and 80/s.",
)
PASSED = Judgement(
    "p95(billing/usage) < 400ms", "point", "pass", 72.25, (66.0, 79.0), 400.0, "ms", 1176, ""
)
FAILED = Judgement(
    "error_rate(*) < 0.5%",
    "point",
    "fail",
    1.0,
    (0.6, 1.7),
    0.5,
    "%",
    1176,
    "1 % is not below 0.5 %.",
)
OPEN = Judgement(
    "capacity(billing) >= 1.3 * baseline",
    "interval",
    "inconclusive",
    None,
    None,
    None,
    "/s",
    0,
    "There is no baseline.",
)


VALID = Validity("valid")


def report(
    *criteria: Judgement,
    validity: Validity = VALID,
    series: tuple[Series, ...] | None = None,
) -> Report:
    return Report(
        format="headroom-report/1",
        run=INFO,
        validity=validity,
        series=(row(), replace(row(), step=None, pooled=True)) if series is None else series,
        journeys=(),
        saturation=(SATURATION,),
        bottlenecks=(
            Bottleneck("billing", "db_pool_in_use", "database", "likely", 1.31, "At its ceiling."),
        ),
        probes=(),
        criteria=criteria,
        verdict=verdict(validity, criteria),
    )


INVALID = Validity(
    "invalid", (Reason("generator_limited", "spike", "The generator was 40 ms late."),)
)


def test_the_text_leads_from_the_verdict_to_what_to_do_next() -> None:
    assert text.render(report(PASSED, FAILED, OPEN)) == WHOLE


WHOLE = """\
critical-flows
run 6e0ad8b0 · 2024-11-23 08:20:00 UTC · env=test

Failed: 1 of 3 criteria does not hold.
Valid: the generator kept its schedule and was not the bottleneck.

Saturation
  Billing saturates at 74/s (73 to 75)
    Beyond it requests wait. Headroom: 2.47 times the production peak of 30/s (2.43 to 2.50).

Figures
phase      count  offered/s  goodput/s  p50 ms           p95 ms     p99 ms  errors  refused
billing/usage
  plateau  1,200         20       19.4      38  72.2 (66 to 79)  no answer     1 %      2 %
  Percentiles are of the response time, from the moment a request was due.
  'no answer': the percentile falls among requests without their expected answer.

Criteria
  PASS p95(billing/usage) < 400ms   72 ms (66 to 79)
  FAIL error_rate(*) < 0.5%   1.0 % (0.6 to 1.7)
       1 % is not below 0.5 %.
  ?    capacity(billing) >= 1.3 * baseline
       There is no baseline.

Bottlenecks
  db_pool_in_use (database) moves with billing: likely
    At its ceiling.

Next
  billing: Repeat with steps of 10 % between 70 and 80/s.
"""


def test_an_invalid_run_says_so_before_anything_else() -> None:
    lines = text.render(report(PASSED, validity=INVALID)).splitlines()

    assert lines[3:6] == [
        "Not judged: this run may not be believed.",
        "Invalid: the figures may be the generator's own, not the target's.",
        "  The generator was 40 ms late. (generator_limited, spike)",
    ]


def test_a_run_that_ended_early_is_no_fault_of_the_generator() -> None:
    ended = Validity("invalid", (Reason("aborted", None, "The run was interrupted after 2 s."),))
    lines = text.render(report(PASSED, validity=ended)).splitlines()

    assert lines[4] == "Invalid: the run ended before its plan was done."


def test_percentiles_of_too_few_samples_are_a_dash_with_its_reason() -> None:
    few = replace(row().response_ms, few=("p95", "p99", "p99_9"))
    shown = text.render(report(series=(replace(row(), response_ms=few),)))

    assert "  plateau  1,200         20       19.4      38       –       –     1 %" in shown
    assert "– stands where there are too few samples to say." in shown


def test_columns_in_which_nothing_happened_are_left_out() -> None:
    quiet = replace(row(), error_rate=0.0, refusal_rate=None)

    head = text.render(report(series=(quiet,))).splitlines()[11]
    assert "p99 ms" in head
    assert "errors" not in head
    assert "refused" not in head


def test_a_closed_load_says_so_wherever_its_figures_stand() -> None:
    closed = report(series=(replace(row(), model="closed"),))

    for shown in (text.render(closed), markdown.render(closed), html.render(closed)):
        assert "plateau (closed)" in shown


def test_the_summary_leaves_out_the_stages_of_long_staircases() -> None:
    stages = tuple(row(phase=f"stage_{n:02d}") for n in range(1, 31))
    whole = report(series=(row(), *stages))

    assert "stage_30" in text.render(whole)
    assert "stage_30" not in text.summary(whole)
    assert "30 rows of staircases are left out; the report has them all." in text.summary(whole)
    assert "stage_05" in text.summary(report(series=stages[:5]))


def test_colour_is_only_there_when_asked_for() -> None:
    assert "\x1b[" not in text.render(report(FAILED))
    assert "\x1b[31mFailed" in text.render(report(FAILED), colour=True).replace("1;", "")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_the_text_keeps_to_its_width(width: int) -> None:
    long = replace(PASSED, text="p95(chat/send_message@plateau) < 300ms and " * 5)
    lines = text.render(report(long, FAILED, OPEN), width=width).splitlines()

    assert max(map(len, lines)) <= width


def test_nothing_in_a_report_is_taken_for_mark_up_by_the_terminal() -> None:
    assert "[bold]p95[/bold] :warning:" in text.render(
        report(replace(PASSED, text="[bold]p95[/bold] :warning:"))
    )


def test_the_markdown_is_a_job_summary() -> None:
    shown = markdown.render(report(PASSED, FAILED))

    assert shown.startswith(
        "## critical-flows\n\nrun 6e0ad8b0 · 2024-11-23 08:20:00 UTC · env=test\n\n"
        "**Failed: 1 of 2 criteria does not hold.**\n"
    )
    assert "| ✓ pass | p95(billing/usage) \\< 400ms | 72 ms (66 to 79) |  |" in shown
    assert "| billing/usage | plateau | 1,200 | 20 | 19.4 | 38 | 72.2 (66 to 79) |" in shown


def test_a_pipe_or_a_tag_in_a_name_does_not_break_the_markdown() -> None:
    hostile = replace(row(step="a|b\n<img src=x>"), phase="`x`")
    shown = markdown.render(report(series=(hostile,)))

    assert "| billing/a\\|b \\<img src=x\\> | \\`x\\` |" in shown


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_html_needs_nothing_else_and_runs_nothing() -> None:
    reader = _Reader()
    page = html.render(report(PASSED, FAILED, OPEN))
    reader.feed(page)

    assert reader.links == []
    assert "script" not in reader.tags
    assert "url(" not in page
    assert '<p class="verdict fail">Failed: 1 of 3 criteria does not hold.</p>' in page


def test_text_in_the_html_stays_text() -> None:
    hostile = "<script>alert(1)</script>"
    whole = report(
        replace(PASSED, text=hostile, reason=hostile),
        validity=Validity("suspect", (Reason("x", None, hostile),)),
        series=(row(scenario=hostile),),
    )
    page = html.render(replace(whole, run=replace(INFO, campaign=hostile, labels={"a": hostile})))

    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6


def cases(document: str) -> dict[str, list[str]]:
    """The names of the test cases, and the tags that stand in each."""
    root = ElementTree.fromstring(document)
    return {case.attrib["name"]: [one.tag for one in case] for case in root.iter("testcase")}


def test_junit_has_a_test_case_for_each_criterion() -> None:
    shown = junit.render(report(PASSED, FAILED, OPEN))

    assert cases(shown) == {
        "p95(billing/usage) < 400ms": [],
        "error_rate(*) < 0.5%": ["failure"],
        "capacity(billing) >= 1.3 * baseline": ["skipped"],
    }
    assert 'failures="1" errors="0" skipped="1" tests="3"' in shown
    assert 'message="Measured 1.0 % (0.6 to 1.7). 1 % is not below 0.5 %."' in shown


def test_junit_of_an_invalid_run_is_an_error_even_without_criteria() -> None:
    assert cases(junit.render(report(PASSED, validity=INVALID))) == {
        "p95(billing/usage) < 400ms": ["error"]
    }
    assert cases(junit.render(report(validity=INVALID))) == {"the run is valid": ["error"]}
    assert cases(junit.render(report())) == {}


def test_junit_survives_what_xml_cannot_write() -> None:
    assert cases(junit.render(report(replace(PASSED, text="a\x00<&b")))) == {"a\ufffd<&b": []}


def test_the_csv_has_a_line_for_each_row_and_empty_cells_for_the_unknown() -> None:
    lines = list(csv_reader.DictReader(io.StringIO(csv.render(report()))))

    assert [(one["scenario"], one["step"], one["pooled"]) for one in lines] == [
        ("billing", "usage", "false"),
        ("billing", "", "true"),
    ]
    first = lines[0]
    assert (first["count"], first["refused"], first["goodput_rps"]) == ("1200", "24", "19.4")
    assert (first["response_p95_ms"], first["response_p95_low_ms"]) == ("72.25", "66.0")
    assert (first["response_p99_ms"], first["first_token_p50_ms"]) == ("", "")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_name_is_never_a_formula_in_a_spreadsheet(name: str) -> None:
    (line,) = csv_reader.DictReader(io.StringIO(csv.render(report(series=(row(scenario=name),)))))

    assert line["scenario"] == f"'{name}"


def test_a_report_without_anything_is_still_a_document() -> None:
    nothing = replace(report(series=()), saturation=(), bottlenecks=())

    assert text.render(nothing).endswith("was not the bottleneck.\n")
    assert "No criteria: there was nothing to judge." in markdown.render(nothing)
    assert csv.render(nothing) == "scenario\n"
    assert html.render(nothing).endswith("</html>\n")
