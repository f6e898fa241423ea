"""What a campaign file becomes: identities, steps, loads, and what of it is run."""

import hashlib
from pathlib import Path

import pytest

from loadrunner.campaign.file import load
from loadrunner.campaign.model import Campaign, Load, Retry
from loadrunner.campaign.phases import phases, plan
from loadrunner.errors import UsageError
from runs.analysis.plan import Phase, ProbeMetric
from tests.loadrunner.campaign_files import SHOP, changed, read, written

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "critical-flows.yaml"
PLATEAU = "- {phase: plateau, duration: 20s, rate: 20, warm_up: 2s}"


def example(**options: object) -> Campaign:
    return load(EXAMPLE, {}, {}, **options)  # type: ignore[arg-type]


def loads_of(tmp_path: Path, load_lines: str) -> tuple[Load, ...]:
    text = changed(PLATEAU, load_lines).replace("  - p95(chat/send) < 800ms\n", "  []\n")
    return read(tmp_path, text).scenarios[0].load


def test_phases_follow_one_another(tmp_path: Path) -> None:
    assert read(tmp_path, SHOP).scenarios[0].load == (
        Load("ramp_up", start_s=0, duration_s=10, rate_from=1, rate_to=20),
        Load("plateau", start_s=10, duration_s=20, rate_from=20, rate_to=20, warm_up_s=2),
    )


def test_a_scenario_may_start_later(tmp_path: Path) -> None:
    text = changed("identity: members", "start_at: 1m30s")

    assert [one.start_s for one in read(tmp_path, text).scenarios[0].load] == [90, 100]
    assert read(tmp_path, text).duration_s == 120


def test_a_staircase_meets_both_its_ends(tmp_path: Path) -> None:
    stairs = "- staircase: {from: 20, to: 200, stages: 10, duration: 10s, warm_up: 1s}"

    stages = loads_of(tmp_path, stairs)[1:]

    assert [one.phase for one in stages] == [f"stage_{n:02d}" for n in range(1, 11)]
    assert [one.rate_to for one in stages] == [20, 40, 60, 80, 100, 120, 140, 160, 180, 200]
    assert [one.start_s for one in stages] == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    assert {one.warm_up_s for one in stages} == {1}


def test_a_staircase_of_a_hundred_stages_has_three_digits(tmp_path: Path) -> None:
    stages = loads_of(tmp_path, "- staircase: {from: 1, to: 100, stages: 100, duration: 1s}")

    assert stages[1].phase == "stage_001"
    assert stages[-1].phase == "stage_100"


def test_a_closed_staircase_has_whole_users(tmp_path: Path) -> None:
    line = (
        "- {phase: climb, staircase: {from: 2, to: 9, stages: 4, duration: 5s, model: closed,"
        " think_time: 1s}}"
    )

    stages = loads_of(tmp_path, line)[1:]

    assert [one.users for one in stages] == [2, 4, 7, 9]
    assert [one.rate_to for one in stages] == [None] * 4
    assert {(one.model, one.think_time_s) for one in stages} == {("closed", 1.0)}
    assert stages[0].phase == "climb_01"


def test_two_staircases_need_names_of_their_own(tmp_path: Path) -> None:
    down = "staircase: {from: 20, to: 1, stages: 2, duration: 1s}"

    stages = loads_of(tmp_path, f"- {down}\n      - {{phase: again, {down}}}")

    assert [one.phase for one in stages[1:]] == ["stage_01", "stage_02", "again_01", "again_02"]


def test_users_make_a_closed_phase(tmp_path: Path) -> None:
    line = "- {phase: plateau, duration: 20s, users: 8, think_time: 500ms}"

    assert loads_of(tmp_path, line)[1] == Load(
        "plateau", start_s=10, duration_s=20, model="closed", users=8, think_time_s=0.5
    )


def test_a_step_keeps_all_that_is_said_of_it(tmp_path: Path) -> None:
    said = """\
expect: 201
        refusals: [429, 402]
        retry: {on: [429, 503], max: 3, honour_retry_after: false, backoff: 100ms}
        stream: sse
        extract: {conversation: $.id}
        think_time: 0s
        timeout: 3s
        on_failure: stop
        identity: members"""

    step = read(tmp_path, changed("extract: {conversation: $.id}", said)).scenarios[0].steps[0]

    assert step.expect == (201,)
    assert step.refusals == (429, 402)
    assert step.retry == Retry((429, 503), 3, honour_retry_after=False, backoff_s=0.1)
    assert (step.stream, step.on_failure, step.timeout_s) == ("sse", "stop", 3.0)
    assert (step.identity, dict(step.extract)) == ("members", {"conversation": "$.id"})


def test_retry_on_is_a_key_and_no_boolean(tmp_path: Path) -> None:
    text = changed("extract: {", "retry:\n          on: 503\n        extract: {")

    retry = read(tmp_path, text).scenarios[0].steps[0].retry

    assert retry is not None
    assert retry.on == (503,)


def test_a_status_that_a_step_expects_is_no_refusal(tmp_path: Path) -> None:
    text = changed("extract: {", "expect: [200, 429]\n        extract: {")

    step = read(tmp_path, text).scenarios[0].steps[0]

    assert step.refusals == ()


def test_identities_are_logins_or_fixed_headers(tmp_path: Path) -> None:
    others = """
  partner: {header: X-API-Key, value: 0123456}
  ops: {bearer: sesame}
  legacy: {basic: {user: load, password: open}}
data:"""

    identities = read(tmp_path, changed("\ndata:", others)).identities

    assert identities["members"].count == 5
    assert identities["members"].login is not None
    assert (identities["partner"].header, identities["partner"].value) == ("X-API-Key", "0123456")
    assert identities["ops"].value == "Bearer sesame"
    assert identities["legacy"].value == "Basic bG9hZDpvcGVu"


def test_anchors_and_merge_keys_spare_repetition(tmp_path: Path) -> None:
    steps = """\
      - &step
        name: read
        request: {path: "/chat/${conversation}"}
      - <<: *step
        name: read_again
"""
    text = changed('      - name: read\n        request: {path: "/chat/${conversation}"}\n', steps)

    flow = read(tmp_path, text).scenarios[0]
    names = {step.name: step.request.path for step in flow.steps if step.request is not None}

    assert list(names) == ["send", "read", "read_again"]
    assert names["read"] == names["read_again"]


def test_a_section_that_is_commented_out_whole_is_empty(tmp_path: Path) -> None:
    text = changed("criteria:\n  - p95(chat/send) < 800ms\n", "criteria:\nsetup:\n")

    assert read(tmp_path, text).criteria == ()
    assert read(tmp_path, text).setup == ()


def test_how_a_criterion_is_judged_travels_in_its_text(tmp_path: Path) -> None:
    text = changed("- p95(chat/send) < 800ms", "- {criterion: p95(chat) < 1s, by: interval}")

    assert read(tmp_path, text).criteria == ("p95(chat) < 1s by interval",)


def test_ceilings_are_fixed_or_read_from_the_answer(tmp_path: Path) -> None:
    metrics = """\
pool: {json: $.pool.used, ceiling: $.pool.size, area: database}
      memory: {json: $.rss, ceiling: 512MiB}
      cpu: {json: $.cpu, ceiling: 100, better: lower, feeds: [pool]}"""

    probe = read(
        tmp_path,
        changed("pool: {json: $.pool.used, ceiling: $.pool.size, area: database}", metrics),
    ).probes[0]

    assert probe.ceilings == {"pool": "$.pool.size", "memory": 536_870_912.0, "cpu": 100.0}
    assert probe.metrics[0] == ProbeMetric("pool", "database")
    assert probe.metrics[2] == ProbeMetric("cpu", "other", "lower", 100.0, ("pool",))


def test_the_manifest_gets_microseconds(tmp_path: Path) -> None:
    campaign = read(tmp_path, SHOP)

    assert phases(campaign) == (
        Phase("chat", "ramp_up", 0, 10_000_000, "open", 1, 20),
        Phase("chat", "plateau", 10_000_000, 30_000_000, "open", 20, 20, warm_up_us=2_000_000),
    )
    assert plan(campaign).peak_jps == {"chat": 12}
    assert [probe.name for probe in plan(campaign).probes] == ["ops"]


def test_the_digest_is_that_of_the_file(tmp_path: Path) -> None:
    assert read(tmp_path, SHOP).sha256 == hashlib.sha256(SHOP.encode()).hexdigest()


def test_a_byte_order_mark_and_windows_lines_are_no_matter(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + SHOP.replace("\n", "\r\n").encode()

    assert read(tmp_path, text).name == "shop"


def test_the_example_is_the_first_users_case_whole() -> None:
    campaign = example(allow_destructive=True)

    assert [one.name for one in campaign.scenarios] == [
        "chat",
        "privacy_export",
        "privacy_delete",
        "billing",
        "billing_quota",
        "b2b",
    ]
    assert campaign.skipped == {}
    assert campaign.duration_s <= 50
    assert {one.phase for one in campaign.scenarios[0].load} == {"ramp_up", "plateau", "spike"}


def test_a_destructive_scenario_is_left_out_with_its_criteria() -> None:
    assert example().skipped == {
        "privacy_delete": "destructive; run it with --allow-destructive",
        "criterion rate_5xx(privacy_delete@plateau) == 0%": (
            "not judged, as privacy_delete is left out"
        ),
    }


def test_a_smoke_run_is_short_and_never_destructive() -> None:
    campaign = example(smoke=True, allow_destructive=True)

    assert campaign.is_smoke
    names = ["chat", "privacy_export", "billing", "billing_quota", "b2b"]
    assert [one.name for one in campaign.scenarios] == names
    assert {one.load for one in campaign.scenarios} == {
        (Load("plateau", start_s=0, duration_s=10, rate_from=3, rate_to=3),)
    }
    assert campaign.criteria == ("p95(*) < 1500ms", "rate_5xx(*) == 0%")
    assert campaign.peak_jps == {}
    assert campaign.skipped == {"privacy_delete": "destructive; a smoke run never includes it"}


def test_without_a_smoke_section_there_is_a_sensible_one(tmp_path: Path) -> None:
    campaign = load(written(tmp_path, SHOP), {}, {}, smoke=True)

    assert campaign.duration_s == 10
    assert campaign.criteria == ("p95(*) < 2s", "rate_5xx(*) == 0%")


def test_selected_scenarios_keep_the_criteria_that_they_can_meet() -> None:
    campaign = example(scenarios=["b2b"])

    assert [one.name for one in campaign.scenarios] == ["b2b"]
    assert campaign.criteria == ("capacity(b2b) > 50/s",)
    assert campaign.peak_jps == {"b2b": 30}
    assert campaign.skipped["chat"] == "not selected with --scenario"
    assert campaign.skipped["criterion error_rate(*@plateau) < 1%"].startswith(
        "not judged, as this run has nothing that it names (there is no phase called 'plateau';"
    )


def test_selecting_what_is_not_there_is_bad_usage() -> None:
    with pytest.raises(UsageError) as caught:
        example(scenarios=["chats"])

    assert str(caught.value) == (
        f"{EXAMPLE} has no scenario 'chats', which --scenario names; allowed: chat,"
        " privacy_export, privacy_delete, billing, billing_quota, b2b; did you mean 'chat'?"
    )


def test_nothing_left_to_run_is_bad_usage() -> None:
    with pytest.raises(UsageError, match=r"no scenario is left to run: .*privacy_delete is destr"):
        example(scenarios=["privacy_delete"])


def test_a_destructive_scenario_is_checked_even_when_it_is_left_out(tmp_path: Path) -> None:
    text = changed("criteria:\n", "criteria:\n  - p95(wipe/all) < 1s\n").replace(
        "    load:",
        "    load: [{phase: plateau, duration: 1s, rate: 1}]\n"
        "  wipe:\n    destructive: true\n    steps: [{name: all, request: {path: /}}]\n    load:",
    )

    assert set(read(tmp_path, text).skipped) == {"wipe", "criterion p95(wipe/all) < 1s"}


@pytest.mark.parametrize(
    ("text", "per_year"), [("40%/year", 0.4), ("3%/month", 0.4258), ("2 % / quarter", 0.0824)]
)
def test_growth_compounds_to_a_share_of_a_year(tmp_path: Path, text: str, per_year: float) -> None:
    campaign = read(tmp_path, changed("peak: {chat: 12}", f"peak: {{chat: 12}}\ngrowth: {text}"))
    assert plan(campaign).growth_per_year == pytest.approx(per_year, abs=1e-4)
