"""`run --debug`: what is printed of one journey, and what is not."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from loadrunner.campaign.file import load
from loadrunner.debugging import debug
from loadrunner.preflight import Consent
from tests.loadrunner.fault_server import OK, FaultServer, Reply, resets, sends


def answers(body: str, *headers: str) -> Reply:
    head = "".join(f"{header}\r\n" for header in headers)
    return sends(f"HTTP/1.1 200 OK\r\n{head}content-length: {len(body)}\r\n\r\n{body}".encode())


CAMPAIGN = """\
campaign: looked-at
target: {{base_url: "{url}"}}
scenarios:
  flow:
    steps:
      - name: sign_in
        request: {{method: POST, path: /login, json: {{user: bob, password: canary-password}}}}
        extract: {{session: $.access_token}}
      - name: read
        request: {{path: "/read?k=${{session}}", headers: {{Authorization: "Bearer ${{session}}"}}}}
        on_failure: {on_failure}
      - name: last
        request: {{path: /last}}
    load: [{{phase: plateau, duration: 1s, rate: 1}}]
"""


def printed(
    folder: Path, on_failure: str = "continue", campaign: str = CAMPAIGN, **replies: Reply
) -> tuple[int, str, int]:
    """The status, what was printed, and how many requests came for /last."""
    token = '{"access_token": "canary-token", "name": "bob"}'
    served = {
        "/": sends(OK),
        "/login": answers(token, "set-cookie: sid=canary-cookie"),
        "/read?k=canary-token": sends(OK),
        "/last": sends(OK),
        **{f"/{name}": reply for name, reply in replies.items()},
    }
    shown = io.StringIO()
    with FaultServer(served) as server:
        file = folder / "looked.yaml"
        file.write_text(campaign.format(url=server.url, on_failure=on_failure))
        status = debug(load(file, {}, {}), Consent(), Console(file=shown, width=200))
        last = sum(request.startswith(b"GET /last") for request in server.requests)
    return status, shown.getvalue(), last


def test_every_request_and_answer_is_printed_and_no_secret(tmp_path: Path) -> None:
    """A token that a step obtains is one, too, wherever it stands from then on."""
    status, text, last = printed(tmp_path)
    assert (status, last) == (0, 1)
    assert "canary" not in text
    assert '> {"user":"bob","password":"***"}' in text
    assert '< {"access_token": "***", "name": "bob"}' in text
    assert "> GET /read?k=***" in text
    assert "> authorization: ***" in text
    assert "< set-cookie: ***" in text


@pytest.mark.parametrize(("on_failure", "sent"), [("continue", 1), ("stop", 0)])
def test_a_step_that_gets_no_answer_is_told_and_the_journey_goes_on_unless_it_says_stop(
    tmp_path: Path, on_failure: str, sent: int
) -> None:
    broken = {"read?k=canary-token": resets()}
    status, text, last = printed(tmp_path, on_failure, CAMPAIGN, **broken)
    assert (status, last) == (3, sent)
    assert "! no answer: " in text
    assert ("the journey stops here" in text) == (sent == 0)
    assert "canary" not in text


def test_what_cannot_be_extracted_is_told_and_what_needs_it_is_not_sent(tmp_path: Path) -> None:
    status, text, last = printed(tmp_path, login=answers('{"other": 1}'))
    assert (status, last) == (3, 1)
    assert "! session: nothing at $.access_token" in text
    assert "! not sent: session was not extracted" in text


def test_a_value_is_extracted_from_the_events_of_a_stream_and_a_secret_in_them_is_kept(
    tmp_path: Path,
) -> None:
    events = 'data: {"text": "a"}\n\ndata: {"access_token": "canary-token"}\n\ndata: [DONE]\n\n'
    streamed = CAMPAIGN.replace("extract:", "stream: sse\n        extract:")
    status, text, last = printed(tmp_path, campaign=streamed, login=answers(events))
    assert (status, last) == (0, 1)
    assert "> GET /read?k=***" in text
    assert "canary" not in text


@pytest.mark.parametrize("depth", [500, 200_000])
def test_an_answer_that_is_nested_deeply_is_printed_all_the_same(
    tmp_path: Path, depth: int
) -> None:
    status, text, last = printed(tmp_path, login=answers("[" * depth + "]" * depth))
    assert (status, last) == (3, 1)
    assert "! session: nothing at $.access_token" in text


def test_a_header_of_the_step_is_shown_in_place_of_its_identitys(tmp_path: Path) -> None:
    identity = "identities: {members: {header: x-tenant, value: other-canary}}\nscenarios:"
    known = CAMPAIGN.replace("scenarios:", identity.replace("{", "{{").replace("}", "}}"))
    known = known.replace("  flow:\n", "  flow:\n    identity: members\n")
    _, text, _ = printed(tmp_path, campaign=known.replace("Authorization:", "X-Tenant:"))
    # Two of the same name would be printed as one, with a comma between their values.
    assert "\n> x-tenant: bearer ***\n" in text.lower()
    assert "\n> x-tenant: ***\n" in text.lower()  # steps without one of their own
