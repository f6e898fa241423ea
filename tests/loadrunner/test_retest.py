"""`loadrunner run --retest ACT-12`: what is run, and how it ends."""

from pathlib import Path

import pytest

from loadrunner.campaign.file import load
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.retesting import needed
from loadrunner.commands.retest import Outcome
from loadrunner.errors import UsageError
from tests.loadrunner.processes import ROOT, loadrunner
from tests.portals import Portal

EXAMPLE = ROOT / "examples" / "critical-flows.yaml"


def cut(*criteria: str) -> Campaign:
    return needed(load(EXAMPLE, {}, {}), criteria, "ACT-1")


def phases(campaign: Campaign) -> dict[str, list[str]]:
    return {one.name: [load.phase for load in one.load] for one in campaign.scenarios}


def test_only_the_scenarios_are_run_that_the_criteria_name() -> None:
    campaign = cut("capacity(billing) >= 1.4 * baseline", "p95(chat/send_message@plateau) < 1s")
    assert phases(campaign) == {
        "chat": ["ramp_up", "plateau"],  # the spike comes after what is looked at
        "billing": [f"stage_{number:02d}" for number in range(1, 10)],
    }
    assert "p95(billing/usage@stage_02) < 400ms" in campaign.criteria
    assert "capacity(b2b) > 50/s" not in campaign.criteria
    assert campaign.skipped["b2b"] == "the action's criteria do not name it"


def test_a_staircase_ends_at_the_stage_that_is_looked_at() -> None:
    campaign = cut("p95(billing/usage@stage_03) < 400ms")
    assert phases(campaign) == {"billing": ["stage_01", "stage_02", "stage_03"]}
    assert campaign.duration_s == 15


@pytest.mark.parametrize("text", ["p95(*@plateau) < 1s", "probe_max(cpu) < 0.8"])
def test_what_is_said_of_everything_runs_everything(text: str) -> None:
    whole = load(EXAMPLE, {}, {})
    assert phases(needed(whole, [text], "ACT-1")) == phases(whole)


def test_a_step_that_the_campaign_has_not_is_told_before_anything_is_sent() -> None:
    with pytest.raises(UsageError, match=r"cannot re-test ACT-1: its criterion 'p95\(billing/gone"):
        cut("p95(billing/gone@stage_01) < 1ms")


@pytest.mark.parametrize(
    ("retest", "state", "code"),
    [
        ("pass", "verified", 0),
        ("pass", "accepted", 0),
        ("pass", "regressed", 0),  # it stays so until a person acts; this run passed
        ("fail", "failed", 3),
        ("fail", "regressed", 3),
        ("fail", "accepted", 3),
        ("not_applicable", "implemented", 8),
        ("pass", "implemented", None),  # not clear enough yet
        ("fail", "implemented", None),
        ("fail", "verified", None),
        ("inconclusive", "accepted", None),
    ],
)
def test_the_outcome_is_the_exit_status_or_asks_for_another_run(
    retest: str, state: str, code: int | None
) -> None:
    assert Outcome(retest, "", state).exit_code == code


@pytest.mark.journey
def test_nothing_is_sent_for_an_action_that_no_run_may_judge(
    portal: Portal, tmp_path: Path
) -> None:
    """A target that nobody listens on would end with 6: the portal is asked first."""
    env = {"HEADROOM_TOKEN": portal.token, "TARGET_URL": "http://127.0.0.1:9"}
    words = ["run", EXAMPLE, "--portal", portal.address, "--project", "retests"]
    words += ["--out", tmp_path / "spool", "--retest"]
    with portal.client() as client:
        # A run opens the project; an action is made in it, and left proposed.
        assert client.post("projects/retests/runs", json=_manifest()).status_code == 201
        made = client.post("projects/retests/actions", json={"title": "x"})
        assert made.status_code == 201
        ref, number = made.json()["ref"], made.json()["id"]
        rows = [("ACT-999", "There is no ACT-999"), (ref, "is proposed: runs judge an action")]
        for name, said in rows:
            done = loadrunner(*words, name, env=env)
            assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        client.patch(f"actions/{number}", json={"state": "accepted"})
        done = loadrunner(*words, ref, env=env)
        assert (done.returncode, "has no criteria" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--retest", "12"], "an action reads ACT-12"),
        (["--retest", "ACT-12"], "--retest needs --portal"),
    ],
)
def test_bad_usage_is_told(flags: list[str], said: str) -> None:
    done = loadrunner("run", EXAMPLE, *flags)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def _manifest() -> dict[str, object]:
    return {
        "format": "headroom-spool/1",
        "run_id": "0b7f4a1e-6f0b-4d68-9c39-5f0a8a3f7a10",
        "state": "complete",
        "campaign": {"name": "critical-flows", "text": "", "sha256": ""},
        "seed": 1,
        "tool": {"name": "loadrunner", "version": "0"},
        "host": None,
        "git": None,
        "labels": {},
        "started_at_ns": 1732350000000000000,
        "ended_at_ns": None,
        "phases": [],
        "probes": [],
        "criteria": [],
        "peak_jps": {},
        "segments": [],
    }
