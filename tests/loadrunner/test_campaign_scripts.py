"""`journey: FILE.py:FUNCTION`: what is checked of it before anything runs."""

from pathlib import Path

import pytest

from loadrunner.campaign.criteria import catalogue
from loadrunner.campaign.file import load
from loadrunner.campaign.forecast import forecast
from loadrunner.campaign.model import Campaign, Variable
from loadrunner.campaign.picture import text as picture
from loadrunner.commands.validate import summary
from loadrunner.errors import CampaignError
from loadrunner.hooks.message import NOTHING, MessageError, message

FILE = """\
raise SystemExit("this file is read and never run")


async def checkout(session):
    await session.get("/", step="quote")
    return await helper(session)


async def helper(session, step="order"):
    return await session.get("/", step=step)


def plain(session):
    return None


async def two(session, other):
    return None


async def typo(session):
    await session.post("/", step="qoute")


async def nameless(session):
    await session.post("/")
"""
FLOW = """\
campaign: flow
target: {base_url: "http://127.0.0.1:8900"}
data: {prompts: {file: prompts.csv}}
scenarios:
  flow:
    journey: journeys.py:checkout
    variables: {text: "${prompts.text}", plan: "${PLAN:-gold}", api_token: hush-hush}
    steps: [quote, {name: order, expect: [201], refusals: [402]}]
    load: [{phase: plateau, duration: 10s, rate: 5}]
criteria: ["p95(flow/order) < 1s"]
"""


def read(folder: Path, old: str = "", new: str = "") -> Campaign:
    assert old in FLOW
    (folder / "journeys.py").write_text(FILE)
    (folder / "prompts.csv").write_text("text\nhello\n")
    file = folder / "flow.yaml"
    file.write_text(FLOW.replace(old, new))
    return load(file, {}, {})


def test_a_function_has_steps_that_say_what_they_expect_and_variables(tmp_path: Path) -> None:
    (flow,) = read(tmp_path).scenarios
    assert flow.script is not None
    assert (flow.script.file, flow.script.function) == (tmp_path / "journeys.py", "checkout")
    assert [(step.name, step.expect, step.refusals) for step in flow.steps] == [
        ("quote", (200,), (429,)),
        ("order", (201,), (402,)),
    ]
    assert flow.variables["text"] == (Variable("prompts.text"),)
    assert flow.variables["plan"] == ("gold",)
    assert catalogue([flow], []).steps == {"flow": ("quote", "order")}


def test_its_file_is_read_and_not_run_and_plan_says_what_is_not_known(tmp_path: Path) -> None:
    campaign = read(tmp_path)
    assert "  functions   checkout of journeys.py" in summary(campaign)
    plan = forecast(campaign)
    assert (plan.journeys, plan.requests, plan.phases[0].requests) == (50, 50, None)
    shown = picture(campaign, plan, "utf-8")
    assert "as sent" in shown
    assert "what functions send beyond one request, not counted" in shown


def test_a_variable_that_is_called_like_a_secret_is_one(tmp_path: Path) -> None:
    campaign = read(tmp_path)
    assert "hush-hush" in campaign.secrets
    assert "hush-hush" not in campaign.text


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("journeys.py:checkout", "checkout",
         "line 6, key scenarios.flow.journey: found 'checkout', allowed: FILE.py:FUNCTION"),
        ("journeys.py:checkout", "nowhere.py:checkout",
         "line 6, key scenarios.flow.journey: found "),
        ("journeys.py:checkout", "prompts.csv.py:checkout", "which cannot be read"),
        ("journeys.py:checkout", "journeys.py:chekout",
         "found no function 'chekout' in journeys.py, allowed: one of its async functions:"
         " checkout, helper, two, typo, nameless; did you mean 'checkout'?"),
        ("journeys.py:checkout", "journeys.py:plain",
         "found 'def plain' in line 13 of journeys.py, allowed: 'async def'"),
        ("journeys.py:checkout", "journeys.py:two", "found two in line 17 of journeys.py with"),
        ("journeys.py:checkout", "journeys.py:typo",
         "found the step 'qoute' in line 22 of journeys.py, which is not there; allowed: quote,"
         " order; did you mean 'quote'?"),
        ("journeys.py:checkout", "journeys.py:nameless",
         "found a request without a step in line 26 of journeys.py, allowed: step=NAME of quote"),
        ("[quote,", "[{name: quote, request: {path: /}},",
         "line 8, key scenarios.flow.steps[0].request: found request beside a journey in Python"),
        ("expect: [201]", "extract: {a: $.a}",
         "line 8, key scenarios.flow.steps[1].extract: found extract beside a journey in Python"),
        ("${prompts.text}", "${nobody}", "key scenarios.flow.variables.text: found ${nobody}"),
        ("    journey: journeys.py:checkout\n", "",
         "key scenarios.flow.variables: found variables without a journey"),
        ("    journey: journeys.py:checkout\n", "",
         "key scenarios.flow.steps[0].request: is missing, required: the request of this step"),
        ("flow/order", "flow/oder", "there is no step of flow called 'oder'; there is"),
        ("steps: [quote,", "steps: [7,", "key scenarios.flow.steps[0]: found 7, allowed: a mapp"),
        ("steps: [quote,", "steps: [quote, quote,",
         "key scenarios.flow.steps[1].name: found 'quote' again"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    old: str, new: str, expected: str, tmp_path: Path
) -> None:
    with pytest.raises(CampaignError) as caught:
        read(tmp_path, old, new)
    assert expected in str(caught.value)


@pytest.mark.parametrize("source", [b"async def checkout(", b"\0", b"\xff\xfe", b"(" * 10_000])
def test_a_file_that_is_not_python_is_an_error_of_the_campaign(
    source: bytes, tmp_path: Path
) -> None:
    read(tmp_path)
    (tmp_path / "journeys.py").write_bytes(source)
    with pytest.raises(CampaignError, match=r"found journeys\.py, which is not Python"):
        load(tmp_path / "flow.yaml", {}, {})


def test_a_request_of_a_function_is_put_together_as_it_asks() -> None:
    form = message("POST", "/a", {"n": [1, 2]}, {"X-A": "b"}, NOTHING, {"k": "a b"}, None)
    assert (form.path, form.body) == ("/a?n=1&n=2", b"k=a+b")
    kind = ("Content-Type", "application/x-www-form-urlencoded")
    assert form.headers == (kind, ("X-A", "b"))
    document = message("PUT", "/ä b#c", None, {"content-type": "text/x"}, None, None, [404])
    assert (document.path, document.body) == ("/%C3%A4%20b%23c", b"null")
    assert document.headers == (("content-type", "text/x"),)
    assert document.expect == (404,)


@pytest.mark.parametrize(
    ("path", "headers", "data", "expected"),
    [
        ("http://elsewhere/", {}, None, "allowed: a path from / on"),
        ("/", {"Content-Length": "7"}, None, "content-length is set by the runner"),
        ("/", {"X-A": "a\r\nX-B: b"}, None, "the value of X-A is not one line"),
        ("/", {"X A": "a"}, None, "found the header 'X A'"),
        ("/", {}, "both", "found json and data, allowed: one of them"),
    ],
)
def test_a_request_that_cannot_be_sent_is_refused(
    path: str, headers: dict[str, str], data: str | None, expected: str
) -> None:
    with pytest.raises(MessageError) as caught:
        message("GET", path, None, headers, {} if data else NOTHING, data, None)
    assert expected in str(caught.value)
