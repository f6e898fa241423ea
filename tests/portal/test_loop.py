"""The loop closed over the real API: a run, an action, the change, a run that judges it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import steady, write_spool
from tests.portals import Portal, send

pytestmark = pytest.mark.journey
CRITERION = "p95(billing/usage) < 0.8 * baseline"


def test_an_action_is_verified_by_the_run_after_the_change_and_both_can_be_compared(
    portal: Portal, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    slow = write_spool(
        tmp_path / "before",
        steady(50, 60, response_ms=180.0),
        seconds=60,
        started_at=now - timedelta(minutes=10),
    )
    fast = write_spool(
        tmp_path / "after",
        steady(50, 60, response_ms=80.0),
        seconds=60,
        started_at=now - timedelta(minutes=2),
    )
    with portal.client() as client:
        before = send(client, slow, "loop")
        client.get(f"runs/{before}/verdict", params={"wait": 60})
        new = {
            "title": "Raise the database pool",
            "campaign": "critical-flows",
            "evidence": [before],
            "baseline": before,
            "criteria": [{"text": CRITERION}],
        }
        action = client.post("projects/loop/actions", json=new).json()
        since = (now - timedelta(minutes=5)).isoformat()
        client.patch(f"actions/{action['id']}", json={"state": "accepted"}).raise_for_status()
        client.patch(
            f"actions/{action['id']}", json={"state": "implemented", "implemented_at": since}
        ).raise_for_status()

        after = send(client, fast, "loop")
        verdict = client.get(f"runs/{after}/verdict", params={"wait": 60}).json()
        judged = client.get(f"actions/{action['id']}").json()
        compared = client.get("compare", params={"runs": f"{before},{after}"})
        held_against = client.get(
            f"runs/{after}/verdict", params={"baseline": before, "wait": 60}
        ).json()

    touched = verdict["actions"][0]
    assert (touched["ref"], touched["retest"], touched["state"]) == ("ACT-1", "pass", "verified")
    assert judged["state"] == "verified"
    assert judged["last_retest"]["run"] == after
    figure = judged["last_retest"]["figures"][0]
    assert (figure["measured"], figure["limit"], figure["by"]) == (80.0, 144.0, "interval")
    assert compared.status_code == 200
    assert "NaN" not in compared.text
    assert held_against["verdict"] == verdict["verdict"]
