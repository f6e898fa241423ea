"""The read API: what the filters leave, how pages are turned, what people may change."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ingest import tokens
from tests.api_client import MONDAY, Api, add_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return Api(tokens.create("tests", ["admin"])[0])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, {"a", "b", "c", "d"}),
        ({"project": "bank"}, {"d"}),
        ({"campaign": "smoke"}, {"b"}),
        ({"scenario": "chat"}, {"a", "b"}),
        ({"scenario": "chat room"}, {"b"}),
        ({"scenario": "cha"}, set()),
        ({"processing": "failed"}, {"c"}),
        ({"state": "interrupted"}, {"c"}),
        ({"verdict": "fail"}, {"b"}),
        ({"validity": "suspect"}, {"b"}),
        ({"branch": "fix/pool"}, {"b"}),
        ({"commit": "0123"}, {"a"}),
        ({"is_baseline": "true"}, {"a"}),
        ({"label": "env:production"}, {"a", "b"}),
        ({"label": ["env:production", "region:eu"]}, {"b"}),
        ({"label": "1:digits are a key, not an index"}, {"c"}),
        ({"label": "a__b:two underscores are not a path"}, {"c"}),
        ({"label": "url:http://host:80"}, {"d"}),
        ({"q": "POOL"}, {"b"}),
        ({"q": "production europe"}, set()),
        ({"q": "noisy neighbour"}, {"d"}),
        ({"started_after": "2024-11-20T00:00:00Z"}, {"c", "d"}),
        ({"started_before": "2024-11-19T00:00:00Z"}, {"a"}),
    ],
)
def test_filters_leave_the_runs_that_fit(api: Api, query: dict[str, Any], found: set[str]) -> None:
    production = {"env": "production"}
    add_run(
        seed=0, labels=production, commit="0123abc", is_baseline=True, scenarios="\nchat\nb2b\n"
    )
    add_run(
        seed=1,
        campaign="smoke",
        scenarios="\nchat room\nchat\n",
        verdict="fail",
        validity="suspect",
        branch="fix/pool",
        labels={**production, "region": "eu"},
        started_at=MONDAY + timedelta(days=1),
    )
    add_run(
        seed=2,
        processing="failed",
        state="interrupted",
        labels={"1": "digits are a key, not an index", "a__b": "two underscores are not a path"},
        started_at=MONDAY + timedelta(days=2),
    )
    add_run(
        seed=3,
        project="bank",
        labels={"url": "http://host:80"},
        notes="A noisy neighbour on the host.",
        started_at=MONDAY + timedelta(days=3),
    )

    answer = api.get("runs", **query).json()

    assert {"abcd"[run["seed"]] for run in answer["items"]} == found
    assert answer["count"] == len(found)


def test_runs_come_newest_first_page_by_page(api: Api) -> None:
    for day in range(5):
        add_run(seed=day, started_at=MONDAY + timedelta(days=day))

    seeds, path, query = [], "runs", {"per_page": 2, "project": "shop"}
    pages = 0
    while path:
        body = api.get(path, **query).json()
        seeds += [run["seed"] for run in body["items"]]
        assert body["count"] == 5
        path = (body["next"] or "").split("/api/v1/")[-1]
        query = {}
        pages += 1

    assert seeds == [4, 3, 2, 1, 0]
    assert pages == 3


def test_pages_do_not_shift_when_runs_come_in_while_they_are_turned(api: Api) -> None:
    for seed in range(4):
        add_run(seed=seed)  # all of the same moment: the id decides
    first = api.get("runs", per_page=2).json()
    add_run(seed=99, started_at=MONDAY + timedelta(days=1))

    second = api.get(first["next"].split("/api/v1/")[-1]).json()

    seen = [run["seed"] for run in first["items"] + second["items"]]
    assert sorted(seen) == [0, 1, 2, 3]
    assert (second["next"], second["count"]) == (None, 5)


@pytest.mark.parametrize("after", ["x", "YQ==", "MjAyNC0xMS0xOCBuby11dWlk", "ü"])
def test_a_place_that_is_none_is_refused(api: Api, after: str) -> None:
    answer = api.get("runs", after=after)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "query.after"


@pytest.mark.parametrize(
    ("query", "at"),
    [
        ({"verdict": "green"}, "query.verdict"),
        ({"page": 0}, "query.page"),
        ({"per_page": 100_000}, "query.per_page"),
        ({"label": "nocolon"}, "query.label.0"),
        ({"started_after": "yesterday"}, "query.started_after"),
        ({"verdikt": "pass"}, "query.verdikt"),
        ({"label": 'a"b:c'}, "label"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_by_its_name(
    api: Api, query: dict[str, Any], at: str
) -> None:
    answer = api.get("runs", **query)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == at


def test_the_list_does_not_read_reports(api: Api, django_assert_num_queries: Any) -> None:
    for _ in range(5):
        add_run(report={"large": "document"})

    with django_assert_num_queries(4) as captured:  # the token, its use, count, rows
        api.get("runs")

    assert not any("report" in query["sql"] for query in captured.captured_queries)


def test_people_change_labels_notes_and_marks_and_nothing_else(api: Api) -> None:
    run = add_run(labels={"env": "staging"}, verdict="fail")

    changed = api.patch(
        f"runs/{run.pk}", {"labels": {"env": "production"}, "notes": "n", "is_baseline": True}
    ).json()
    refused = api.patch(f"runs/{run.pk}", {"verdict": "pass"})

    assert changed["labels"] == {"env": "production"}
    assert (changed["notes"], changed["is_baseline"], changed["is_pinned"]) == ("n", True, False)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["at"] == "body.verdict"
    run.refresh_from_db()
    assert run.verdict == "fail"


def test_a_read_token_changes_nothing() -> None:
    run = add_run()
    reader = Api(tokens.create("reader", ["read"])[0])

    answer = reader.patch(f"runs/{run.pk}", {"notes": "n"})

    assert answer.status_code == 403
    assert "needs the scope triage; 'reader' holds read" in answer.json()["detail"]


def test_a_person_who_is_signed_in_reads_the_api_and_writes_with_the_csrf_token_only(
    admin_user: Any,
) -> None:
    run = add_run()
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin_user)

    read = browser.get(f"/api/v1/runs/{run.pk}")
    forged = browser.patch(
        f"/api/v1/runs/{run.pk}", {"notes": "forged"}, content_type="application/json"
    )

    assert read.status_code == 200
    assert forged.status_code == 403
    run.refresh_from_db()
    assert run.notes == ""


def test_a_person_cannot_upload_by_session(admin_client: Client) -> None:
    answer = admin_client.post("/api/v1/projects/shop/runs", {}, content_type="application/json")

    assert answer.status_code == 401


def test_the_verdict_of_a_run_that_is_not_ready_comes_after_the_wait(api: Api) -> None:
    run = add_run(processing="processing", stage="analysing")

    before = timezone.now()
    verdict = api.get(f"runs/{run.pk}/verdict", wait=1).json()
    waited = (timezone.now() - before).total_seconds()

    assert waited >= 1
    assert (verdict["processing"], verdict["stage"]) == ("processing", "analysing")
    assert (verdict["verdict"], verdict["validity"], verdict["criteria"]) == (None, None, [])


def test_a_wait_is_at_most_two_minutes(api: Api) -> None:
    answer = api.get(f"runs/{add_run().pk}/verdict", wait=121)

    assert answer.status_code == 422


def test_projects_say_their_peak_and_an_administrator_sets_it(api: Api) -> None:
    add_run()

    changed = api.patch("projects/shop", {"peak_jps": {"billing": 50}}).json()
    refused = api.patch("projects/shop", {"peak_jps": {"billing": -1}})

    assert changed["peak_jps"] == {"billing": 50}
    assert refused.status_code == 422
    assert api.get("projects").json()["items"][0]["slug"] == "shop"


def test_an_action_travels_over_the_api(api: Api) -> None:
    evidence = add_run()

    made = api.post(
        "projects/shop/actions",
        {
            "title": "Raise the database pool",
            "kind": "quick_win",
            "area": "database",
            "impact": "high",
            "expected_gain": "p95 of billing/usage -30 %",
            "evidence": [str(evidence.pk)],
            "criteria": [{"text": "p95(billing/usage@stage_06) < 400ms"}],
        },
    )

    assert made.status_code == 201
    action = made.json()
    assert (action["ref"], action["state"], action["effort"]) == ("ACT-1", "proposed", "medium")
    assert action["evidence"] == [str(evidence.pk)]
    assert action["criteria"][0]["by"] == "interval"
    assert action["last_retest"] is None
    for state in ("accepted", "implemented"):
        assert api.patch(f"actions/{action['id']}", {"state": state}).json()["state"] == state
    refused = api.patch(f"actions/{action['id']}", {"state": "verified"})
    assert refused.status_code == 409
    more = api.post(
        f"actions/{action['id']}/criteria", {"text": "capacity(billing) >= 1.3 * baseline"}
    )
    assert more.status_code == 201
    assert len(api.get(f"actions/{action['id']}/criteria").json()) == 2
    assert api.get(f"actions/{action['id']}/retests").json() == []
    kinds = [event["kind"] for event in api.get(f"actions/{action['id']}/events").json()]
    assert kinds == ["created", "transition", "transition", "criterion"]
    listed = api.get("projects/shop/actions", state="implemented").json()
    assert (listed["count"], listed["items"][0]["ref"]) == (1, "ACT-1")


def test_a_criterion_that_cannot_be_read_names_its_place(api: Api) -> None:
    add_run()

    answer = api.post(
        "projects/shop/actions", {"title": "x", "criteria": [{"text": "p95(billing < 4ms"}]}
    )

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "criteria.0.text"
    assert "column" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"title": None}, "body.title"),
        ({"title": ""}, "body.title"),
        ({"title": "nul\0"}, "body.title"),
        ({"state": "almost"}, "body.state"),
        ({"impact": 3}, "body.impact"),
        ({"number": 7}, "body.number"),
        ({"evidence": ["x"]}, "body.evidence.0"),
    ],
)
def test_a_change_that_cannot_be_is_refused_by_its_key(
    api: Api, change: dict[str, Any], at: str
) -> None:
    add_run()
    action = api.post("projects/shop/actions", {"title": "x"}).json()

    answer = api.patch(f"actions/{action['id']}", change)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == at
    assert api.get(f"actions/{action['id']}").json()["title"] == "x"


def test_comparing_needs_two_to_six_runs_that_exist(api: Api) -> None:
    run = add_run()

    assert api.get("compare", runs=str(run.pk)).status_code == 422
    assert api.get("compare", runs="a,b").json()["errors"][0]["at"] == "runs"


def test_the_openapi_document_is_served_without_a_page_from_elsewhere(api: Api) -> None:
    document = api.get("openapi.json").json()

    assert document["info"]["title"] == "Headroom"
    assert "/api/v1/runs/{run_id}/verdict" in document["paths"]
    assert api.get("docs").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("delete", "runs", 405),
        ("get", "nowhere", 404),
        ("get", "runs/not-a-uuid", 422),
        ("get", "runs?q=%00", 400),
        ("get", "projects/%00", 400),
        ("get", "actions/99999999999999999999999", 404),
    ],
)
def test_every_error_has_the_one_shape(api: Api, method: str, path: str, status: int) -> None:
    answer = getattr(api.client, method)(f"/api/v1/{path}", headers=api.headers)

    assert answer.status_code == status
    assert set(answer.json()) == {"code", "detail", "errors"}
