"""`validate`, `plan` and `schema` as a user types them."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from loadrunner import cli
from loadrunner.campaign import schema
from tests.loadrunner.campaign_files import SHOP, changed, written

EXAMPLE = str(Path(__file__).parents[2] / "examples" / "critical-flows.yaml")
Captured = pytest.CaptureFixture[str]

VALID = """\
FOLDER/shop.yaml is valid: campaign shop.
  target      http://127.0.0.1:8900 (may load 127.0.0.1, localhost, ::1)
  scenarios   chat (2 steps)
  identities  members (5 logins)
  data        prompts (2 rows of text, lang)
  probes      ops (1 metric)
  criterion   p95(chat/send) < 800ms
"""

PLAN = """\
Campaign shop against http://127.0.0.1:8900, 30 s

scenario  phase    start  length       load  journeys  requests
chat      ramp_up    0 s    10 s  1 to 20/s       105       210
chat      plateau   10 s    20 s       20/s       400       800

In all 505 journeys and 1,010 requests, at most 20 journeys/s and 40 requests/s; \
retries not counted.
Before it 5 requests: 0 of setup, 5 logins.

chat  ▁▁▁▂▂▂▃▃▄▄▄▅▅▆▆▆▇▇▇█████████████████████████████████████████  up to 20/s
      0 s                                                     30 s
"""

CLOSED_PLAN = """\
Campaign shop against http://127.0.0.1:8900, 30 s

scenario  phase    start  length     load     journeys     requests
chat      ramp_up    0 s    10 s  3 users  as answered  as answered
chat      plateau   10 s    20 s  8 users  as answered  as answered

At most 8 closed users at a time, which send as fast as they are answered.
Before it 5 requests: 0 of setup, 5 logins.
"""


def run(*arguments: str) -> int:
    return cli.main(arguments)


def test_validate_says_what_the_file_holds(tmp_path: Path, capsys: Captured) -> None:
    assert run("validate", str(written(tmp_path, SHOP))) == 0
    assert capsys.readouterr().out.replace(str(tmp_path), "FOLDER") == VALID


def test_validate_ends_with_2_and_the_error_on_stderr(tmp_path: Path, capsys: Captured) -> None:
    file = written(tmp_path, changed("duration: 10s", "duration: 10"))

    assert run("validate", str(file)) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert f"{file}, line 22, key scenarios.chat.load[0].duration: found 10" in err


def test_validate_ends_with_5_where_the_host_is_not_allowed(
    tmp_path: Path, capsys: Captured
) -> None:
    file = written(tmp_path, changed("127.0.0.1:8900", "shop.example.test"))

    assert run("validate", str(file)) == 5
    assert "The host shop.example.test" in capsys.readouterr().err


def test_plan_shows_phases_counts_and_a_picture(tmp_path: Path, capsys: Captured) -> None:
    assert run("plan", str(written(tmp_path, SHOP))) == 0
    assert capsys.readouterr().out == PLAN


def test_plan_of_a_closed_model_promises_no_counts(tmp_path: Path) -> None:
    text = changed("rate: {from: 1, to: 20}", "users: 3").replace(
        "rate: 20, warm", "users: 8, warm"
    )
    code = "import sys; from loadrunner.cli import main; sys.exit(main(sys.argv[1:]))"

    done = subprocess.run(
        [sys.executable, "-c", code, "plan", str(written(tmp_path, text))],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        cwd=Path(__file__).parents[2],
        check=True,
    )

    lines = done.stdout.decode("ascii").splitlines()
    assert lines[:8] == CLOSED_PLAN.splitlines()
    assert lines[9] == f"chat  {'-' * 20}{'#' * 40}  up to 8 users"


def test_plan_as_json_adds_up(capsys: Captured) -> None:
    assert run("plan", EXAMPLE, "--allow-destructive", "--format", "json") == 0

    plan = json.loads(capsys.readouterr().out)
    assert plan["duration_s"] <= 50
    assert plan["journeys"] == sum(phase["journeys"] for phase in plan["phases"])
    assert plan["requests"] == sum(phase["requests"] for phase in plan["phases"])
    assert plan["logins"] == 50
    assert plan["skipped"] == {}
    # From second 42 to 45: the four spikes, and the last stages of both staircases.
    assert plan["peak_jps"] == 60 + 20 + 20 + 180 + 20 + 96
    assert plan["peak_rps"] == 2 * 60 + 3 * 20 + 20 + 180 + 20 + 96


def test_the_peak_is_found_at_the_end_of_a_ramp(tmp_path: Path, capsys: Captured) -> None:
    text = changed("rate: 20, warm_up: 2s", "rate: 3")

    assert run("plan", "--format", "json", str(written(tmp_path, text))) == 0

    assert json.loads(capsys.readouterr().out)["peak_jps"] == 20


def test_plan_of_a_smoke_run_says_what_is_left_out(capsys: Captured) -> None:
    assert run("plan", EXAMPLE, "--smoke") == 0

    out = capsys.readouterr().out
    assert out.startswith("Campaign critical-flows (smoke) against http://127.0.0.1:8900, 10 s\n")
    assert "Left out: privacy_delete: destructive; a smoke run never includes it\n" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["FILE", "--scenario", "chat", "b2b", "--set", "A=1", "B=2"],
        ["--scenario", "chat", "b2b", "--set", "A=1", "B=2", "--", "FILE"],
        ["--scenario", "chat", "--scenario", "b2b", "FILE"],
        ["--set", "A=1", "FILE", "--scenario", "chat", "b2b"],
    ],
)
def test_flags_with_several_values_may_stand_before_or_after_the_file(
    arguments: list[str], capsys: Captured
) -> None:
    given = [EXAMPLE if one == "FILE" else one for one in arguments]

    assert run("plan", "--format", "json", *given) == 0

    phases = json.loads(capsys.readouterr().out)["phases"]
    assert list(dict.fromkeys(phase["scenario"] for phase in phases)) == ["chat", "b2b"]


def test_no_campaign_at_all_is_bad_usage(capsys: Captured) -> None:
    assert run("plan", "--scenario", "chat") == 2
    assert "No campaign file is given." in capsys.readouterr().err


def test_a_setting_without_a_value_is_bad_usage(capsys: Captured) -> None:
    assert run("plan", EXAMPLE, "--set", "TARGET_URL") == 2
    assert "--set TARGET_URL is not NAME=VALUE" in capsys.readouterr().err


def test_the_environment_wins_over_the_env_file_and_set_over_both(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / "demo.env"
    env.write_text("TARGET_URL=http://127.0.0.1:1\n")

    def target(*arguments: str) -> str:
        assert run("plan", EXAMPLE, "--env-file", str(env), "--format", "json", *arguments) == 0
        return str(json.loads(capsys.readouterr().out)["target"])

    assert target() == "http://127.0.0.1:1"
    monkeypatch.setenv("TARGET_URL", "http://127.0.0.1:2")
    assert target() == "http://127.0.0.1:2"
    assert target("--set", "TARGET_URL=http://127.0.0.1:3") == "http://127.0.0.1:3"


def test_the_example_keeps_to_the_schema(capsys: Captured) -> None:
    assert run("schema") == 0

    document = json.loads(capsys.readouterr().out)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.validate(document, yaml.safe_load(Path(EXAMPLE).read_text("utf-8")))


BOTH = """
campaign: shop
target: {base_url: "http://127.0.0.1:1"}
identities: {ops: {bearer: token}}
scenarios:
  chat:
    steps: [{name: send, request: {path: /, headers: {X-Tenant: acme}}}]
    load: [{phase: plateau, duration: 2s, rate: 5}]
criteria: [p95(chat) < 1s]
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate: 5", "rate: {from: 0, to: 90/m}"),
        ("rate: 5", "users: 3, think_time: 0s"),
        ("rate: 5", "rate: '${RATE:-5}'"),
        ("rate: 5}", "rate: 5}, {staircase: {from: 1, to: 9, stages: 2, duration: 1s}}"),
        ("acme", "17"),
        ("{bearer: token}", "{header: X-Key, value: 17}"),
        ("request: {", "request: {method: post, "),
        ("p95(chat) < 1s", "{criterion: p95(chat) < 1s, by: interval}"),
    ],
)  # fmt: skip
def test_schema_and_validate_take_the_same(
    old: str, new: str, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(BOTH.replace(old, new, 1), "utf-8")

    assert run("validate", str(file)) == 0, capsys.readouterr().err
    jsonschema_rs.validate(schema.document(), yaml.safe_load(file.read_text("utf-8")))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate: 5", "rate: [1, 30]"),
        ("rate: 5", "rate: 0"),
        ("rate: 5", "rate: 0/s"),
        ("rate: 5", "rate: 5, users: 3"),
        (", rate: 5", ""),
        ("phase: plateau, ", ""),
        ("duration: 2s", "duration: 2"),
        ("duration: 2s", "duration: 0s"),
        ("duration: 2s", "durations: 2s"),
        ("rate: 5}", "rate: 5}, {staircase: {from: 1, to: 9, stages: 1, duration: 1s}}"),
        ("name: send", "name: send, expect: []"),
        ("name: send", "name: send, expect: [999]"),
        ("path: /", "path: /, json: {}, body: text"),
        ("chat:", "'chat/x':"),
        ("campaign: shop", "campaign: a/b"),
        ("http://127", "ftp://127"),
        ("{bearer: token}", "{}"),
        ("{bearer: token}", "{bearer: token, header: X-Key, value: a}"),
        ("{bearer: token}", "{header: X-Key}"),
        ("p95(chat) < 1s", "5"),
    ],
)  # fmt: skip
def test_schema_and_validate_refuse_the_same(
    old: str, new: str, tmp_path: Path, capsys: Captured
) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(BOTH.replace(old, new, 1), "utf-8")
    assert BOTH.replace(old, new, 1) != BOTH

    assert run("validate", str(file)) == 2
    assert "allowed: " in capsys.readouterr().err
    assert not jsonschema_rs.is_valid(schema.document(), yaml.safe_load(file.read_text("utf-8")))


def test_the_schema_says_what_each_number_may_be() -> None:
    defs = schema.document()["$defs"]

    assert defs["StaircaseSection"]["properties"]["stages"]["anyOf"] == [
        {"type": "integer", "minimum": 2, "maximum": 1000},
        {"type": "string", "pattern": r"\$\{"},
    ]
    assert defs["ScenarioSection"]["additionalProperties"] is False
