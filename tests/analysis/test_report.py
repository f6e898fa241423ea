"""The report as a whole: every part is there, and the verdict is the worst that holds."""

from dataclasses import replace
from typing import Any, get_args

import polars as pl
import pytest

from runs.analysis import own_knee, report, validity
from runs.analysis.criteria import Judgement
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData, RunInfo
from runs.analysis.saturation.result import Cause, Saturation
from runs.analysis.validity import Reason, Validity, ValidityVerdict
from runs.formats import health, report_json, samples

SECOND = 1_000_000
READINGS = {"t_us": pl.Int64, "probe": pl.String, "metric": pl.String, "value": pl.Float64}


def sample(due_s: float, took_ms: float = 20, outcome: str = "ok", **more: Any) -> dict[str, Any]:
    due_us = round(due_s * SECOND)
    return {
        "scenario": "chat",
        "step": "send",
        "phase": "plateau",
        "journey": due_us,
        "due_us": due_us,
        "due_by": "plan",
        "started_us": due_us + 30,
        "ended_us": due_us + round(took_ms * 1000),
        "status": 200 if outcome == "ok" else 500,
        "outcome": outcome,
        **more,
    }


STEADY = tuple(sample(n / 20, 20 + n % 7) for n in range(600))  # 20/s for 30 s


def run(
    *rows: dict[str, Any], criteria: tuple[str, ...] = (), phases: tuple[Phase, ...] | None = None
) -> RunData:
    plateau = Phase("chat", "plateau", 0, 30 * SECOND, rate_from=20.0, rate_to=20.0)
    return RunData(
        info=RunInfo("6e0ad8b0-0000-4000-8000-000000000001", "test", None, None),
        plan=Plan((plateau,) if phases is None else phases, criteria=criteria),
        samples=pl.DataFrame(rows, schema=samples.SCHEMA),
        readings=pl.DataFrame(schema=READINGS),
        health=health.empty(),
    )


def judgement(verdict: str) -> Judgement:
    return Judgement("p95(*) < 1s", "point", verdict, 1.0, None, 2.0, "ms", 9, "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("validity", "judged", "expected"),
    [
        ("valid", [], "none"),
        ("valid", ["pass", "pass"], "pass"),
        ("valid", ["pass", "inconclusive"], "inconclusive"),
        ("valid", ["inconclusive", "fail", "pass"], "fail"),
        ("suspect", ["pass"], "pass"),  # suspect counts as valid
        ("invalid", ["fail"], "invalid"),  # whatever was measured
        ("invalid", [], "invalid"),
    ],
)
def test_the_verdict_is_the_worst_that_holds(
    validity: ValidityVerdict, judged: list[str], expected: str
) -> None:
    assert report.verdict(Validity(validity), [judgement(one) for one in judged]) == expected


def test_criteria_are_judged_and_give_the_verdict() -> None:
    passed = report.build(run(*STEADY, criteria=("p95(chat/send) < 300ms",)))
    failed = report.build(run(*STEADY, criteria=("p95(chat/send) < 300ms", "p50(*) < 1ms")))

    assert (passed.verdict, [one.verdict for one in passed.criteria]) == ("pass", ["pass"])
    assert (failed.verdict, [one.verdict for one in failed.criteria]) == ("fail", ["pass", "fail"])
    assert failed.criteria[0].measured == 26.0


def test_a_criterion_that_means_nothing_here_does_not_cost_the_report() -> None:
    built = report.build(run(*STEADY, criteria=("p95(chta/send) < 1s", "what is this")))

    assert [one.verdict for one in built.criteria] == ["inconclusive", "inconclusive"]
    assert built.verdict == "inconclusive"
    assert len(built.series) == 5


def test_an_invalid_run_keeps_its_figures_and_loses_its_verdicts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    invalid = Validity("invalid", (Reason("generator_limited", None, "Late."),))
    monkeypatch.setattr(validity, "judge", lambda _: invalid)
    built = report.build(run(*STEADY, criteria=("p95(chat/send) < 1ms",)))

    assert built.verdict == "invalid"
    assert (built.criteria[0].verdict, built.criteria[0].measured) == ("inconclusive", 26.0)


STAIRCASE = Plan(
    (
        Phase("chat", "stage_01", 0, SECOND, rate_from=40.0, rate_to=40.0),
        Phase("chat", "stage_02", SECOND, 2 * SECOND, rate_from=80.0, rate_to=80.0),
    )
)
KNEE = Saturation(
    scenario="chat",
    verdict="reached",
    bound="exact",
    capacity_jps=74.0,
    ci_jps=(73.0, 75.0),
    capacity_rps=74.0,
    ci_rps=(73.0, 75.0),
    up_to_jps=80.0,
    onset_jps=(40.0, 80.0),
    sustained_jps=40.0,
    slo_capacity_jps=None,
    cause="queue",
    scope="global",
    quota=None,
    headroom=None,
    explanation="",
    next_run="",
)


@pytest.mark.parametrize(
    ("verdict", "code", "phase", "cause", "expected"),
    [
        ("invalid", "generator_limited", "stage_02", "queue", "inconclusive"),
        ("invalid", "schedule_not_kept", None, "queue", "inconclusive"),  # in the whole run
        ("invalid", "generator_limited", "stage_01", "queue", "reached"),  # below the knee
        ("invalid", "error_storm", "stage_02", "queue", "reached"),  # not the generator's
        ("suspect", "generator_limited", "stage_02", "queue", "reached"),
        ("invalid", "generator_limited", "stage_02", "rate_limit", "reached"),  # it refused
    ],
)
def test_a_knee_that_may_be_the_generators_own_is_none(
    verdict: ValidityVerdict, code: str, phase: str | None, cause: Cause, expected: str
) -> None:
    believed = Validity(verdict, (Reason(code, phase, "Late."),))
    (found,) = own_knee.without([replace(KNEE, cause=cause)], believed, STAIRCASE)

    assert found.verdict == expected
    assert (found.capacity_jps is None) == (expected == "inconclusive")


def test_without_criteria_there_is_no_verdict() -> None:
    assert report.build(run(*STEADY)).verdict == "none"


DEGENERATE = {
    "no samples": run(criteria=("p95(*) < 1s",)),
    "nothing planned": run(phases=(), criteria=("p95(*) < 1s",)),
    "one sample": run(sample(1)),
    "all failed": run(*(sample(n / 10, outcome="server_error") for n in range(300))),
    "all dropped": run(*(sample(n / 10, 0, "dropped", status=None) for n in range(300))),
    "all equal": run(*(sample(1) for _ in range(300))),
    "a gap": run(*(sample(n / 10) for n in (*range(50), *range(250, 300)))),
    "no plan for the samples": run(*STEADY, phases=()),
    "an empty phase": run(*STEADY, phases=(Phase("chat", "plateau", 0, 0),)),
    "a phase that is all warm-up": run(
        *STEADY, phases=(Phase("chat", "plateau", 0, 30 * SECOND, warm_up_us=30 * SECOND),)
    ),
    "two phases at the same time": run(
        *STEADY,
        phases=(Phase("chat", "plateau", 0, 30 * SECOND), Phase("chat", "other", 0, 20 * SECOND)),
    ),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_odd_data_gives_a_report_and_never_a_number_that_is_none(name: str) -> None:
    built = report.build(DEGENERATE[name])

    assert built.verdict in get_args(report.Verdict)
    # A NaN or an infinity would become null here and make the two differ.
    assert report_json.load(report_json.dump(built)) == built


def test_a_spool_that_says_of_no_request_when_it_was_due_has_no_schedule() -> None:
    undue = run(*({**one, "due_us": None, "due_by": None} for one in STEADY))
    assert report.build(run(*STEADY)).run.fidelity.schedule
    assert not report.build(undue).run.fidelity.schedule
    assert report.build(run()).run.fidelity.schedule  # nothing was due, so nothing is known
