"""SIGKILL at random moments of concurrent uploads: what was acknowledged is there, whole."""

from pathlib import Path
from typing import Any

import pytest

from tests.kill_storm import spools, storm

pytestmark = pytest.mark.journey
# Another seed is another storm; benchmarks/kill_storm.py goes through fifty moments.
SEED = 20241123
MOMENTS = 5


def test_after_a_storm_every_acknowledged_run_is_ready_and_nothing_is_orphaned(
    make_portal: Any, tmp_path: Path
) -> None:
    portal = make_portal(HEADROOM_LEASE_S="2")
    sent = spools(tmp_path / "spools", 24)

    after = storm(portal, sent, MOMENTS, SEED, lambda _said: None)

    assert len(after.acknowledged) == len(sent)
    assert (after.not_ready, after.wrong_figures, after.wrong_bytes) == ([], [], [])
    assert after.doctor_after == "Files, rows and the queue agree.", after.doctor_before
    assert list((portal.data / "incoming").iterdir()) == []
    assert list((portal.data / "runs").rglob("*.draft")) == []
