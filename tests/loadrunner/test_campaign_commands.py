"""`validate`, `plan` and `schema` as a user types them."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadrunner import cli
from loadrunner.campaign.schema import CampaignFile
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
    check(yaml.safe_load(Path(EXAMPLE).read_text("utf-8")), document, document)


Schema = dict[str, Any]
NAMES = {"title", "description", "default"}
TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def check(value: object, schema: Schema, whole: Schema) -> None:
    """The part of JSON Schema that ours uses: keys, types, enumerations, patterns, minima."""
    options = list(alternatives(schema, whole))
    if isinstance(value, dict):
        option = one_with("properties", "additionalProperties", "patternProperties", of=options)
        for key, inner in value.items():
            check(inner, schema_of(key, option), whole)
    elif isinstance(value, list):
        option = one_with("items", of=options)
        for inner in value:
            check(inner, option.get("items", {}), whole)
    else:
        assert any(is_scalar_of(value, one) for one in options), f"{value} is none of {options}"


def one_with(*keys: str, of: list[Schema]) -> Schema:
    """The alternative for mappings or lists; {} where anything goes."""
    found = [one for one in of if not one.keys() - NAMES or any(key in one for key in keys)]
    assert found, f"a mapping or list is none of {of}"
    return found[0] if found[0].keys() - NAMES else {}


def alternatives(schema: Schema, whole: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        schema = whole["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" not in schema:
        yield schema
    for one in schema.get("anyOf", ()):
        yield from alternatives(one, whole)


def schema_of(key: str, schema: Schema) -> Schema:
    if schema == {}:
        return {}  # json: anything goes
    for pattern, inner in schema.get("patternProperties", {}).items():
        if re.search(pattern, key):
            return dict(inner)
    inner = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
    assert inner, f"{key} is not in the schema"
    return dict(inner)


def is_scalar_of(value: object, schema: Schema) -> bool:
    if "const" in schema or "enum" in schema:
        return value in schema.get("enum", [schema.get("const")])
    if "type" not in schema:
        return True
    if not isinstance(value, TYPES.get(schema["type"], ())):
        return False
    if isinstance(value, str):
        return re.search(schema.get("pattern", ""), value) is not None
    return not isinstance(value, int | float) or value >= schema.get("minimum", value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate: {from: 1, to: 30}", "rate: [1, 30]"),
        ("duration: 25s", "duration: 25"),
        ("order: random", "order: shuffled"),
        ("stages: 9", "stages: 1"),
        ("max_in_flight", "max_flight"),
        ("area: llm", "areas: llm"),
    ],
)
def test_the_schema_refuses_what_the_file_may_not_hold(old: str, new: str) -> None:
    text = (
        Path(EXAMPLE)
        .read_text("utf-8")
        .replace("    destructive", "    max_in_flight: 9\n    destructive", 1)
    )
    document = CampaignFile.model_json_schema()
    check(yaml.safe_load(text), document, document)

    with pytest.raises(AssertionError, match=r"is none of|is not in the schema"):
        check(yaml.safe_load(text.replace(old, new)), document, document)


def test_the_schema_says_what_each_number_may_be() -> None:
    schema = CampaignFile.model_json_schema()["$defs"]

    assert schema["StaircaseSection"]["properties"]["stages"]["anyOf"] == [
        {"type": "integer", "minimum": 2, "maximum": 1000},
        {"type": "string", "pattern": r"\$\{"},
    ]
    assert schema["ScenarioSection"]["additionalProperties"] is False
