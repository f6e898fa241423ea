"""`${…}` in a campaign: where a name is looked up, and how its value is written."""

import json
from pathlib import Path

import pytest

from loadrunner.campaign import environment_file
from loadrunner.campaign.file import load
from loadrunner.campaign.model import Request, Variable
from loadrunner.engine.variables import Values
from loadrunner.errors import CampaignError, UsageError
from tests.loadrunner.campaign_files import changed, read, written

BODY = 'json: {text: "${prompts.text}"}'


def step(tmp_path: Path, request: str, **settings: str) -> Request:
    """The second step's request, which may use what the first extracts as `conversation`."""
    text = changed('request: {path: "/chat/${conversation}"}', f"request: {request}")
    found = read(tmp_path, text, **settings).scenarios[0].steps[1].request
    assert found is not None
    return found


def test_a_setting_wins_over_the_environment_and_that_over_the_default(tmp_path: Path) -> None:
    file = written(tmp_path, changed("127.0.0.1:8900", "127.0.0.1:${PORT:-8900}"))

    def base_url(settings: dict[str, str], environment: dict[str, str]) -> str:
        return load(file, settings, environment).target.base_url

    assert base_url({}, {}) == "http://127.0.0.1:8900"
    assert base_url({}, {"PORT": "8901"}) == "http://127.0.0.1:8901"
    assert base_url({"PORT": "8902"}, {"PORT": "8901"}) == "http://127.0.0.1:8902"


def test_an_empty_value_counts_as_unset_where_there_is_a_default(tmp_path: Path) -> None:
    file = written(tmp_path, changed("127.0.0.1:8900", "127.0.0.1:${PORT:-8900}"))

    assert load(file, {}, {"PORT": ""}).target.base_url == "http://127.0.0.1:8900"


def test_numbers_durations_and_rates_may_come_from_variables(tmp_path: Path) -> None:
    text = changed("count: 5", "count: ${USERS}").replace(
        "duration: 20s, rate: 20", 'duration: "${LENGTH}", rate: "${RATE:-90/m}"'
    )

    campaign = read(tmp_path, text, USERS="7", LENGTH="1m30s")

    assert campaign.identities["members"].count == 7
    assert campaign.scenarios[0].load[1].duration_s == 90
    assert campaign.scenarios[0].load[1].rate_to == 1.5


def test_what_was_extracted_wins_over_a_setting_of_the_same_name(tmp_path: Path) -> None:
    request = step(tmp_path, '{path: "/chat/${conversation}"}', conversation="static")

    assert request.path == ("/chat/", Variable("conversation", "url"))


def test_a_built_in_wins_over_a_setting_of_the_same_name(tmp_path: Path) -> None:
    request = step(tmp_path, '{path: "/chat/${uuid}"}', uuid="static")

    assert request.path == ("/chat/", Variable("uuid", "url"))


@pytest.mark.parametrize(
    ("written", "settings", "sent"),
    [
        ("${conversation}", {"conversation": "7"}, "7"),
        ("${conversation:-0}", {}, "0"),
        ("${conversation:-0}", {"conversation": "7"}, "7"),
    ],
)
def test_a_name_that_this_step_or_a_later_one_extracts_is_looked_up_before_the_run(
    tmp_path: Path, written: str, settings: dict[str, str], sent: str
) -> None:
    """Nothing is extracted yet where it stands: the first page is asked for with ${cursor:-0}."""
    first = read(tmp_path, changed("${prompts.text}", written), **settings).scenarios[0].steps[0]

    assert first.request is not None
    assert first.request.body == (f'{{"text":"{sent}"}}',)


def test_a_name_that_only_a_later_step_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="extracted by this step itself"):
        read(tmp_path, changed("${prompts.text}", "${conversation}"))


def test_json_is_compact_and_its_variables_are_escaped_at_run_time(tmp_path: Path) -> None:
    body = '{text: "${conversation}", "k${uuid}": [1, 2.5, true, null, "${conversation}!"]}'

    request = step(tmp_path, f"{{method: POST, path: /x, json: {body}}}")

    assert request.body == (
        '{"text":"', Variable("conversation", "json"),
        '","k', Variable("uuid", "json"),
        '":[1,2.5,true,null,"', Variable("conversation", "json"), '!"]}',
    )  # fmt: skip


def test_a_variable_alone_in_json_stays_a_text(tmp_path: Path) -> None:
    request = step(tmp_path, '{method: POST, path: /x, json: {count: "${N}"}}', N="5")

    assert request.body == ('{"count":"5"}',)


def test_static_values_are_escaped_for_where_they_stand(tmp_path: Path) -> None:
    request = step(
        tmp_path, '{method: POST, path: "/x?q=${Q}", json: ["${Q}"], headers: {X-Q: "${Q}"}}',
        Q='a "b" \\é',
    )  # fmt: skip

    assert request.path == ("/x?q=a%20%22b%22%20%5C%C3%A9",)
    assert json.loads("".join(map(str, request.body or ()))) == ['a "b" \\é']
    assert dict(request.headers)["X-Q"] == ('a "b" \\é',)


def test_what_a_journey_sends_is_valid_json_whatever_it_extracted(tmp_path: Path) -> None:
    request = step(tmp_path, '{method: POST, path: /x, json: {text: "<${conversation}>"}}')
    values = Values(number=0, user=0, seed=1, data={})
    values.extracted["conversation"] = 'a "quoted"\nline \\ and é'

    sent = "".join(p if isinstance(p, str) else values.text(p) for p in request.body or ())

    assert json.loads(sent) == {"text": '<a "quoted"\nline \\ and é>'}


def test_a_raw_body_is_sent_as_it_stands(tmp_path: Path) -> None:
    request = step(tmp_path, """{method: POST, path: /x, body: 'n=${conversation}&m="1"'}""")

    assert request.body == ("n=", Variable("conversation"), '&m="1"')
    assert request.headers == ()


def test_json_brings_its_content_type_unless_another_is_given(tmp_path: Path) -> None:
    plain = step(tmp_path, "{method: POST, path: /x, json: null}")
    other = step(tmp_path, "{path: /x, json: {}, headers: {content-type: text/x}}")

    assert plain.headers == (("Content-Type", ("application/json",)),)
    assert plain.body == ("null",)
    assert other.headers == (("content-type", ("text/x",)),)


def test_the_escape_writes_the_letters_themselves(tmp_path: Path) -> None:
    request = step(tmp_path, "{method: POST, path: /x, body: 'cost $5, $${name}, $$'}")

    assert request.body == ("cost $5, ${name}, $$",)


def test_headers_are_texts_even_if_they_look_like_numbers(tmp_path: Path) -> None:
    request = step(tmp_path, "{path: /x, headers: {X-Version: 010, X-Flag: true}}")

    assert dict(request.headers) == {"X-Version": ("010",), "X-Flag": ("true",)}


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "snow☃man"])
def test_a_header_is_one_line_of_latin_letters(value: str, tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"headers\.'?X-A'?: found .*one line of Latin"):
        step(tmp_path, '{path: /x, headers: {X-A: "${V}"}}', V=value)


def test_headers_that_frame_the_message_are_the_runners(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="is set by the runner itself"):
        step(tmp_path, "{path: /x, headers: {Content-Length: 5}}")


def test_a_login_knows_the_user_but_no_journey(tmp_path: Path) -> None:
    login = read(tmp_path, changed("u${index}", "u${index}")).identities["members"].login
    assert login is not None
    assert login.request.body is not None
    assert Variable("index", "json") in login.request.body

    with pytest.raises(CampaignError, match="known here: index, user, uuid, now"):
        read(tmp_path, changed("u${index}", "${prompts.text}"))


def test_a_setting_that_nothing_uses_is_remarked_on(tmp_path: Path) -> None:
    campaign = read(tmp_path, changed("127.0.0.1:8900", "127.0.0.1:${PORT:-1}"), PORTS="1")

    assert campaign.notes == ("--set PORTS has no effect: the campaign does not use it.",)


def test_an_env_file_holds_names_comments_and_quotes() -> None:
    text = """\
# the demo's values
PLAIN=a value # a comment
HASH=a#b
export EXPORTED = yes
EMPTY=
SINGLE='as $it "is" # here'
DOUBLE="two\\nlines \\"quoted\\" \\\\ \\$5"  # a comment
URL=http://x/?a=b
PLAIN=the last one wins
"""
    assert environment_file.parsed(text, "demo.env") == {
        "PLAIN": "the last one wins",
        "HASH": "a#b",
        "EXPORTED": "yes",
        "EMPTY": "",
        "SINGLE": 'as $it "is" # here',
        "DOUBLE": 'two\nlines "quoted" \\ $5',
        "URL": "http://x/?a=b",
    }


ALLOWED = "NAME=VALUE, NAME='VALUE', NAME=\"VALUE\", a # comment or an empty line"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("NAME", "'NAME'"),
        ("1NAME=x", "'1NAME'"),
        ("MY NAME=sesame", "'MY NAME'"),
        ('NAME="open', "a quoted value that does not end with its quote"),
        ("NAME='a' b", "a quoted value that does not end with its quote"),
    ],
)
def test_a_broken_env_file_names_its_line_and_shows_no_value(line: str, found: str) -> None:
    with pytest.raises(UsageError) as caught:
        environment_file.parsed(f"A=1\n{line}\n", "demo.env")

    assert str(caught.value) == f"demo.env, line 2: found {found}, allowed: {ALLOWED}"


def test_an_env_file_that_is_not_there_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.env of --env-file cannot be read: No such file"):
        environment_file.read(tmp_path / "none.env")
