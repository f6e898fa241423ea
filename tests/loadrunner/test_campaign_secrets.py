"""A secret planted in every identity stands in nothing that is written."""

from pathlib import Path

import pytest

from loadrunner.campaign.file import load
from loadrunner.campaign.model import Campaign
from loadrunner.errors import CampaignError
from loadrunner.redaction import Redaction
from tests.loadrunner.campaign_files import SHOP, changed, read, written

IDENTITIES = """
identities:
  # the value canary-in-comment also stands below
  members:
    login:
      method: POST
      path: /login
      headers: {X-Client-Secret: canary-in-header, Accept: text/plain}
      json: {user: "u${index}", password: "canary-in-\\u006ason", pin: "canary-${CANARY_ENV}"}
    token: $.token
  form:
    login: {method: POST, path: /token, body: "grant_type=password&password=canary+in+form"}
    token: $.token
  partner: {header: X-Key, value: canary-in-comment}
  ops: {bearer: "${OPS:-canary-in-default}"}
  folded:
    bearer: >-
      canary-in
      -two-lines
  legacy: {basic: {user: load, password: canary-in-basic}}
data:
"""
WITHOUT = changed(SHOP[SHOP.index("\nidentities") : SHOP.index("  prompts")], IDENTITIES)
CANARIES = [
    "canary-in-header",
    "canary-in-json",
    "canary-from-environment",
    "canary in form",
    "canary-in-comment",
    "canary-in-default",
    "canary-in -two-lines",
    "canary-in-basic",
]


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    environment = {"CANARY_ENV": "from-environment"}
    return load(written(tmp_path, WITHOUT), {}, environment)


def test_the_copy_of_the_file_holds_no_secret(campaign: Campaign) -> None:
    assert "canary" not in campaign.text.replace("canary-${CANARY_ENV}", "")
    assert 'password: "***"' in campaign.text
    assert "${OPS:-***}" in campaign.text
    assert "u${index}" in campaign.text
    assert "Accept: text/plain" in campaign.text


@pytest.mark.parametrize("canary", CANARIES)
def test_every_secret_is_known_and_masked(campaign: Campaign, canary: str) -> None:
    redact = Redaction(campaign.secrets)

    assert redact(f"before {canary} after") == "before *** after"


@pytest.mark.parametrize(
    "written_as",
    [
        "from-environment",
        "canary+in+form",
        "canary%20in%20form",
        "bG9hZDpjYW5hcnktaW4tYmFzaWM=",  # load:canary-in-basic
    ],
)
def test_its_other_spellings_are_masked_too(campaign: Campaign, written_as: str) -> None:
    assert Redaction(campaign.secrets)(written_as) == "***"


def test_harmless_values_are_no_secrets(campaign: Campaign) -> None:
    text = "POST /login password user text/plain grant_type load Bearer Basic"

    assert Redaction(campaign.secrets)(text) == text


def test_a_quote_in_a_secret_is_masked_in_json_too(tmp_path: Path) -> None:
    text = changed("password: hunter22", "password: 'se\"same'")

    redact = Redaction(read(tmp_path, text).secrets)

    assert redact('{"password":"se\\"same"}') == '{"password":"***"}'


def test_a_variable_that_is_called_like_a_secret_is_one_anywhere(tmp_path: Path) -> None:
    text = changed('{path: "/chat/${conversation}"}', '{path: "/chat?k=${SHOP_API_KEY}"}')

    assert "very-secret" in read(tmp_path, text, SHOP_API_KEY="very-secret").secrets


@pytest.mark.parametrize(
    "body",
    [
        '{"user": "ada", "deep": [{"password": "canary-in-body"}]}',
        "user=ada&password=canary-in-body",
    ],
)
def test_a_body_that_is_written_as_a_text_hides_its_secrets_too(tmp_path: Path, body: str) -> None:
    text = changed(
        '{path: "/chat/${conversation}"}', f"{{method: POST, path: /chat, body: '{body}'}}"
    )

    campaign = read(tmp_path, text)

    assert "canary" not in campaign.text
    assert "ada" in campaign.text


def test_a_column_that_is_called_like_a_secret_is_one(tmp_path: Path) -> None:
    file = written(tmp_path, SHOP)
    (tmp_path / "prompts.csv").write_text("text,password\nhello,canary-in-data\n")

    secrets = load(file, {}, {}).secrets

    assert "canary-in-data" in secrets
    assert "hello" not in secrets


def test_an_error_shows_no_secret(tmp_path: Path) -> None:
    text = changed("token: $.access_token", "bearer: {x: canary}").replace("campaign: shop", "")

    with pytest.raises(CampaignError) as caught:
        read(tmp_path, text)

    assert "bearer: found a value that is not shown" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_file_without_secrets_is_kept_as_it_is(tmp_path: Path) -> None:
    text = changed("password: hunter22", 'word: "${P:-x}"')

    assert read(tmp_path, text).text == text
