"""How runs leave: deleted with a way back, purged when their time is over; what counts stays."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ingest import tokens, worker
from runs import processing, retention, store, tuning
from runs.models import Project, Purge, Run, RunFile
from tests.api_client import MONDAY, Api, add_run
from tests.builders import write_spool

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def api(data_folder: Path) -> Api:
    return Api(tokens.create("tests", ["admin"])[0])


def aged(days: int, **columns: Any) -> Run:
    """A run that came and started so many days ago, with a raw file of 1000 bytes."""
    then = NOW - timedelta(days=days)
    run = add_run(started_at=then, seed=days, derived_bytes=500, **columns)
    Run.every.filter(pk=run.pk).update(uploaded_at=then)
    folder = store.spool_of(run.pk)
    (folder / "samples-00000.ndjson.zst").write_bytes(b"x" * 1000)
    RunFile.objects.create(run=run, name="samples-00000.ndjson.zst", bytes=1000, sha256="0" * 64)
    RunFile.objects.filter(run=run).update(received_at=then)
    return run


def seeds(expiries: list[retention.Expiry]) -> list[int]:
    return [expiry.run.seed or 0 for expiry in expiries]


def keeping(**policy: int) -> Project:
    Project.objects.update(**policy)
    return Project.objects.get()


def test_without_a_policy_nothing_goes_however_old(data_folder: Path) -> None:
    aged(4_000)

    assert retention.expired(Project.objects.get(), NOW) == []


def test_runs_go_by_age_the_oldest_first_with_their_bytes(data_folder: Path) -> None:
    for days in (10, 29, 31, 90):
        aged(days)

    found = retention.expired(keeping(keep_days=30), NOW)

    assert seeds(found) == [90, 31]
    assert [(one.bytes, one.reason) for one in found] == [(1500, "older than 30 days")] * 2


def test_runs_go_by_count_the_newest_stay(data_folder: Path) -> None:
    for days in range(1, 6):
        aged(days)

    assert seeds(retention.expired(keeping(keep_runs=3), NOW)) == [5, 4]


def test_history_that_is_imported_today_is_not_gone_tomorrow(data_folder: Path) -> None:
    run = aged(400)
    Run.every.filter(pk=run.pk).update(uploaded_at=NOW)

    assert retention.expired(keeping(keep_days=30), NOW) == []


def test_baselines_pinned_runs_and_the_evidence_of_open_actions_always_stay(
    data_folder: Path,
) -> None:
    aged(50, is_baseline=True)
    aged(51, is_pinned=True)
    evidence, reference, proven, gone = (aged(days) for days in (52, 53, 54, 55))
    tuning.create_action(
        evidence.project, tuning.NewAction(title="open", evidence=[evidence], baseline=reference)
    )
    closed = tuning.create_action(
        proven.project, tuning.NewAction(title="closed", evidence=[proven])
    )
    tuning.transition(closed, "rejected", None)

    found = retention.expired(keeping(keep_days=30, keep_runs=1), NOW)

    assert seeds(found) == [gone.seed, proven.seed]


def test_a_run_in_work_stays_and_one_that_never_came_goes(data_folder: Path) -> None:
    aged(90, processing="processing")
    aged(8, processing="receiving")
    aged(6, processing="receiving")

    found = retention.expired(keeping(keep_days=30), NOW)

    assert [(one.run.seed, one.reason) for one in found] == [(8, "never completed within 7 days")]


def test_a_purge_takes_rows_and_files_and_says_what_went(data_folder: Path) -> None:
    run, kept = aged(90), aged(1)
    [expiry] = retention.expired(keeping(keep_days=30), NOW)

    assert retention.purge(expiry, NOW)

    assert list(Run.every.all()) == [kept]
    assert not store.folder_of(run.pk).exists()
    assert store.folder_of(kept.pk).exists()
    gone = Purge.objects.get()
    assert (gone.run, gone.bytes, gone.reason) == (run.pk, 1500, "older than 30 days")


def test_a_run_that_was_pinned_meanwhile_is_not_purged(data_folder: Path) -> None:
    run = aged(90)
    [expiry] = retention.expired(keeping(keep_days=30), NOW)
    Run.objects.update(is_pinned=True)

    assert not retention.purge(expiry, NOW)

    assert Run.objects.get() == run
    assert store.folder_of(run.pk).exists()


def test_prune_says_what_it_would_do_and_then_does_it(
    data_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = aged(90)
    keeping(keep_days=30)

    call_command("prune", dry_run=True)
    said = capsys.readouterr().out
    assert Run.objects.count() == 1
    call_command("prune", project="shop")
    done = capsys.readouterr().out

    assert f"{run.pk} critical-flows, 90 days old, 1500 bytes: older than 30 days" in said
    assert "1 runs would be purged, 1500 bytes." in said
    assert "1 runs purged, 1500 bytes." in done
    assert not Run.every.exists()
    with pytest.raises(CommandError, match="no project 'bank'"):
        call_command("prune", project="bank")


def test_the_worker_prunes_by_itself_and_removes_what_a_killed_purge_left(
    data_folder: Path,
) -> None:
    run = aged(90)
    keeping(keep_days=30)
    orphan = store.folder_of(Run(started_at=MONDAY).pk) / "raw"
    orphan.mkdir(parents=True)

    worker.tidy(NOW + timedelta(hours=2))

    assert not Run.every.filter(pk=run.pk).exists()
    assert not orphan.exists()


def test_a_deleted_run_is_nowhere_and_comes_back(api: Api) -> None:
    run = add_run()

    assert api.delete(f"runs/{run.pk}").status_code == 204

    assert api.get("runs").json()["count"] == 0
    for path in ("", "/report", "/verdict", "/files", "/samples.csv"):
        assert api.get(f"runs/{run.pk}{path}").status_code == 404, path
    deleted = api.get("runs", is_deleted=True).json()["items"]
    assert [one["id"] for one in deleted] == [str(run.pk)]
    assert deleted[0]["deleted_at"] is not None
    assert Run.every.get().deleted_by == "tests"
    restored = api.post(f"runs/{run.pk}/restore", None)
    assert (restored.status_code, restored.json()["deleted_at"]) == (200, None)
    assert api.get("runs").json()["count"] == 1
    assert api.post(f"runs/{run.pk}/restore", None).status_code == 200


def test_a_deleted_run_that_is_sent_again_is_refused_with_the_way_back(
    api: Api, tmp_path: Path
) -> None:
    spool = write_spool(tmp_path / "run")
    manifest = (spool / "manifest.json").read_text()
    opened = api.client.post(
        "/api/v1/projects/shop/runs", manifest, content_type="application/json", headers=api.headers
    )
    api.delete(f"runs/{opened.json()['id']}")

    again = api.client.post(
        "/api/v1/projects/shop/runs", manifest, content_type="application/json", headers=api.headers
    )

    assert (again.status_code, again.json()["code"]) == (409, "run_deleted")
    assert "/restore brings it back" in again.json()["detail"]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"is_pinned": True}, "it is pinned"),
        ({"is_baseline": True}, "it is a baseline"),
        ({"processing": "processing"}, "delete it when it is ready"),
    ],
)
def test_what_is_held_is_not_deleted(api: Api, columns: dict[str, Any], why: str) -> None:
    run = add_run(**columns)

    answer = api.delete(f"runs/{run.pk}")

    assert answer.status_code == 409
    assert why in answer.json()["detail"]


def test_the_evidence_of_an_open_action_is_not_deleted(api: Api) -> None:
    run = add_run()
    tuning.create_action(run.project, tuning.NewAction(title="open", evidence=[run]))

    answer = api.delete(f"runs/{run.pk}")

    assert "evidence of an open action" in answer.json()["detail"]


def test_a_deleted_run_is_purged_after_the_time_to_undo_it(data_folder: Path) -> None:
    run = aged(1)
    retention.delete(run, "ada", NOW - timedelta(days=13))
    assert retention.expired(run.project, NOW) == []

    found = retention.expired(run.project, NOW + timedelta(days=2))

    assert [one.reason for one in found] == ["deleted more than 14 days ago"]
    assert retention.purge(found[0], NOW)
    assert not Run.every.exists()


def test_a_project_says_its_room_what_went_last_and_what_goes_next(api: Api) -> None:
    for days in (1, 40, 90):
        aged(days)
    api.patch("projects/shop", {"keep_days": 60})
    call_command("prune")
    api.patch("projects/shop", {"keep_days": 30})

    found = api.get("projects/shop/retention").json()

    assert (found["runs"], found["bytes"]) == (2, 3000)
    assert (found["raw_bytes"], found["derived_bytes"]) == (2000, 1000)
    assert [one["reason"] for one in found["purged"]] == ["older than 60 days"]
    assert [one["reason"] for one in found["next"]] == ["older than 30 days"]
    assert found["next_bytes"] == 1500
    ended = api.patch("projects/shop", {"keep_days": None}).json()
    assert ended["keep_days"] is None
    assert api.patch("projects/shop", {"keep_days": 0}).status_code == 422


def test_the_room_of_a_run_counts_what_was_computed_of_it(data_folder: Path) -> None:
    run = add_run()
    write_spool(store.spool_of(run.pk), run_id=str(run.pk))

    processing.process(run.pk, lambda _stage: None)

    run.refresh_from_db()
    tables = store.folder_of(run.pk).glob("*.parquet")
    assert run.derived_bytes == sum(path.stat().st_size for path in tables) > 0
