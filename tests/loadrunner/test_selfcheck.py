"""`selfcheck`: what it finds on this machine, and what becomes of the ceiling."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from loadrunner import ceiling
from loadrunner.campaign.file import load
from loadrunner.ceiling import Ceiling
from loadrunner.selfcheck import findings
from runs.analysis.percentiles import nearest_rank
from tests.loadrunner.campaign_files import SHOP, written
from tests.loadrunner.fault_server import OK, FaultServer, sends
from tests.loadrunner.processes import loadrunner
from tests.loadrunner.runs_on_disk import at_rate, manifest_of
from tests.loadrunner.runs_on_disk import written as run_file


def test_the_stalls_times_are_known_by_arithmetic() -> None:
    """500/s for 4 s, and half a second of standstill: 250 wait, evenly from 500 ms down to 2."""
    times = findings.expected_stall_ms()
    assert len(times) == 2000
    assert int((times > 0).sum()) == 250
    assert times[-1] == pytest.approx(500)
    assert nearest_rank(times, 0.99) == pytest.approx(460)
    assert nearest_rank(times, 0.95) == pytest.approx(300)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, str]:
    """What a real selfcheck found, its cache folder, and what it told while it went on."""
    cache = tmp_path_factory.mktemp("cache")
    began_s = time.monotonic()
    done = loadrunner("selfcheck", "--format", "json", env={"XDG_CACHE_HOME": str(cache)})
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began_s < 90
    return json.loads(done.stdout), cache, done.stderr


@pytest.mark.journey
def test_a_selfcheck_finds_the_ceiling_and_true_times(
    checked: tuple[dict[str, Any], Path, str],
) -> None:
    """On a busy machine times come out longer than they are, but never shorter."""
    found, _, told = checked
    assert found["ceiling_rps"] > 1000
    assert found["arrivals"][0]["rate_rps"] == 1000
    assert found["arrivals"][0]["sent_rps"] == pytest.approx(1000, rel=0.01)
    p50, p99 = found["service"]
    assert 5.0 <= p50["measured"] < 20
    assert p99["measured"] >= 50.0
    stall = {one["what"]: one for one in found["stall"]}
    assert 459 <= stall["p99"]["measured"] < 1000
    assert stall["requests slower than 10 ms"]["measured"] >= 240
    assert told.splitlines()[0] == "1 of 2: the ceiling, 5 s"


@pytest.mark.journey
def test_the_ceiling_is_kept_in_each_run_and_warns_of_plans_beyond_it(
    checked: tuple[dict[str, Any], Path, str], tmp_path: Path
) -> None:
    found, cache, _ = checked
    env = {"XDG_CACHE_HOME": str(cache)}
    with FaultServer({"/": sends(OK)}) as server:
        file = run_file(tmp_path, server.url, at_rate(10))
        assert loadrunner("run", file, "--out", tmp_path / "spool", env=env).returncode == 0
    kept = manifest_of(tmp_path / "spool")["host"]["ceiling_rps"]
    assert kept == pytest.approx(found["ceiling_rps"], abs=1)
    run_file(tmp_path, "http://127.0.0.1:9", at_rate(round(kept * 0.81)))
    warned = loadrunner("plan", file, env=env)
    assert "Note: The plan asks for up to " in warned.stdout
    run_file(tmp_path, "http://127.0.0.1:9", at_rate(round(kept * 0.79)))
    assert "Note:" not in loadrunner("plan", file, env=env).stdout


def kept(folder: Path, monkeypatch: pytest.MonkeyPatch, **changed: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    known = Ceiling(**{**vars(ceiling.measured(50.0)), **changed})
    assert ceiling.remember(known) == folder / "headroom" / "ceiling.json"


def test_a_plan_is_warned_of_by_how_many_workers_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SHOP peaks at 40 requests/s, which is 80 % of 50, and so the last that is not warned of."""
    campaign = load(written(tmp_path, SHOP), {}, {})
    kept(tmp_path, monkeypatch)
    assert ceiling.warning(campaign) is None
    kept(tmp_path, monkeypatch, ceiling_rps=49.0)
    told = ceiling.warning(campaign)
    assert told is not None
    assert "up to 40 requests/s, more than 80 % of what one worker of this machine" in told
    assert ceiling.warning(campaign, workers=2) is None


@pytest.mark.parametrize("changed", [{"machine": "another"}, {"cores": 1024}, {"ceiling_rps": 0.0}])
def test_the_ceiling_of_another_machine_is_not_this_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    kept(tmp_path, monkeypatch, **changed)
    assert ceiling.remembered() is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ceiling_rps": "fast"}', "\0"])
def test_a_cache_that_cannot_be_read_is_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    kept(tmp_path, monkeypatch)
    (tmp_path / "headroom" / "ceiling.json").write_text(text)
    assert ceiling.remembered() is None


def test_a_cache_that_cannot_be_written_is_told_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "headroom").write_text("a file where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert ceiling.remember(ceiling.measured(1.0)) is None
