"""The queue: one worker has a run at a time, and no run is with nobody."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from ingest import queue
from ingest.models import Work
from ingest.queue import LeaseLostError
from runs import settling
from runs.models import Project, Run

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def run() -> Run:
    project = Project.objects.create(slug="shop", name="shop")
    run = Run.objects.create(project=project, campaign="critical-flows", started_at=timezone.now())
    queue.enqueue(run)
    return run


def let_the_lease_run_out() -> None:
    Work.objects.update(lease_until=timezone.now() - MINUTE)


def test_a_run_that_is_taken_is_not_taken_again(run: Run) -> None:
    first = queue.claim(MINUTE)

    assert first is not None
    assert (first.run_id, first.attempt) == (run.pk, 1)
    assert queue.claim(MINUTE) is None
    run.refresh_from_db()
    assert run.processing == "processing"


def test_the_run_that_waits_longest_comes_first(run: Run) -> None:
    later = Run.objects.create(project=run.project, campaign="b", started_at=timezone.now())
    queue.enqueue(later)

    taken = [queue.claim(MINUTE), queue.claim(MINUTE)]

    assert [lease.run_id for lease in taken if lease] == [run.pk, later.pk]


def test_a_lease_that_ran_out_goes_to_the_next_worker_and_the_first_notices(run: Run) -> None:
    first = queue.claim(MINUTE)
    let_the_lease_run_out()
    second = queue.claim(MINUTE)

    assert first is not None
    assert second is not None
    assert (second.run_id, second.attempt) == (run.pk, 2)
    with pytest.raises(LeaseLostError):
        first.note_stage("analysing")
    with pytest.raises(LeaseLostError):
        first.finish()
    second.finish()
    run.refresh_from_db()
    assert run.processing == "ready"


def test_a_lease_that_is_extended_does_not_run_out(run: Run) -> None:
    lease = queue.claim(MINUTE)
    let_the_lease_run_out()

    assert lease is not None
    lease.extend()

    assert queue.claim(MINUTE) is None


def test_a_run_that_took_five_workers_with_it_is_failed_with_a_reason(run: Run) -> None:
    for _ in range(queue.MAX_ATTEMPTS):
        assert queue.claim(MINUTE) is not None
        let_the_lease_run_out()

    assert queue.claim(MINUTE) is None

    run.refresh_from_db()
    assert run.processing == "failed"
    assert "5 times" in run.reason


def test_a_worker_that_stops_hands_its_run_back_without_counting_the_attempt(run: Run) -> None:
    lease = queue.claim(MINUTE)
    assert lease is not None

    lease.release()

    again = queue.claim(MINUTE)
    assert again is not None
    assert (again.run_id, again.attempt) == (run.pk, 1)


def test_a_failed_run_keeps_the_stage_in_which_it_failed(run: Run) -> None:
    lease = queue.claim(MINUTE)
    assert lease is not None
    lease.note_stage("reading")

    lease.fail("samples-00000.ndjson.zst, line 3: no key step")

    run.refresh_from_db()
    assert (run.processing, run.stage) == ("failed", "reading")
    assert run.reason == "samples-00000.ndjson.zst, line 3: no key step"
    assert queue.depth() == {"queued": 0, "leased": 0}


@pytest.mark.django_db(transaction=True)
def test_whoever_waits_for_a_run_hears_at_once_that_it_is_settled(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks again by itself only because another process may settle the run."""
    monkeypatch.setattr(settling, "_LOOKS_EVERY_S", 3600)
    lease = queue.claim(MINUTE)
    assert lease is not None
    waiting = threading.Thread(target=_waited_for, args=(run,), daemon=True)
    waiting.start()
    waiting.join(0.2)
    assert waiting.is_alive()

    lease.finish()

    waiting.join(60)
    assert not waiting.is_alive()


def _waited_for(run: Run) -> None:
    settling.wait_for(run.pk, 3600)
    connection.close()
