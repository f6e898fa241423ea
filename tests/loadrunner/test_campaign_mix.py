"""The weighted mix: one load that several scenarios share."""

from fractions import Fraction
from pathlib import Path

import pytest

from loadrunner.campaign.file import load
from loadrunner.campaign.forecast import forecast
from loadrunner.campaign.mix import portions, shares
from loadrunner.campaign.model import Campaign, Load
from loadrunner.campaign.picture import text as picture
from loadrunner.campaign.schema import document
from loadrunner.errors import CampaignError
from tests.loadrunner.processes import loadrunner, target
from tests.loadrunner.runs_on_disk import samples_of

MIX = """\
campaign: shop
target: {base_url: "http://127.0.0.1:8900"}
scenarios:
  chat:
    steps: [{name: send, request: {path: /healthz}}]
  export:
    steps: [{name: create, request: {path: /healthz}}]
  status:
    steps: [{name: get, request: {path: /healthz}}]
    load: [{phase: plateau, duration: 10s, rate: 1}]
mix:
  weights: {chat: 5, export: 2}
  load:
    - {phase: plateau, duration: 10s, rate: 70}
"""
PLATEAU = "{phase: plateau, duration: 10s, rate: 70}"
EXPORT = "  export:\n"


def file_of(folder: Path, text: str) -> Path:
    file = folder / "shop.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, *, mix: str = PLATEAU, old: str = "", new: str = "") -> Campaign:
    """MIX with another load, and with one passage replaced."""
    return load(file_of(folder, MIX.replace(PLATEAU, mix).replace(old, new)), {}, {})


def loads_of(campaign: Campaign, name: str) -> tuple[Load, ...]:
    return next(one.load for one in campaign.scenarios if one.name == name)


def rates_of(campaign: Campaign, name: str) -> list[tuple[float | None, float | None]]:
    return [(load.rate_from, load.rate_to) for load in loads_of(campaign, name)]


def users_of(campaign: Campaign, name: str) -> list[int | None]:
    return [load.users for load in loads_of(campaign, name)]


# What each scenario gets


def test_each_scenario_gets_its_share_and_the_others_keep_their_own(tmp_path: Path) -> None:
    campaign = read(tmp_path)

    assert loads_of(campaign, "chat") == (Load("plateau", 0, 10, rate_from=50, rate_to=50),)
    assert loads_of(campaign, "export") == (Load("plateau", 0, 10, rate_from=20, rate_to=20),)
    assert loads_of(campaign, "status") == (Load("plateau", 0, 10, rate_from=1, rate_to=1),)


def test_a_ramp_is_shared_at_both_ends_and_keeps_its_times(tmp_path: Path) -> None:
    ramp = "{phase: up, duration: 4s, rate: {from: 0, to: 7}, warm_up: 1s}\n    - " + PLATEAU

    campaign = read(tmp_path, mix=ramp)

    assert loads_of(campaign, "chat") == (
        Load("up", 0, 4, rate_from=0, rate_to=5, warm_up_s=1),
        Load("plateau", 4, 10, rate_from=50, rate_to=50),
    )
    assert rates_of(campaign, "export") == [(0, 2), (20, 20)]


def test_a_staircase_of_rates_is_shared_stage_by_stage(tmp_path: Path) -> None:
    campaign = read(tmp_path, mix="{staircase: {from: 7, to: 21, stages: 3, duration: 2s}}")

    assert rates_of(campaign, "chat") == [(5, 5), (10, 10), (15, 15)]
    assert rates_of(campaign, "export") == [(2, 2), (4, 4), (6, 6)]
    assert [load.phase for load in loads_of(campaign, "export")] == [
        *("stage_01", "stage_02", "stage_03")
    ]


def test_a_staircase_of_users_is_dealt_out_stage_by_stage(tmp_path: Path) -> None:
    stairs = "{staircase: {from: 4, to: 8, stages: 3, duration: 2s, model: closed}}"

    campaign = read(tmp_path, mix=stairs)

    assert users_of(campaign, "chat") == [3, 4, 6]
    assert users_of(campaign, "export") == [1, 2, 2]


def test_users_keep_their_think_time(tmp_path: Path) -> None:
    users = "{phase: plateau, duration: 10s, users: 10, think_time: 1s}"

    campaign = read(tmp_path, mix=users)

    assert loads_of(campaign, "chat")[0] == Load(
        "plateau", 0, 10, model="closed", users=7, think_time_s=1
    )
    assert users_of(campaign, "export") == [3]


def test_weights_may_be_fractions_and_shares_are_exact(tmp_path: Path) -> None:
    campaign = read(tmp_path, old="{chat: 5, export: 2}", new="{chat: 0.1, export: 0.3}")

    assert shares(campaign.mix) == {"chat": Fraction(1, 4), "export": Fraction(3, 4)}
    assert rates_of(campaign, "chat") == [(17.5, 17.5)]


def test_a_weight_may_be_a_variable(tmp_path: Path) -> None:
    campaign = read(tmp_path, old="chat: 5,", new='chat: "${CHAT:-12}",')

    assert rates_of(campaign, "chat") == [(60, 60)]


@pytest.mark.parametrize(
    ("users", "weights", "expected"),
    [
        (10, {"a": 5, "b": 2}, {"a": 7, "b": 3}),
        (7, {"a": 5, "b": 2}, {"a": 5, "b": 2}),
        (3, {"a": 1, "b": 1}, {"a": 2, "b": 1}),  # of equals the first
        (10, {"a": 0.1, "b": 0.2, "c": 0.7}, {"a": 1, "b": 2, "c": 7}),
        (2, {"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 0}),
    ],
)
def test_users_are_dealt_out_by_largest_remainder(
    users: int, weights: dict[str, float], expected: dict[str, int]
) -> None:
    assert portions(users, weights) == expected


# What is left out


def test_a_destructive_scenario_keeps_its_share_unsent(tmp_path: Path) -> None:
    campaign = read(tmp_path, old=EXPORT, new=EXPORT + "    destructive: true\n")

    assert rates_of(campaign, "chat") == [(50, 50)]
    assert campaign.skipped == {
        "export": "destructive; run it with --allow-destructive;"
        " its 28.6 % of the mix's load is not sent"
    }


def test_a_selected_scenario_keeps_its_share(tmp_path: Path) -> None:
    campaign = load(file_of(tmp_path, MIX), {}, {}, scenarios=["export"])

    assert rates_of(campaign, "export") == [(20, 20)]
    assert campaign.skipped == {
        "chat": "not selected with --scenario; its 71.4 % of the mix's load is not sent",
        "status": "not selected with --scenario",
    }


def test_a_smoke_run_has_no_mix(tmp_path: Path) -> None:
    text = MIX.replace(EXPORT, EXPORT + "    destructive: true\n")

    campaign = load(file_of(tmp_path, text), {}, {}, smoke=True)

    assert rates_of(campaign, "chat") == rates_of(campaign, "status") == [(2, 2)]
    assert campaign.skipped == {"export": "destructive; a smoke run never includes it"}
    assert campaign.mix == {}


def test_the_plan_shows_each_scenarios_part(tmp_path: Path) -> None:
    campaign = load(file_of(tmp_path, MIX), {}, {}, scenarios=["chat"])

    lines = picture(campaign, forecast(campaign), "utf-8").splitlines()

    assert "chat      plateau    0 s    10 s  50/s       500       500" in lines
    assert "Mix: chat 71.4 %, export 28.6 % (not sent)." in lines


# What is wrong

NUMBER = "a number above zero and at most 1,000,000, such as 5"
NOT_BOTH = (
    "found a load beside a weight in mix.weights, allowed: one of them;"
    " the mix gives the scenario its load"
)
NO_LOAD = "is missing, required: its phases, one after another, or a weight in mix.weights."
TOO_FEW = "allowed: as many as give each scenario of the mix one; at these weights 4 are enough"
AGAIN = (
    "found the phase 'plateau' again, allowed: names that are unique in the scenario;"
    " a staircase takes its stages' name from phase"
)

TABLE = [
    # Who has which load
    ("chat: 5, export: 2", "chat: 5, status: 2",
     f"6, key scenarios.export.load: {NO_LOAD}\n10, key scenarios.status.load: {NOT_BOTH}"),
    ("chat: 5, export: 2", "chat: 5", f"6, key scenarios.export.load: {NO_LOAD}"),
    ("export: 2", "export: 2, status: 1", f"10, key scenarios.status.load: {NOT_BOTH}"),
    ("export: 2", "export: 2, exprt: 1",
     "12, key mix.weights.exprt: found the scenario 'exprt', which is not there;"
     " allowed: chat, export, status; did you mean 'export'?"),
    # Weights
    ("export: 2", "export: 0", f"12, key mix.weights.export: found 0, allowed: {NUMBER}"),
    ("export: 2", "export: -1", f"12, key mix.weights.export: found -1, allowed: {NUMBER}"),
    ("export: 2", "export: many", f"12, key mix.weights.export: found 'many', allowed: {NUMBER}"),
    ("export: 2", "export: true", f"12, key mix.weights.export: found true, allowed: {NUMBER}"),
    ("export: 2", "export: .inf", f"12, key mix.weights.export: found '.inf', allowed: {NUMBER}"),
    ("{chat: 5, export: 2}", "{}", "12, key mix.weights: found {}, allowed: at least one entry"),
    ("{chat: 5, export: 2}", "", "12, key mix.weights: found nothing, allowed: a mapping"),
    ("  weights: {chat: 5, export: 2}\n", "",
     "11, key mix.weights: is missing, required: how much of the load each scenario has,"
     " by its name."),
    ("weights:", "weigths:",
     "11, key mix.weights: is missing, required: how much of the load each scenario has,"
     " by its name.\n12, key mix.weigths: found an unknown key, allowed: weights, load;"
     " did you mean 'weights'?"),
    # Its load
    (f"  load:\n    - {PLATEAU}\n", "",
     "11, key mix.load: is missing, required: phases of all of them together,"
     " one after another."),
    (PLATEAU, PLATEAU.replace("rate: 70", "rate: 0"),
     "14, key mix.load[0].rate: found 0, allowed: a rate above zero, such as 30"),
    (PLATEAU, f"{PLATEAU}\n    - {PLATEAU}", f"15, key mix.load[1].phase: {AGAIN}"),
    (PLATEAU, "{phase: plateau, duration: 10s, users: 1}",
     "14, key mix.load[0].users: found 1 user in the phase 'plateau', of which export gets none,"
     f" {TOO_FEW}"),
    (PLATEAU, "{staircase: {from: 1, to: 9, stages: 3, duration: 2s, model: closed}}",
     "14, key mix.load[0].staircase: found 1 user in the phase 'stage_01', of which export gets"
     f" none, {TOO_FEW}"),
    (PLATEAU, "{phase: plateau, duration: 10s, users: {from: 0, to: 0}}",
     "14, key mix.load[0].users: found no users, allowed: a number above zero, such as 20"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), TABLE)
def test_what_is_wrong_is_told_with_its_line(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    assert MIX.count(old) == 1
    file = file_of(tmp_path, MIX.replace(old, new))

    with pytest.raises(CampaignError) as caught:
        load(file, {}, {})

    assert str(caught.value).replace(f"{file}, line ", "") == expected


def test_without_a_mix_a_scenario_needs_a_load(tmp_path: Path) -> None:
    with pytest.raises(CampaignError) as caught:
        load(file_of(tmp_path, MIX[: MIX.index("mix:")]), {}, {})

    lines = [error.partition(", line ")[2] for error in str(caught.value).splitlines()]
    assert lines == [
        f"4, key scenarios.chat.load: {NO_LOAD}",
        f"6, key scenarios.export.load: {NO_LOAD}",
    ]


def test_an_editor_asks_for_a_load_where_there_is_no_mix() -> None:
    schema = document()

    assert "load" not in schema["$defs"]["ScenarioSection"]["required"]
    assert schema["if"] == {"not": {"required": ["mix"]}}
    assert schema["then"]["properties"]["scenarios"]["additionalProperties"]["required"] == ["load"]


# The real thing


@pytest.mark.journey
def test_a_run_sends_the_scenarios_in_their_proportion(tmp_path: Path) -> None:
    load = "{phase: plateau, duration: 2s, rate: 35}"
    with target() as url:
        text = MIX.replace(PLATEAU, load).replace("duration: 10s", "duration: 2s")
        file = file_of(tmp_path, text.replace("http://127.0.0.1:8900", url))
        done = loadrunner("run", file, "--out", tmp_path / "spool")

    assert done.returncode == 0, done.stdout + done.stderr
    counts = samples_of(tmp_path / "spool")["scenario"].value_counts()
    assert dict(counts.iter_rows()) == {"chat": 50, "export": 20, "status": 2}
