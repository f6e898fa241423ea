"""A broken campaign file: the line, the key, what was found and what is allowed."""

from pathlib import Path

import pytest

from loadrunner.campaign.file import load
from loadrunner.campaign.problems import CombinedCampaignError
from loadrunner.errors import CampaignError, SafetyError, UsageError
from tests.loadrunner.campaign_files import SHOP, changed, read, written

DURATION = "a number with us, ms, s, m or h, such as 500ms, 10s or 1m30s"
RATE = "a number per second, such as 30, or one with /s, /m or /h, such as 90/m"
SECTIONS = (
    "campaign, version, target, identities, data, setup, scenarios, mix, peak, growth, probes,"
    " criteria, limits, abort, cleanup, smoke"
)
RAMP = "duration: 10s, rate: {from: 1, to: 20}"
STEP = "scenarios.chat.steps[0]"
TEXT = f"{STEP}.request.json.text"
EXTRACT = "extract: {conversation: $.id}"
LOGIN = """\
    login: {method: POST, path: /login, json: {user: "u${index}", password: hunter22}}
    token: $.access_token
    count: 5
"""

TABLE = [
    # Durations and rates
    (RAMP, "duration: 10, rate: 5",
     "22, key scenarios.chat.load[0].duration: found 10, a duration without a unit;"
     f" allowed: {DURATION}"),
    (RAMP, "duration: 10sec, rate: 5",
     "22, key scenarios.chat.load[0].duration: found '10sec' with the unit 'sec',"
     f" allowed: {DURATION}"),
    (RAMP, "duration: soon, rate: 5",
     f"22, key scenarios.chat.load[0].duration: found 'soon', allowed: {DURATION}"),
    (RAMP, "duration: -10s, rate: 5",
     "22, key scenarios.chat.load[0].duration: found '-10s',"
     " allowed: a duration that is not negative"),
    (RAMP, "duration: 0s, rate: 5",
     "22, key scenarios.chat.load[0].duration: found '0s',"
     " allowed: a duration above zero, such as 10s"),
    (RAMP, "duration: 10s, rate: 0",
     "22, key scenarios.chat.load[0].rate: found 0, allowed: a rate above zero, such as 30"),
    (RAMP, "duration: 10s, rate: -3",
     "22, key scenarios.chat.load[0].rate: found -3, allowed: a rate that is not negative"),
    (RAMP, "duration: 10s, rate: 20/d",
     "22, key scenarios.chat.load[0].rate: found '20/d' with the unit '/d', allowed: " + RATE),
    (RAMP, "duration: 10s, rate: .nan",
     f"22, key scenarios.chat.load[0].rate: found '.nan', allowed: {RATE}"),
    (RAMP, "duration: 10s, rate: .inf",
     f"22, key scenarios.chat.load[0].rate: found '.inf', allowed: {RATE}"),
    (RAMP, "duration: 10s, rate: 1e400",
     "22, key scenarios.chat.load[0].rate: found '1e400', allowed: at most 1,000,000/s"),
    (RAMP, "duration: 10s, rate: {from: 0, to: 0}",
     "22, key scenarios.chat.load[0].rate: found a rate of zero,"
     " allowed: a rate above zero, such as 30"),
    (RAMP, "duration: 10s, rate: [1, 20]",
     f"22, key scenarios.chat.load[0].rate: found a list of 2, allowed: {RATE}"),
    # Loads
    (RAMP, "duration: 10s",
     "22, key scenarios.chat.load[0]: found none of them, allowed: exactly one of rate"
     " (open model), users (closed model), staircase"),
    (RAMP, "duration: 10s, rate: 5, users: 5",
     "22, key scenarios.chat.load[0]: found rate and users, allowed: exactly one of rate"
     " (open model), users (closed model), staircase"),
    (RAMP, "rate: 5",
     "22, key scenarios.chat.load[0]: found rate without duration, allowed: both"),
    (RAMP, "duration: 10s, rate: 5, think_time: 1s",
     "22, key scenarios.chat.load[0]: found think_time beside rate,"
     " allowed: with users (closed model)"),
    (RAMP, "duration: 10s, staircase: {from: 1, to: 9, stages: 3, duration: 10s}",
     "22, key scenarios.chat.load[0]: found duration beside staircase,"
     " allowed: duration inside of it"),
    (RAMP, "staircase: {from: 1, to: 9, stages: 1, duration: 10s}",
     "22, key scenarios.chat.load[0].staircase.stages: found 1,"
     " allowed: a whole number from 2 to 1,000"),
    (RAMP, "staircase: {from: 1.5, to: 9, stages: 3, duration: 10s, model: closed}",
     "22, key scenarios.chat.load[0].staircase: found 1.5,"
     " allowed: a whole number from 1 to 1,000,000"),
    ("warm_up: 2s", "warm_up: 20s",
     "23, key scenarios.chat.load[1]: found a warm_up of 20s,"
     " allowed: less than the duration of 20s"),
    ("phase: plateau", "phase: ramp_up",
     "23, key scenarios.chat.load[1].phase: found the phase 'ramp_up' again, allowed: names that"
     " are unique in the scenario; a staircase takes its stages' name from phase"),
    # Names that do not exist
    ("identity: members", "identity: member",
     "14, key scenarios.chat.identity: found the identity 'member', which is not there;"
     " allowed: members; did you mean 'members'?"),
    ("peak: {chat: 12}", "peak: {chats: 12}",
     "24, key peak.chats: found the scenario 'chats', which is not there; allowed: chat;"
     " did you mean 'chat'?"),
    ("ceiling: $.pool.size", "feeds: [pol]",
     "29, key probes.ops.metrics.pool.feeds[0]: found the metric 'pol', which is not there;"
     " allowed: none"),
    ("p95(chat/send)", "p95(chat/sent)",
     "31, key criteria[0]: found 'p95(chat/sent) < 800ms', in column 10: there is no step of chat"
     " called 'sent'; there is send, read. Did you mean send?"),
    ("p95(chat/send) < 800ms", "headroom(chat) > 1 and probe_max(pols) < 3",
     "31, key criteria[0]: found 'headroom(chat) > 1 and probe_max(pols) < 3', in column 34: there"
     " is no probe metric called 'pols'; there is pool. Did you mean pool?"),
    ("peak: {chat: 12}\n", "smoke: {criteria: ['p95(chat@spike) < 1s']}\n",
     "24, key smoke.criteria[0]: found 'p95(chat@spike) < 1s', in column 10: there is no phase of"
     " chat called 'spike'; there is plateau."),
    # Unknown and missing keys
    ("timeout: 10s", "time_out: 10s",
     "4, key target.time_out: found an unknown key, allowed: base_url, allow, timeout,"
     " connect_timeout, first_byte_timeout, tls, stop_file; did you mean 'timeout'?"),
    ("campaign: shop", "campaign: shop\ncriterias: []",
     f"2, key criterias: found an unknown key, allowed: {SECTIONS}; did you mean 'criteria'?"),
    (EXTRACT, "retry: {on: [429], honour: true}",
     f"18, key {STEP}.retry.honour: found an unknown key,"
     " allowed: on, max, honour_retry_after, backoff"),
    ("campaign: shop\n", "", "1, key campaign: is missing, required: the campaign's name."),
    ("    token: $.access_token\n", "",
     "6, key identities.members: found login without token, allowed: both"),
    # Values
    ("campaign: shop", "campaign: shop\nversion: 2",
     "2, key version: found 2, allowed: 1, the version that is read here"),
    ("identity: members", "destructive: yes",
     "14, key scenarios.chat.destructive: found 'yes', allowed: true or false"),
    ("count: 5", "count: five",
     "9, key identities.members.count: found 'five', allowed: a whole number from 1 to 1,000,000"),
    ("identity: members", "max_in_flight: true",
     "14, key scenarios.chat.max_in_flight: found true,"
     " allowed: a whole number from 1 to 1,000,000"),
    ("area: database", "area: databas",
     "29, key probes.ops.metrics.pool.area: found 'databas', allowed: database, cache, rate_limit,"
     " llm, cpu or other; did you mean 'database'?"),
    ("method: POST, path: /chat", "method: SEND, path: /chat",
     f"17, key {STEP}.request.method: found 'SEND',"
     " allowed: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS"),
    ("path: /chat,", "path: 'http://elsewhere/chat',",
     f"17, key {STEP}.request.path: found 'http://elsewhere/chat',"
     " allowed: a path from / on; it is added to target.base_url"),
    (EXTRACT, "extract: {conversation: id}",
     f"18, key {STEP}.extract.conversation: found 'id', allowed: a path such as $.items[0].id"),
    (EXTRACT, "expect: [200, 900]",
     f"18, key {STEP}.expect[1]: found 900, allowed: a whole number from 100 to 599"),
    (EXTRACT, "expect: []\n        " + EXTRACT,
     f"18, key {STEP}.expect: found an empty list, allowed: at least one entry"),
    (EXTRACT, f"expect: [429]\n        refusals: [429]\n        {EXTRACT}",
     f"16, key {STEP}: found 429 in expect and in refusals, allowed: one of them"),
    ("- name: read", "- name: send",
     "19, key scenarios.chat.steps[1].name: found 'send' again, allowed: each step's name once"),
    ("- name: read", "- name: a/b",
     "19, key scenarios.chat.steps[1].name: found 'a/b',"
     " allowed: letters, digits and _ - . :, at most 100"),
    ("data:", "x:\ndata:", f"10, key x: found an unknown key, allowed: {SECTIONS}"),
    ("criteria:\n  - p95(chat/send) < 800ms", "criteria: 5",
     "30, key criteria: found 5, allowed: a list"),
    ("peak: {chat: 12}", "peak: {chat: 12}\ngrowth: 40%",
     "25, key growth: found '40%', allowed: a percentage per year, quarter, month or week, such as"
     " 40%/year or 3%/month"),
    ("peak: {chat: 12}", "peak: 12", "24, key peak: found 12, allowed: a mapping"),
    (LOGIN, "    value: abc\n",
     "6, key identities.members: found none of them, allowed: exactly one of login (with token),"
     " header (with value), bearer, basic"),
    (LOGIN, "    bearer: abc\n    count: 5\n",
     "6, key identities.members: found count beside bearer, allowed beside it: nothing"),
    (LOGIN, "    bearer: ''\n",
     "7, key identities.members.bearer: found a value that is not shown,"
     " allowed: a text that is not empty"),
    (LOGIN, "    bearer: {secret: sesame}\n",
     "7, key identities.members.bearer: found a value that is not shown,"
     " allowed: a text, in quotes if need be"),
    (LOGIN, '    bearer: "ses\\name"\n',
     "6, key identities.members: found a value that is not shown,"
     " allowed: one line of ASCII letters"),
    ("criteria:\n  -", "criteria:\n  - {criterion: p95(chat) < 1s, by: intervall}\n  -",
     "31, key criteria[0].by: found 'intervall', allowed: point or interval;"
     " did you mean 'interval'?"),
    ("    metrics:", "    every: 10ms\n    metrics:",
     "26, key probes.ops: found every: 0.01s, allowed: 100ms or more"),
    ("    path: /metrics.json\n",
     "    path: /m\n    metrics: {pool: {json: $.a}}\n  other:\n    path: /n\n",
     "32, key probes.other.metrics.pool: found the metric 'pool' of the probe ops again,"
     " allowed: names that are unique over all probes"),
    # The address
    ("http://127.0.0.1:8900", "ftp://127.0.0.1",
     "3, key target.base_url: found 'ftp://127.0.0.1', allowed: http:// or https:// with a host,"
     " such as http://127.0.0.1:8900"),
    ("http://127.0.0.1:8900", "http://127.0.0.1:99999",
     "3, key target.base_url: found 'http://127.0.0.1:99999' (Port out of range 0-65535),"
     " allowed: http:// or https:// with a host, such as http://127.0.0.1:8900"),
    ("http://127.0.0.1:8900", "http://root:sesame@127.0.0.1",
     "3, key target.base_url: found a user name or password in the address,"
     " allowed: an identity (basic) for them"),
    ("  timeout: 10s", "  allow: ['https://x.test']",
     "4, key target.allow[0]: found 'https://x.test',"
     " allowed: a host's name or address alone, without a port, such as 127.0.0.1,"
     " or a network, such as 10.1.0.0/16"),
    ("  timeout: 10s", "  allow: ['127.0.0.1:8900']",
     "4, key target.allow[0]: found '127.0.0.1:8900',"
     " allowed: a host's name or address alone, without a port, such as 127.0.0.1,"
     " or a network, such as 10.1.0.0/16"),
    ("  timeout: 10s", "  allow: []",
     "4, key target.allow: found an empty list, allowed: at least one entry"),
    # Variables
    ("http://127.0.0.1:8900", "${NOWHERE}",
     "3, key target.base_url: found ${NOWHERE}, which is not known here; set it with --set"
     " NOWHERE=… or in the environment, or write ${NOWHERE:-default};"
     " known here: the environment"),
    ("${conversation}", "${conversatio}",
     "20, key scenarios.chat.steps[1].request.path: found ${conversatio}, which is not known here;"
     " set it with --set conversatio=… or in the environment, or write ${conversatio:-default};"
     " known here: conversation, prompts.text, prompts.lang, index, user, journey, uuid, now,"
     " the environment; did you mean 'conversation'?"),
    ("${prompts.text}", "${prompts.txt}",
     f"17, key {TEXT}: found ${{prompts.txt}}, but the data set prompts has no column 'txt';"
     " allowed: text, lang; did you mean 'text'?"),
    ("${prompts.text}", "${conversation}",
     f"17, key {TEXT}: found ${{conversation}}, which is extracted by this step itself;"
     " allowed: names that an earlier step extracts, or a value for it"
     " from --set conversation=…, the environment or ${conversation:-default}"),
    ("${prompts.text}", "${oops",
     f"17, key {TEXT}: found '${{oops', allowed: ${{name}}, ${{set.column}} or ${{name:-default}};"
     " write $${ for the letters themselves"),
    ("${prompts.text}", "${prompts.text:-hello}",
     f"17, key {TEXT}: found ${{prompts.text:-hello}}, allowed: ${{prompts.text}};"
     " only --set and environment variables take a default"),
    # Data
    ("prompts.csv", "prompt.csv",
     "11, key data.prompts.file: found prompt.csv, which cannot be read (No such file or"
     " directory: FOLDER/prompt.csv), allowed: a CSV file, its path relative to the campaign file"),
    ("order: random", "order: random, at_end: stop",
     "11, key data.prompts: found at_end: stop, allowed: with order: sequential only"),
    # YAML
    ("  timeout: 10s", "  timeout: 10s\n  timeout: 10s",
     "5, key target.timeout: stands here again, allowed: once; it is in line 4"),
    ("  timeout: 10s", "\ttimeout: 10s",
     "4, key (the whole file): found a tab, allowed: spaces for indentation"),
    ("password: hunter22", "password: ${SECRET}",
     "7, key (the whole file): is not YAML in column 78: while parsing a flow mapping expected ','"
     " or '}', but got '{', allowed: ${…} in quotes inside of { } and [ ]"),
    ("campaign: shop", "campaign: !!python/object/apply:os.system [ls]",
     "1, key campaign: found the tag tag:yaml.org,2002:python/object/apply:os.system,"
     " allowed: values without tags"),
    ("campaign: shop", "campaign: *shop",
     "1, key campaign: found *shop, allowed: an anchor that ends above it"),
    ("campaign: shop", "campaign: &shop [*shop]",
     "1, key campaign[0]: found *shop, allowed: an anchor that ends above it"),
    ("campaign: shop", "campaign: shop\n? [a]\n: b",
     "2, key (the whole file): found a key that is no text, allowed: texts"),
    ("< 800ms", "< 800ms\n---\ncampaign: second",
     "32, key (the whole file): found a second document, allowed: one document in a file"),
    ("campaign: shop", 'campaign: "\\ud800"',
     "1, key campaign: found half a surrogate pair, allowed: characters"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), TABLE)
def test_one_thing_broken_is_one_line_that_says_all(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    file = written(tmp_path, changed(old, new))

    with pytest.raises(CampaignError) as caught:
        load(file, {}, {})

    told = str(caught.value).replace(str(tmp_path), "FOLDER")
    assert told == f"FOLDER/shop.yaml, line {expected}"
    assert caught.value.exit_code == 2


WHOLE_FILES: list[tuple[str | bytes, str]] = [
    ("", "1, key (the whole file): found an empty file,"
     " allowed: a mapping with campaign, target and scenarios"),
    ("# only a comment\n", "1, key (the whole file): found an empty file,"
     " allowed: a mapping with campaign, target and scenarios"),
    ("- campaign: shop", f"1, key (the whole file): found a list of 1,"
     f" allowed: a mapping with {SECTIONS}"),
    ("shop", f"1, key (the whole file): found 'shop', allowed: a mapping with {SECTIONS}"),
    ("campaign: shop\n# été".encode("latin-1"),
     "2, key (the whole file): found the byte 0xe9, allowed: UTF-8 text"),
    ("campaign: shop".encode("utf-16"),
     "1, key (the whole file): found the byte 0xff, allowed: UTF-8 text"),
    ("campaign: shop\nversion: \x01",
     "2, key (the whole file): found the character U+0001, allowed: printable text"),
    ("a: " + "[" * 10_000, "1, key a[0][0][0][0][0][0][0][0][0][0][0]…:"
     " is nested more than 50 deep, allowed: less"),
    ("#" * 2_000_001, "1, key (the whole file): found 2,000,001 bytes,"
     " allowed: at most 2,000,000; put data into CSV"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), WHOLE_FILES, ids=range(len(WHOLE_FILES)))
def test_a_file_that_is_no_campaign_at_all(
    content: str | bytes, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(CampaignError) as caught:
        read(tmp_path, content)

    assert str(caught.value) == f"{tmp_path}/shop.yaml, line {expected}"


def test_an_alias_bomb_is_refused_without_being_unfolded(tmp_path: Path) -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))

    with pytest.raises(CampaignError, match="more than 50,000 values once its aliases"):
        read(tmp_path, f"l0: &l0 [1, 2, 3]\n{levels}")


def test_all_errors_are_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = SHOP.replace("timeout: 10s", "timeout: 10").replace("count: 5", "count: -5")

    with pytest.raises(CombinedCampaignError) as caught:
        read(tmp_path, text.replace("area: database", "area: db"))

    assert [error.line for error in caught.value.errors] == [4, 9, 29]
    assert str(caught.value).splitlines() == [str(error) for error in caught.value.errors]


def test_what_stands_inside_an_unknown_key_is_not_complained_about_too(tmp_path: Path) -> None:
    with pytest.raises(CombinedCampaignError) as caught:
        read(tmp_path, changed("scenarios:", "scenario:"))

    assert [error.key for error in caught.value.errors] == ["scenarios", "scenario"]


CSV_FILES = [
    (b"", "found prompts.csv, which is empty, allowed: a header row and data rows"),
    (b"text\n", "found prompts.csv with a header alone, allowed: at least one row below it"),
    (b"text,text\na,b\n", "found the column 'text' twice in prompts.csv, allowed: each once"),
    (b"text,\na,b\n", "found a column without a name in prompts.csv, allowed: a name for each"),
    (b"text,lang\na,b\n\nc\n",
     "found 1 value in line 4 of prompts.csv, allowed: 2, one for each of text, lang"),
    (b'text\n"a\n', "found prompts.csv, which is not CSV in line 2 (unexpected end of data),"
     " allowed: values separated by commas, in double quotes if need be"),
    ("été\n".encode("latin-1"),
     "found prompts.csv, which is not UTF-8, allowed: a CSV file in UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), CSV_FILES)
def test_a_data_set_that_cannot_be_used(content: bytes, expected: str, tmp_path: Path) -> None:
    file = written(tmp_path, SHOP)
    (tmp_path / "prompts.csv").write_bytes(content)

    with pytest.raises(CampaignError) as caught:
        load(file, {}, {})

    assert str(caught.value) == f"{file}, line 11, key data.prompts.file: {expected}"


def test_a_missing_file_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.yaml cannot be read: No such file or directory"):
        load(tmp_path / "none.yaml", {}, {})


def test_a_folder_in_place_of_the_file_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        load(tmp_path, {}, {})


HOSTS = [
    # base_url, allow, is it allowed
    ("http://127.0.0.1:8900", None, True),
    ("http://localhost:8900", None, True),
    ("http://[::1]:8900", None, True),
    ("http://192.0.2.1", None, False),
    ("http://shop.example.test", None, False),
    ("https://shop.example.test/api", "shop.example.test", True),
    ("https://SHOP.example.test.", "shop.Example.test", True),
    ("http://[0:0:0:0:0:0:0:1]", "'::1'", True),
    ("http://127.0.0.1", "localhost", False),
    ("http://evil.shop.example.test", "shop.example.test", False),
    ("http://127.0.0.1.example.test", None, False),
]


@pytest.mark.parametrize(("base_url", "allow", "is_allowed"), HOSTS)
def test_only_hosts_that_are_allowed_may_be_loaded(
    base_url: str, allow: str | None, is_allowed: bool, tmp_path: Path
) -> None:
    listed = "" if allow is None else f"\n  allow: [{allow}]"
    text = changed("base_url: http://127.0.0.1:8900", f"base_url: {base_url}{listed}")

    if is_allowed:
        assert read(tmp_path, text).target.base_url == base_url
        return
    with pytest.raises(SafetyError) as caught:
        read(tmp_path, text)
    assert caught.value.exit_code == 5
    assert "target.allow" in str(caught.value)


def test_a_refused_host_is_named_with_what_is_allowed(tmp_path: Path) -> None:
    text = changed("timeout: 10s", "allow: [10.0.0.7, shop.test]")

    with pytest.raises(SafetyError) as caught:
        read(tmp_path, text)

    assert str(caught.value) == (
        "The host 127.0.0.1 of target.base_url may not be loaded: target.allow holds 10.0.0.7,"
        " shop.test. If you may load it, add it to target.allow in the campaign file."
    )


def test_a_wrong_file_is_told_before_a_host_that_is_not_allowed(tmp_path: Path) -> None:
    text = changed("127.0.0.1:8900", "shop.example.test").replace("count: 5", "count: 0")

    with pytest.raises(CampaignError, match="line 9"):
        read(tmp_path, text)
