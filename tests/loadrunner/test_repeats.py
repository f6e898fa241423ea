"""`run --repeat`, `--until-decided` and `ab` as a user types them, against the real target.

The machine that runs the tests may be too busy for a run to be valid; what is asserted holds then
too.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from loadrunner.campaign.model import Campaign, Load, Scenario, Target
from loadrunner.commands import remarks
from loadrunner.execution import Options
from loadrunner.run_series import RunSeries, Side, in_turns
from tests.loadrunner.processes import loadrunner, target
from tests.loadrunner.runs_on_disk import manifest_of

pytestmark = pytest.mark.journey


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with target() as url:
        yield url


def campaign(folder: Path, url: str, criteria: str = '"p50(health) < 900ms"') -> Path:
    path = folder / "short.yaml"
    path.write_text(f"""
campaign: short
target: {{base_url: "${{URL:-{url}}}", allow: [127.0.0.1]}}
scenarios:
  health:
    steps: [{{name: get, request: {{path: /healthz}}}}]
    load: [{{phase: plateau, duration: 1s, rate: 20}}]
criteria: [{criteria}]
""")
    return path


def labels(folder: Path) -> dict[str, Any]:
    return dict(manifest_of(folder)["labels"])


def test_repeats_stand_in_one_folder_with_their_group_and_have_one_verdict(
    service: str, tmp_path: Path
) -> None:
    out = tmp_path / "repeats"
    done = loadrunner(
        "run", campaign(tmp_path, service), "--repeat", 2, "--seed", 5, "--label", "branch=main",
        "--out", out, "--junit", tmp_path / "r.xml", "--markdown", tmp_path / "r.md",
        "--set", "NOPE=1", env={"LOADRUNNER_NO_TIMERFD": "1"},
    )  # fmt: skip
    assert done.returncode in (0, 4), done.stderr
    assert sorted(one.name for one in out.iterdir()) == ["run-01", "run-02"]
    first, second = labels(out / "run-01"), labels(out / "run-02")
    assert first["group"] == second["group"]
    assert [first["repeat"], second["repeat"]] == ["1", "2"]
    assert first["branch"] == "main"
    assert [manifest_of(out / name)["seed"] for name in ("run-01", "run-02")] == [5, 6]
    assert "2 runs" in done.stdout
    assert "Note: --set NOPE has no effect: the campaign does not use it." in done.stdout
    assert done.stdout.count("Note: This system has no timerfd") == 1  # said once for all runs
    assert "2 runs" in (tmp_path / "r.md").read_text()
    assert "p50(health)" in (tmp_path / "r.xml").read_text()


def test_until_decided_ends_with_the_first_run_that_leaves_nothing_open(
    service: str, tmp_path: Path
) -> None:
    """No more than six of ten: a run of 20 requests is seldom invalid, even on a busy machine."""
    out = tmp_path / "repeats"
    done = loadrunner(
        "run", campaign(tmp_path, service, '"count(health) == 20"'), "--until-decided", "--out", out
    )
    runs = len(list(out.iterdir()))
    assert done.returncode == 0 or runs == 10, done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("run-")]
    assert runs == len(told)
    if done.returncode == 0:
        last = told[-1]
        assert last.endswith("Every criterion is decided.")


def test_no_run_is_begun_that_would_end_after_the_time_that_is_given(
    service: str, tmp_path: Path
) -> None:
    done = loadrunner(
        "run",
        campaign(tmp_path, service),
        "--repeat",
        50,
        "--max",
        "1500ms",
        "--out",
        tmp_path / "o",
    )
    assert done.returncode in (0, 4), done.stderr
    assert len(list((tmp_path / "o").iterdir())) == 1
    assert "Note: --max left no time for another run." in done.stdout


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--max", "5m"], "--max needs --repeat N or --until-decided"),
        (["--repeat", "0"], "is not a number of runs from 1 to 100"),
        (["--repeat", "2", "--max", "5"], "a duration without a unit"),
    ],
)
def test_flags_that_make_no_sense_are_bad_usage(
    tmp_path: Path, flags: list[str], told: str
) -> None:
    done = loadrunner("run", campaign(tmp_path, "http://127.0.0.1:9"), *flags)
    assert done.returncode == 2
    assert told in done.stderr


def test_there_must_be_something_to_decide(tmp_path: Path) -> None:
    done = loadrunner("run", campaign(tmp_path, "http://127.0.0.1:9", ""), "--until-decided")
    assert done.returncode == 2
    assert "--until-decided needs criteria" in done.stderr


def test_ab_takes_turns_and_has_one_verdict(service: str, tmp_path: Path) -> None:
    """One campaign against two addresses of the same service: A B B A."""
    out = tmp_path / "ab"
    file = campaign(tmp_path, service, '"p50(health) < baseline + 900%"')
    done = loadrunner(
        "ab", file, "--target-b", service, "--out", out,
        "--json", tmp_path / "ab.json", "--markdown", tmp_path / "ab.md",
        "--set-b", "NOPE=1", env={"LOADRUNNER_NO_TIMERFD": "1"},
    )  # fmt: skip
    assert done.returncode in (0, 3, 4, 8), done.stderr
    spools = [out / side / f"run-{number:02d}" for side in "AB" for number in (1, 2)]
    began = {one: manifest_of(one)["started_at_ns"] for one in spools}
    order = [f"{one.parent.name}{one.name[-1]}" for one in sorted(spools, key=began.__getitem__)]
    assert order == ["A1", "B1", "B2", "A2"]
    told = [labels(one) for one in spools]
    assert len({one["group"] for one in told}) == 1
    assert [one["side"] for one in told] == ["A", "A", "B", "B"]
    told_of = done.stderr if done.returncode == 4 else done.stdout
    assert "B: Note: --set NOPE has no effect" in told_of
    assert told_of.count("Note: This system has no timerfd") == 1
    if done.returncode != 4:
        assert done.stdout.startswith("Verdict: ")
        assert "Criteria of B, relative limits against A:" in done.stdout
        document = json.loads((tmp_path / "ab.json").read_text())
        assert [len(group) for group in document["groups"]] == [2, 2]
        assert (tmp_path / "ab.md").read_text().startswith("**")
    again = loadrunner("compare", out / "A", out / "B", "--format", "json")
    assert again.returncode == 0, again.stderr
    assert [len(group) for group in json.loads(again.stdout)["groups"]] == [2, 2]
    assert "B (2 runs): short" in loadrunner("compare", out / "A", out / "B").stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "ab needs something to tell apart"),
        (["--target-b", "127.0.0.1:80"], "is not an address such as"),
        (["--set-b", "URL"], "--set URL is not NAME=VALUE"),
    ],
)
def test_ab_without_two_sides_is_bad_usage(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = loadrunner("ab", campaign(tmp_path, "http://127.0.0.1:9"), *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_side_that_the_campaign_does_not_allow_is_refused_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    file = campaign(tmp_path, "http://127.0.0.1:9")
    done = loadrunner(
        "ab", file, "--target-a", "http://10.0.0.1:9", "--set-b", "URL=http://127.0.0.1:9"
    )
    assert done.returncode == 5
    assert "may not be loaded" in done.stderr


def _side(name: str, seconds: float) -> Side:
    load = Load("plateau", 0.0, seconds, rate_from=1, rate_to=1)
    scenarios = (Scenario("one", (), (load,)),)
    return Side(name, Campaign("c", Path(), "", "", Target("http://x", ()), scenarios))


def test_a_note_that_only_some_runs_have_says_which() -> None:
    noted = {"everywhere": ["A/run-01", "B/run-01"], "once": ["B/run-01"]}
    assert list(remarks.of_series(noted, 2)) == ["Note: everywhere", "Note (B/run-01): once"]


def test_turns_change_sides_so_that_drift_falls_on_both_alike() -> None:
    a, b = _side("A", 10), _side("B", 10)
    turns = [side.name for turn in in_turns(a, b, 3) for side in turn]
    assert turns == ["A", "B", "B", "A", "A", "B"]


def test_time_is_counted_from_the_first_run() -> None:
    now = [100.0]
    made = RunSeries(Options(out=Path("x")), Console(), 30.0, clock=lambda: now[0])
    side = _side("", 10)
    assert made.has_time_for(side)
    made._began = 100.0
    now[0] = 119.0
    assert made.has_time_for(side)
    assert not made.has_time_for(side, side)
    assert made.ran_out
