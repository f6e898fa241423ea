"""Settings: each a flag and an environment variable, with units and plain errors."""

import re
from pathlib import Path

import pytest

from loadrunner.errors import UsageError
from loadrunner.target.settings import SETTINGS, Setting, TargetSettings, read

DOCS = Path(__file__).parents[2] / "docs" / "target.md"


def test_without_flags_and_environment_the_defaults_hold() -> None:
    assert read({}, {}) == TargetSettings()


def test_a_flag_goes_before_the_environment_and_that_before_the_default() -> None:
    env = {"TARGET_DB_POOL": "8", "TARGET_DB_TIME": "20ms"}
    settings = read({"db_pool": "16", "llm_pool": None}, env)
    assert (settings.db_pool, settings.db_time, settings.llm_pool) == (16, 0.02, 8)


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert read({}, {"TARGET_DB_POOL": ""}).db_pool == 4


def test_secrets_come_from_the_environment_alone_under_the_names_of_the_campaign() -> None:
    env = {"LOAD_PASSWORD": "one", "B2B_API_KEY": "two", "OPS_TOKEN": "three"}
    settings = read({}, env)
    secrets = (settings.load_password, settings.b2b_api_key, settings.ops_token)
    assert secrets == ("one", "two", "three")
    no_flag = {setting.env for setting in SETTINGS if setting.flag is None}
    assert no_flag == {"LOAD_PASSWORD", "B2B_API_KEY", "OPS_TOKEN", "B2B_MORE_KEYS"}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("db_time", "54ms", 0.054),
        ("db_time", "500us", 0.0005),
        ("token_ttl", "15m", 900.0),
        ("b2b_quota_window", "1.5h", 5400.0),
        ("b2b_rate", "60/s", 60.0),
        ("b2b_rate", "60", 60.0),
        ("chat_cache_hit_rate", "90%", 0.9),
        ("chat_cache_hit_rate", "0.9", 0.9),
        ("delete_mix", "200:3,404:1", (0.75, 0.0, 0.25, 0.0)),
        ("db_max_wait", "0s", 0.0),
    ],
)
def test_values_are_written_with_their_units(name: str, text: str, value: object) -> None:
    assert getattr(read({name: text}, {}), name) == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("db_time", "54", "--db-time is '54'; it must be a duration above zero with its unit"),
        ("db_time", "0ms", "--db-time is '0ms'; it must be a duration above zero"),
        ("db_pool", "0", "--db-pool is '0'; it must be a whole number from 1"),
        ("db_pool", "-1", "--db-pool is '-1'; it must be a whole number from 1"),
        ("port", "70000", "--port is '70000'; it must be a port from 0 to 65535"),
        ("chat_cache_hit_rate", "90", "it must be a share, for example 90% or 0.9"),
        ("db_cv", "6", "it must be a coefficient of variation from 0 to 5"),
        ("delete_mix", "500:1", "it must be shares of the statuses 200, 202, 404 and 409"),
        ("delete_mix", "200:0", "it must be shares of the statuses"),
        ("b2b_rate", "60/m", "it must be a rate per second"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_what_is_allowed(
    name: str, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        read({name: text}, {})


def test_an_error_from_the_environment_names_the_variable() -> None:
    with pytest.raises(UsageError, match="TARGET_LLM_TIME is 'slow'"):
        read({}, {"TARGET_LLM_TIME": "slow"})


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_default_can_be_written_as_it_is_shown(setting: Setting) -> None:
    if setting.default != "":
        read_back = setting.parse(setting.shown_default, setting.env)
        assert read_back == pytest.approx(setting.default)


def test_the_documentation_lists_every_setting_with_its_default() -> None:
    rows = [
        f"| {f'`{one.flag}`' if one.flag else '-'} | `{one.env}` "
        f"| {f'`{one.shown_default}`' if one.shown_default else '-'} | {one.meaning} |"
        for one in SETTINGS
    ]
    documented = [
        line for line in DOCS.read_text().splitlines() if re.match(r"\| .*`[A-Z0-9_]+` \|", line)
    ]
    assert documented == rows
