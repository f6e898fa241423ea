"""The plan: each rule speaks where it should, and nothing is proposed without its figures."""

from dataclasses import replace
from typing import Any

import pytest

from runs.analysis import tuning_plan
from runs.analysis.plan import Probe, ProbeMetric
from runs.analysis.report import Report
from runs.analysis.tuning_plan import TuningPlan, rules
from runs.formats import report_json
from tests.portal_pages import documents

PROBES = (
    Probe(
        "operations",
        (
            ProbeMetric("db_pool_in_use", "database", "lower", 10.0),
            ProbeMetric("redis_hit_rate", "cache", "higher", None, ("db_pool_in_use",)),
            ProbeMetric("llm_in_flight", "llm", "lower", 8.0),
            ProbeMetric("cpu", "cpu", "lower", 1.0),
        ),
    ),
)


def bottleneck(metric: str, area: str, **more: Any) -> dict[str, Any]:
    entry = {"scenario": "billing", "metric": metric, "area": area, "strength": "likely"}
    return {**entry, "score": 1.2, "evidence": f"{metric} moves with the harm.", **more}


def reading(metric: str, most: float, mean: float | None = None) -> dict[str, Any]:
    during = {"min": 0.0, "mean": most / 2 if mean is None else mean, "max": most}
    return {
        "probe": "operations",
        "metric": metric,
        "before": 0.0,
        "during": during,
        "after": 0.0,
    }


def planned(**more: Any) -> TuningPlan:
    """The plan of the example's run: billing saturates at 74/s, chat does not."""
    defaults: dict[str, Any] = {"bottlenecks": [], "probes": []}
    document = documents.report(**{**defaults, **more})
    return tuning_plan.make(report_json.load(document), PROBES)


def names(plan: TuningPlan) -> list[str]:
    return [one.rule for one in plan.proposals]


def test_a_full_pool_is_to_be_raised_to_twice_its_size() -> None:
    plan = planned(
        bottlenecks=[bottleneck("db_pool_in_use", "database")],
        probes=[reading("db_pool_in_use", 10.0)],
    )
    first = plan.proposals[0]
    assert (first.rule, first.title) == ("database_pool", "Raise the database pool from 10 to 20")
    assert first.expected_gain == "capacity of billing +80 %"
    assert first.criteria[0] == "capacity(billing) >= 1.4 * baseline"
    assert "db_pool_in_use reads up to 10 of 10" in first.reasoning


def test_a_latency_is_asked_for_where_the_stage_has_samples_enough_to_decide_it() -> None:
    def criteria(stage_s: int) -> tuple[str, ...]:
        rows = [
            {**row, "count": round(row["offered_rps"] * stage_s)}
            for row in documents.report()["series"]
        ]
        return (
            planned(
                series=rows,
                bottlenecks=[bottleneck("db_pool_in_use", "database")],
                probes=[reading("db_pool_in_use", 10.0)],
            )
            .proposals[0]
            .criteria
        )

    assert criteria(2) == ("capacity(billing) >= 1.4 * baseline",)
    assert criteria(10) == (
        "capacity(billing) >= 1.4 * baseline",
        "p95(billing/usage@stage_04) < 90ms",
    )


def test_a_pool_with_room_is_not_raised_and_the_queries_are_looked_at() -> None:
    plan = planned(
        bottlenecks=[bottleneck("db_pool_in_use", "database")],
        probes=[reading("db_pool_in_use", 6.0)],
    )
    assert names(plan) == ["database_work"]


def test_a_cache_that_falls_goes_before_the_pool_that_it_feeds() -> None:
    plan = planned(
        bottlenecks=[
            bottleneck("redis_hit_rate", "cache"),
            bottleneck("db_pool_in_use", "database"),
        ],
        probes=[reading("db_pool_in_use", 10.0), reading("redis_hit_rate", 0.9, mean=0.6)],
    )
    assert names(plan) == ["cache", "database_pool"]
    assert "It feeds db_pool_in_use." in plan.proposals[0].reasoning
    # 40 % go past the cache on average and 10 % at its best: four times, of which three count.
    assert plan.proposals[0].expected_gain == "capacity of billing +200 %"


@pytest.mark.parametrize(
    ("metric", "area", "most", "rule"),
    [
        ("llm_in_flight", "llm", 8.0, "llm_pool"),
        ("cpu", "cpu", 1.0, "cpu"),
    ],
)
def test_other_resources_have_their_rule(metric: str, area: str, most: float, rule: str) -> None:
    plan = planned(bottlenecks=[bottleneck(metric, area)], probes=[reading(metric, most)])
    assert names(plan) == [rule]


@pytest.mark.parametrize(
    ("point", "rule"),
    [
        ({"cause": "rate_limit", "scope": "per_identity"}, "rate_limit"),
        ({"cause": "quota", "quota": {"requests": 300, "window_s": 3600.0}}, "quota"),
    ],
)
def test_refusals_are_answered_by_their_limit(point: dict[str, Any], rule: str) -> None:
    plan = planned(saturation=[documents.saturation(**point)])
    assert names(plan) == [rule]


def test_failures_under_the_limit_are_a_fault() -> None:
    row = documents.series("chat", "send", "plateau", 30.0, 30.0, rate_5xx=0.02)
    plan = planned(series=[row], saturation=[documents.not_reached()])
    assert names(plan) == ["server_errors"]
    assert "a load that it can take" in plan.proposals[0].reasoning


def test_nothing_is_proposed_on_a_run_that_may_not_be_believed() -> None:
    validity = {
        "verdict": "invalid",
        "reasons": [{"code": "generator_limited", "phase": None, "detail": "It was too slow."}],
    }
    plan = planned(
        validity=validity,
        bottlenecks=[bottleneck("db_pool_in_use", "database")],
        probes=[reading("db_pool_in_use", 10.0)],
    )
    assert plan.proposals == ()
    assert plan.next_steps == ("It was too slow.",)


def test_where_nothing_saturates_the_limit_is_looked_for_and_nothing_tuned() -> None:
    plan = planned(
        saturation=[documents.not_reached()],
        bottlenecks=[bottleneck("db_pool_in_use", "database")],
        probes=[reading("db_pool_in_use", 10.0)],
    )
    assert plan.proposals == ()
    assert plan.summary == "Nothing to tune; next: look for the limit at chat beyond 30/s."


def test_a_saturation_that_no_metric_explains_asks_for_probes() -> None:
    plan = planned()
    assert plan.proposals == ()
    assert plan.summary == "It saturates, and the figures do not show where to begin."
    assert "add probes of the target's pools" in plan.next_steps[0]


def test_once_a_pool_is_doubled_the_next_doubling_is_another_proposal() -> None:
    bottlenecks = [bottleneck("db_pool_in_use", "database")]
    readings = [reading("db_pool_in_use", 20.0)]
    before = planned(bottlenecks=bottlenecks, probes=readings)
    doubled = (Probe("operations", (ProbeMetric("db_pool_in_use", "database", "lower", 20.0),)),)
    built: Report = report_json.load(documents.report(bottlenecks=bottlenecks, probes=readings))
    after = tuning_plan.make(replace(built), doubled)
    assert before.proposals[0].key == "database_pool/db_pool_in_use/10"
    assert after.proposals[0].key == "database_pool/db_pool_in_use/20"


def test_every_rule_says_when_it_speaks() -> None:
    assert len({one.name for one in rules.RULES}) == len(rules.RULES)
    for rule in rules.RULES:
        assert rule.reasoning.startswith("Speaks where")
