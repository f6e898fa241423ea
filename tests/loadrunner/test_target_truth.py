"""The truth: each flow's capacity as it follows from the settings."""

import pytest

from loadrunner.target import truth
from loadrunner.target.settings import TargetSettings

DEFAULTS = """\
chat               80.0 journeys/s   LLM pool: 8 slots x 100.0 ms
privacy_export     40.0 journeys/s   export workers: 6 workers x 150.0 ms
privacy_delete     50.0 journeys/s   deletion workers: 3 workers x 60.0 ms
billing            74.1 journeys/s   database pool: 4 connections x 54.0 ms
b2b                60.0 journeys/s   plan limit: 60 requests/s for each API key

No two flows share a resource: each capacity holds whatever the others carry.
"""


def capacities(**settings: object) -> dict[str, float]:
    truths = truth.of(TargetSettings(**settings), users=50)  # type: ignore[arg-type]
    return {one.flow: one.binding.capacity_jps for one in truths}


def test_the_defaults_read_as_the_documentation_shows_them() -> None:
    assert truth.as_text(truth.of(TargetSettings(), users=50)) == DEFAULTS


def test_twice_the_database_pool_carries_twice_the_billing_and_nothing_else() -> None:
    before, after = capacities(), capacities(db_pool=8)
    assert after["billing"] == pytest.approx(148.15, abs=0.01)
    changed = {flow for flow in before if before[flow] != after[flow]}
    assert changed == {"billing"}


def test_reads_that_the_cache_answers_never_reach_the_database() -> None:
    assert capacities(billing_cache_hit_rate=0.5)["billing"] == pytest.approx(148.15, abs=0.01)


def test_a_quota_binds_where_it_is_tighter_than_the_plans_rate() -> None:
    truths = truth.of(TargetSettings(b2b_quota=300, b2b_quota_window=10.0), users=50)
    b2b = truths[-1]
    assert (b2b.binding.capacity_jps, b2b.binding.cause) == (30.0, "quota")
    assert b2b.binding.explanation == "300 requests in 10s for each API key"


def test_user_limits_bind_by_the_number_of_users_and_of_requests_a_journey() -> None:
    truths = {one.flow: one for one in truth.of(TargetSettings(user_rate=2.0), users=30)}
    assert truths["chat"].binding.capacity_jps == 30.0
    assert truths["privacy_export"].binding.capacity_jps == 20.0
    assert truths["billing"].binding.capacity_jps == 60.0
    assert truths["billing"].binding.cause == "rate_limit"
    assert truths["b2b"].binding.resource == "plan limit"


def test_a_global_limit_is_shared_by_all_flows_and_the_text_says_so() -> None:
    truths = truth.of(TargetSettings(global_rate=60.0), users=50)
    document = truth.as_document(truths)
    assert document["chat"]["capacity_jps"] == 30.0
    assert document["chat"]["resource"] == "global limit"
    assert document["chat"]["shares_with"] == ["privacy_export", "privacy_delete", "billing", "b2b"]
    assert "The global limit is shared by all flows" in truth.as_text(truths)


def test_the_document_holds_the_binding_resource_and_all_the_others() -> None:
    billing = truth.as_document(truth.of(TargetSettings(), users=50))["billing"]
    assert billing == {
        "capacity_jps": pytest.approx(74.074, abs=0.001),
        "resource": "database pool",
        "cause": "queue",
        "explanation": "4 connections x 54.0 ms",
        "is_shared": False,
        "steps": ["usage"],
        "shares_with": [],
        "bounds": [
            {
                "resource": "database pool",
                "cause": "queue",
                "capacity_jps": pytest.approx(74.074, abs=0.001),
                "explanation": "4 connections x 54.0 ms",
                "is_shared": False,
            },
            {
                "resource": "user limits",
                "cause": "rate_limit",
                "capacity_jps": 50000.0,
                "explanation": "50 users x 1000 requests/s, 1 requests a journey",
                "is_shared": False,
            },
        ],
    }


def test_a_flow_without_any_limit_has_no_capacity_to_name() -> None:
    truths = truth.of(TargetSettings(b2b_rate=0.0, b2b_quota=0), users=50)
    assert truth.as_document(truths)["b2b"]["capacity_jps"] is None
    assert "no limit is set" in truth.as_text(truths)
