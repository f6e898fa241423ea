"""Tuning actions: who may move them where, and how runs judge them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction

from ingest.manifests import describe
from ingest.manifests import read as read_manifest
from runs import processing, store, tuning
from runs.errors import ConflictError, RefusedError
from runs.models import Action, ActionEvent, Delivery, Project, Retest, Run, Webhook
from runs.tuning import NewAction, NewCriterion, trial
from tests.builders import steady, write_spool

pytestmark = pytest.mark.django_db
NOON = datetime(2024, 11, 23, 12, tzinfo=UTC)
FAST = NewCriterion("p95(billing/usage) < 100ms", "point")


@pytest.fixture
def project(data_folder: Path) -> Project:
    return Project.objects.create(slug="shop", name="shop")


@pytest.fixture
def action(project: Project) -> Action:
    """Live since noon, on trial by one criterion."""
    new = NewAction(
        title="Raise the database pool",
        campaign="critical-flows",
        state="implemented",
        implemented_at=NOON,
        criteria=[FAST],
    )
    return tuning.create_action(project, new)


def run_at(
    project: Project,
    started_at: datetime,
    response_ms: float = 20.0,
    *,
    processed: bool = True,
    **spool: Any,
) -> Run:
    """A run of ten seconds, processed as the worker does it."""
    run = Run(project=project, started_at=started_at)
    lines = steady(50, 10, response_ms=response_ms)
    folder = write_spool(
        store.spool_of(run.pk), lines, started_at=started_at, run_id=str(run.pk), **spool
    )
    manifest, document = read_manifest((folder / "manifest.json").read_bytes())
    describe(run, manifest, document)
    run.save()
    if processed:
        process(run.pk)
    run.refresh_from_db()
    return run


def process(run_id: UUID, *, announce: bool = True) -> None:
    processing.process(run_id, lambda _stage: None, announce=announce)
    Run.objects.filter(pk=run_id).update(processing="ready")


def state_of(action: Action) -> str:
    action.refresh_from_db()
    return action.state


def minutes_after_noon(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_actions_are_numbered_within_their_project(project: Project) -> None:
    other = Project.objects.create(slug="bank", name="bank")

    refs = [
        tuning.create_action(one, NewAction(title="x")).ref for one in (project, project, other)
    ]

    assert refs == ["ACT-1", "ACT-2", "ACT-1"]


def test_a_run_after_the_change_that_passes_verifies_the_action(
    project: Project, action: Action
) -> None:
    run = run_at(project, minutes_after_noon(1))

    assert state_of(action) == "verified"
    retest = Retest.objects.get(action=action, run=run)
    assert retest.outcome == "pass"
    figure = retest.figures[0]
    assert (figure["verdict"], figure["measured"], figure["limit"]) == ("pass", 20.0, 100.0)
    assert figure["version"] == 1
    event = action.events.get(kind="retest")
    assert (event.from_state, event.to_state, event.run) == ("implemented", "verified", run)


def test_a_run_after_the_change_that_fails_fails_the_action(
    project: Project, action: Action
) -> None:
    run_at(project, minutes_after_noon(1), response_ms=180.0)

    assert state_of(action) == "failed"


def test_a_later_run_that_fails_regresses_a_verified_action_and_nothing_verifies_it_again(
    project: Project, action: Action
) -> None:
    run_at(project, minutes_after_noon(1))
    run_at(project, minutes_after_noon(2), response_ms=180.0)
    assert state_of(action) == "regressed"

    run_at(project, minutes_after_noon(3))

    assert state_of(action) == "regressed"
    outcomes = action.retests.order_by("run__started_at").values_list("outcome", flat=True)
    assert list(outcomes) == ["pass", "fail", "pass"]


def test_a_person_puts_a_failed_action_on_trial_again(project: Project, action: Action) -> None:
    run_at(project, minutes_after_noon(1), response_ms=180.0)
    tuning.transition(action, "implemented", implemented_at=minutes_after_noon(5))

    run_at(project, minutes_after_noon(6))

    assert state_of(action) == "verified"


@pytest.mark.parametrize(
    ("minutes", "spool", "reason"),
    [
        (-1, {}, "before the change was live"),
        (1, {"campaign": "smoke"}, None),
        (1, {"labels": {"env": "staging"}}, None),
    ],
)
def test_runs_that_do_not_apply_judge_nothing(
    project: Project, action: Action, minutes: int, spool: dict[str, Any], reason: str | None
) -> None:
    Action.objects.update(labels={"env": "production"} if "labels" in spool else {})

    run = run_at(project, minutes_after_noon(minutes), response_ms=180.0, **spool)

    assert state_of(action) == "implemented"
    found = Retest.objects.filter(action=action, run=run).first()
    assert (found is None) == (reason is None)
    if found is not None:
        assert found.outcome == "not_applicable"
        assert reason is not None
        assert reason in found.reason


def test_a_run_of_another_project_judges_nothing(action: Action) -> None:
    bank = Project.objects.create(slug="bank", name="bank")

    run_at(bank, minutes_after_noon(1), response_ms=180.0)

    assert state_of(action) == "implemented"


def test_the_evidence_does_not_judge_its_own_action(project: Project, action: Action) -> None:
    run = run_at(project, minutes_after_noon(-5), response_ms=180.0)
    action.evidence.add(run)
    Action.objects.update(implemented_at=minutes_after_noon(-10))

    process(run.pk)

    assert state_of(action) == "implemented"
    assert "own evidence" in Retest.objects.get(action=action, run=run).reason


def test_an_accepted_action_is_judged_and_not_moved(project: Project) -> None:
    action = tuning.create_action(project, NewAction(title="x", state="accepted", criteria=[FAST]))

    run_at(project, minutes_after_noon(1))

    assert state_of(action) == "accepted"
    assert action.retests.get().outcome == "pass"


@pytest.mark.parametrize("state", ["proposed", "rejected", "deferred"])
def test_runs_leave_alone_what_is_not_on_trial(
    project: Project, action: Action, state: str
) -> None:
    Action.objects.update(state=state)

    run_at(project, minutes_after_noon(1))

    assert state_of(action) == state
    assert not action.retests.exists()


def test_a_run_that_is_processed_twice_announces_once(project: Project, action: Action) -> None:
    run = run_at(project, minutes_after_noon(1))

    process(run.pk)

    assert action.events.filter(kind="retest").count() == 1
    assert action.retests.count() == 1


def test_a_run_does_not_verify_again_what_a_person_put_back_on_trial(
    project: Project, action: Action
) -> None:
    run = run_at(project, minutes_after_noon(1))
    tuning.transition(action, "implemented", implemented_at=NOON)

    process(run.pk)

    assert state_of(action) == "implemented"


def test_recalculation_judges_again_and_moves_nothing(project: Project, action: Action) -> None:
    run = run_at(project, minutes_after_noon(1))
    action.criteria.update(text="p95(billing/usage) < 10ms", version=2)

    process(run.pk, announce=False)

    assert state_of(action) == "verified"
    retest = action.retests.get()
    assert (retest.outcome, retest.figures[0]["version"]) == ("fail", 2)
    assert action.events.filter(kind="retest").count() == 1


def test_a_run_that_comes_in_late_does_not_overrule_a_newer_one(
    project: Project, action: Action
) -> None:
    run_at(project, minutes_after_noon(10))

    run_at(project, minutes_after_noon(5), response_ms=180.0)

    assert state_of(action) == "verified"


def test_one_criterion_that_fails_is_enough(project: Project, action: Action) -> None:
    tuning.add_criterion(action, NewCriterion("p95(billing/usage) < 10ms", "point"))

    run_at(project, minutes_after_noon(1))

    assert state_of(action) == "failed"
    assert "p95(billing/usage) < 10ms" in action.retests.get().reason
    assert "< 100ms" not in action.retests.get().reason


def test_a_criterion_that_names_a_step_that_is_gone_leaves_the_action_open(
    project: Project, action: Action
) -> None:
    tuning.add_criterion(action, NewCriterion("p95(billing/renamed) < 10ms", "point"))

    run_at(project, minutes_after_noon(1))

    assert state_of(action) == "implemented"
    retest = action.retests.get()
    assert retest.outcome == "inconclusive"
    assert "can no longer be evaluated" in retest.reason


HALF = NewCriterion("p95(billing/usage) < 0.5 * baseline")


def relative_action(project: Project, **more: Any) -> Action:
    """Accepted at eleven, live since noon, to halve a response time."""
    new = NewAction(title="x", state="implemented", implemented_at=NOON, criteria=[HALF], **more)
    action = tuning.create_action(project, new)
    Action.objects.filter(pk=action.pk).update(accepted_at=minutes_after_noon(-60))
    return action


def test_a_relative_criterion_is_held_against_the_baseline_that_the_author_names(
    project: Project,
) -> None:
    before = run_at(project, minutes_after_noon(-90), response_ms=180.0)
    action = relative_action(project, evidence=[before], baseline=before)

    run_at(project, minutes_after_noon(1), response_ms=70.0)

    assert state_of(action) == "verified"
    assert action.retests.get().figures[0]["limit"] == 90.0


def test_a_relative_criterion_is_held_against_the_newest_run_since_acceptance(
    project: Project,
) -> None:
    """The evidence was bad by chance: against it, a run without any change would pass."""
    bad = run_at(project, minutes_after_noon(-90), response_ms=300.0)
    action = relative_action(project, evidence=[bad])
    run_at(project, minutes_after_noon(-30), response_ms=140.0)
    run_at(project, minutes_after_noon(-20), response_ms=120.0)

    run_at(project, minutes_after_noon(1), response_ms=119.0)

    assert state_of(action) == "failed"
    assert action.retests.order_by("pk").last().figures[0]["limit"] == 60.0  # type: ignore[union-attr]


def test_without_a_run_since_acceptance_a_relative_criterion_asks_for_a_baseline(
    project: Project,
) -> None:
    bad = run_at(project, minutes_after_noon(-90), response_ms=300.0)
    action = relative_action(project, evidence=[bad])

    run_at(project, minutes_after_noon(1), response_ms=70.0)

    assert state_of(action) == "implemented"
    retest = action.retests.get()
    assert retest.outcome == "inconclusive"
    assert "the evidence is no fair baseline" in retest.reason
    assert "No run was made between accepting the action and its change" in retest.reason


def test_a_criterion_is_tried_on_the_evidence_when_it_is_written(project: Project) -> None:
    evidence = run_at(project, minutes_after_noon(-5), response_ms=180.0)
    texts = ("p95(billing/usage) < 100ms", "p95(billing/usage) < 300ms", "p95(billing/gone) < 1ms")

    action = tuning.create_action(
        project,
        NewAction(
            title="x", evidence=[evidence], criteria=[NewCriterion(one) for one in texts] + [HALF]
        ),
    )

    fails, passes, cannot, relative = [one.trial for one in action.criteria.all()]
    assert trial.advice(fails) == "It can be evaluated, and it fails today, as it should."
    assert "passes today already" in trial.advice(passes)
    assert "cannot be evaluated on the evidence" in trial.advice(cannot)
    assert relative is not None
    assert (relative["verdict"], relative["limit"], relative["measured"]) == ("fail", 90.0, 180.0)
    assert {one.trial_run for one in action.criteria.all()} == {evidence}


def test_a_changed_criterion_is_a_new_version_and_is_tried_again(project: Project) -> None:
    evidence = run_at(project, minutes_after_noon(-5), response_ms=180.0)
    action = tuning.create_action(
        project, NewAction(title="x", evidence=[evidence], criteria=[FAST])
    )

    changed = tuning.change_criterion(
        action.criteria.get(), NewCriterion("p95(billing/usage) < 190ms")
    )

    assert (changed.version, changed.trial["verdict"]) == (2, "inconclusive")  # type: ignore[index]
    event = action.events.get(kind="criterion")
    assert event.detail == (
        "Version 2: p95(billing/usage) < 190ms by interval; "
        "it was p95(billing/usage) < 100ms by point"
    )


def test_an_action_that_asks_for_three_runs_is_verified_by_the_third(project: Project) -> None:
    action = tuning.create_action(
        project,
        NewAction(
            title="x", state="implemented", implemented_at=NOON, criteria=[FAST], needed_runs=3
        ),
    )

    run_at(project, minutes_after_noon(1))
    run_at(project, minutes_after_noon(2))
    assert state_of(action) == "implemented"
    newest = action.retests.first()
    assert newest is not None
    assert newest.reason.endswith("Not verified yet: it takes 1 more valid run that passes.")

    run_at(project, minutes_after_noon(3))
    assert state_of(action) == "verified"


def test_a_figure_close_to_its_limit_needs_more_runs_than_one(project: Project) -> None:
    """90 ms has a 95 % interval of 84 to 96.4 ms: under 97 ms, but not beyond doubt."""
    close = NewCriterion("p95(billing/usage) < 97ms")
    action = tuning.create_action(
        project,
        NewAction(title="x", state="implemented", implemented_at=NOON, criteria=[close]),
    )

    run_at(project, minutes_after_noon(1), response_ms=90.0)

    assert state_of(action) == "implemented"
    retest = action.retests.get()
    assert (retest.outcome, retest.look, retest.is_clear) == ("pass", 1, False)
    assert "one that is clear after so many looks, or 5 more valid runs in a row" in retest.reason

    run_at(project, minutes_after_noon(2), response_ms=50.0)
    assert state_of(action) == "verified"


def test_a_run_from_another_environment_judges_nothing(project: Project) -> None:
    new = NewAction(
        title="x",
        environment="production",
        state="implemented",
        implemented_at=NOON,
        criteria=[FAST],
    )
    action = tuning.create_action(project, new)

    run_at(project, minutes_after_noon(1), labels={"env": "staging"})
    assert state_of(action) == "implemented"

    run_at(project, minutes_after_noon(2), labels={"env": "production"})
    assert state_of(action) == "verified"


def test_priority_weighs_impact_against_effort_and_risk(project: Project) -> None:
    rows = [
        ("high", "low", "low", 12),
        ("high", "high", "high", 6),
        ("low", "low", "low", 6),
        ("low", "high", "high", 0),
    ]
    for impact, effort, risk, expected in rows:
        new = NewAction(title="x", impact=impact, effort=effort, risk=risk)
        assert tuning.create_action(project, new).priority == expected


def test_a_priority_of_ones_own_needs_a_reason(project: Project) -> None:
    with pytest.raises(RefusedError, match="needs a reason"):
        tuning.create_action(project, NewAction(title="x", own_priority=12))
    action = tuning.create_action(
        project, NewAction(title="x", own_priority=12, priority_reason="Black Friday")
    )
    assert (action.priority, action.computed_priority) == (12, 7)
    with pytest.raises(RefusedError, match="needs a reason"):
        tuning.edit(action, {"priority_reason": ""})


def test_an_action_is_deferred_until_a_day_and_forgets_it_when_it_comes_back(
    project: Project,
) -> None:
    action = tuning.create_action(project, NewAction(title="x"))

    tuning.transition(action, "deferred", deferred_until=date(2025, 1, 6))
    assert action.deferred_until == date(2025, 1, 6)

    tuning.transition(action, "accepted")
    assert action.deferred_until is None
    with pytest.raises(RefusedError, match="Only a deferred action has a date"):
        tuning.transition(action, "implemented", deferred_until=date(2025, 1, 6))


def test_links_lead_to_the_web_and_nowhere_else(project: Project) -> None:
    hostile = {"title": "click", "url": "javascript:alert(1)"}
    with pytest.raises(RefusedError, match="a link begins with https://"):
        tuning.create_action(project, NewAction(title="x", links=[hostile]))


def test_comments_stand_in_the_history(project: Project, action: Action) -> None:
    ada = User.objects.create_user("ada")
    tuning.comment(action, " The DBA agrees. ", ada)
    event = action.events.get(kind="comment")
    assert (event.detail, event.user) == ("The DBA agrees.", ada)
    with pytest.raises(RefusedError, match="empty"):
        tuning.comment(action, "  ")


def test_an_event_keeps_the_figures_and_the_versions_that_decided(
    project: Project, action: Action
) -> None:
    run_at(project, minutes_after_noon(1))

    figure = action.events.get(kind="retest").figures[0]

    assert (figure["text"], figure["version"], figure["measured"]) == (FAST.text, 1, 20.0)


def test_two_runs_that_are_ready_at_the_same_moment_make_each_event_once(
    transactional_db: None, project: Project, action: Action
) -> None:
    """Both read `implemented` before either writes; the row's lock lets one verify."""
    webhook = Webhook.objects.create(
        project=project, url="https://example.com/", events=["action.verified"]
    )
    runs = [run_at(project, minutes_after_noon(at), processed=False) for at in (1, 2)]
    barrier = threading.Barrier(2)

    def at_once(run: Run) -> None:
        barrier.wait()
        process(run.pk)
        connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(at_once, runs))

    assert state_of(action) == "verified"
    assert action.events.filter(kind="retest", to_state="verified").count() == 1
    assert action.retests.count() == 2
    assert Delivery.objects.filter(webhook=webhook).count() == 1


def test_a_person_may_hold_a_run_that_is_there_already_against_an_action(project: Project) -> None:
    run = run_at(project, minutes_after_noon(1))
    action = tuning.create_action(
        project,
        NewAction(title="x", state="implemented", implemented_at=NOON, criteria=[FAST]),
    )

    retest = tuning.retest_now(action, run)

    assert retest.outcome == "pass"
    assert state_of(action) == "verified"


@pytest.mark.parametrize(
    ("state", "to"),
    [
        ("proposed", "implemented"),
        ("proposed", "verified"),
        ("implemented", "verified"),
        ("implemented", "failed"),
        ("verified", "regressed"),
        ("rejected", "implemented"),
        ("accepted", "nonsense"),
    ],
)
def test_people_cannot_move_an_action_where_the_table_does_not_lead(
    project: Project, state: str, to: str
) -> None:
    action = tuning.create_action(project, NewAction(title="x"))
    Action.objects.update(state=state, accepted_at=NOON, implemented_at=NOON)

    with pytest.raises(ConflictError, match=f"is {state} and cannot become {to}"):
        tuning.transition(action, to)

    assert state_of(action) == state


def test_a_transition_says_who_did_it_and_why(project: Project) -> None:
    user = User.objects.create_user("ada")
    action = tuning.create_action(project, NewAction(title="x"), user)

    tuning.transition(action, "rejected", user, "The pool is shared.")

    events = [(one.kind, one.from_state, one.to_state, one.detail) for one in action.events.all()]
    assert events == [
        ("created", "", "proposed", ""),
        ("transition", "proposed", "rejected", "The pool is shared."),
    ]
    assert action.events.last().user == user  # type: ignore[union-attr]


def test_the_database_itself_refuses_a_state_that_does_not_exist(action: Action) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Action.objects.update(state="almost")
    for impossible in (
        {"state": "verified", "implemented_at": None},
        {"state": "accepted", "accepted_at": None},
        {"deferred_until": date(2025, 1, 6)},
        {"impact": "enormous"},
        {"own_priority": 3},
        {"own_priority": 13, "priority_reason": "because"},
        {"needed_runs": 0},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Action.objects.update(**impossible)


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("transition", "implemented", "verified"),  # runs do that, not people
        ("retest", "accepted", "implemented"),  # and the other way round
        ("retest", "rejected", "verified"),
        ("created", "", "verified"),
        ("edited", "proposed", "accepted"),
    ],
)
def test_the_database_refuses_a_history_that_leaves_the_arrows(
    action: Action, kind: str, before: str, after: str
) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ActionEvent.objects.create(
            action=action, at=NOON, kind=kind, from_state=before, to_state=after
        )


def test_the_database_itself_refuses_an_outcome_that_does_not_exist(
    project: Project, action: Action
) -> None:
    run = run_at(project, minutes_after_noon(1))
    with pytest.raises(IntegrityError), transaction.atomic():
        Retest.objects.filter(run=run).update(outcome="splendid")


def test_one_run_makes_one_event_of_a_kind(project: Project, action: Action) -> None:
    run = run_at(project, minutes_after_noon(1))

    with pytest.raises(IntegrityError), transaction.atomic():
        ActionEvent.objects.create(action=action, at=NOON, kind="retest", run=run)


def test_a_criterion_that_cannot_be_read_is_refused_with_its_column(project: Project) -> None:
    new = NewAction(title="x", criteria=[FAST, NewCriterion("p95(billing) <> 4ms")])

    with pytest.raises(RefusedError, match="column") as caught:
        tuning.create_action(project, new)

    assert caught.value.faults[0].at == "criteria.1.text"
    assert not Action.objects.exists()


def test_the_same_criterion_twice_is_refused(action: Action) -> None:
    with pytest.raises(ConflictError, match="ACT-1 has the criterion"):
        tuning.add_criterion(action, FAST)
