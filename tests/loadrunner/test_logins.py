"""Who logs in, when, how often again, and what is said where it fails."""

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest

from loadrunner import session
from loadrunner.campaign.forecast import forecast
from loadrunner.campaign.model import (
    Campaign,
    Identity,
    Login,
    ProbePlan,
    Request,
    Scenario,
    SetupRequest,
)
from loadrunner.engine.coordinator import Coordinator, FailedLogins, Settings
from loadrunner.engine.worker import event_loop
from loadrunner.identities import Credential, credential, obtain
from loadrunner.spool import SpoolWriter
from tests.loadrunner.campaign_files import changed, read
from tests.loadrunner.campaigns import at_rate, campaign, step
from tests.loadrunner.fault_server import OK, FaultServer, Reply, sends
from tests.loadrunner.processes import loadrunner
from tests.loadrunner.runs_on_disk import written

RUN = UUID("00000000-0000-4000-8000-000000000002")
DENIED = b"HTTP/1.1 503 Down\r\ncontent-length: 0\r\n\r\n"


def token(name: str, expires_in: object = None) -> bytes:
    body = json.dumps({"token": name, "expires_in": expires_in}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def in_turn(*answers: bytes) -> Reply:
    """One answer after the other; the last one again and again."""
    left = list(answers)

    async def reply(_reader: object, writer: asyncio.StreamWriter) -> bool:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        return True

    return reply


def member(path: str = "/login", name: str = "members") -> Identity:
    login = Login(Request("POST", (path,)), "$.token", "$.expires_in")
    return Identity(name, login=login)


def flow(url: str, duration_s: float = 0.5, rate: float = 20) -> Campaign:
    """Members get `/`, and log in for it."""
    scenario = Scenario("flow", (step("/"),), (at_rate(rate, duration_s),), identity="members")
    return campaign(url, scenario, identities={"members": member()})


def carried_out(plan: Campaign, credentials: Mapping[str, Credential], out: Path) -> Coordinator:
    coordinator = Coordinator(
        plan, Settings(RUN, seed=1), credentials, ("127.0.0.1",), SpoolWriter(out), None
    )
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(coordinator.run())
    return coordinator


def paths(server: FaultServer) -> list[str]:
    return [request.split(b" ")[1].decode() for request in server.requests]


@pytest.mark.parametrize(
    ("expires_in", "renewed_in_s"),
    [
        (100, 70.0),
        ("100", 70.0),  # some services write it as text
        (0.01, 1.0),  # never at full speed, however short the life
        (0, None),  # does not expire
        (-1, None),
        ("soon", None),
        (True, None),
        (None, None),
        (float("inf"), None),
    ],
)
def test_a_token_is_renewed_at_70_percent_of_its_life(
    expires_in: object, renewed_in_s: float | None
) -> None:
    with FaultServer({"/login": sends(token("t", expires_in))}) as server:
        plan = flow(server.url)
        with session.client(plan, "127.0.0.1") as client:
            got = credential(plan.identities["members"], client)
    if renewed_in_s is None:
        assert got.renew_at_s is None
    else:
        assert got.renew_at_s is not None
        assert 0 <= renewed_in_s - (got.renew_at_s - time.monotonic()) < 0.9


def test_a_login_that_fails_again_and_again_is_tried_ever_more_seldom() -> None:
    failed, waits = FailedLogins(), []
    for _ in range(7):
        failed = failed.with_one_more("down")
        waits.append(failed.wait_s)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


@pytest.mark.journey
def test_a_renewal_that_fails_keeps_the_old_token_is_tried_again_and_told(tmp_path: Path) -> None:
    answers = in_turn(DENIED, token("second", 100))
    with FaultServer({"/": sends(OK), "/login": answers}) as server:
        plan = flow(server.url, duration_s=4)
        line = b"Authorization: Bearer first\r\n"
        due = Credential((line,), frozenset({"first"}), renew_at_s=time.monotonic())
        notes = carried_out(plan, {"members": due}, tmp_path / "spool").notes
        sent = [one for one in server.requests if one.startswith(b"GET / ")]
    assert paths(server).count("/login") == 2
    assert {b"Bearer first" in one or b"Bearer second" in one for one in sent} == {True}
    assert b"Bearer first" in sent[0]
    assert b"Bearer second" in sent[-1]
    assert notes == (
        "1 renewal of the tokens of identity members failed, so that it went on with those that it"
        " had. The last one: identity members, login 1 of 1: POST /login answered 503, a 2xx is"
        " needed. Check the password that the campaign sends.",
    )


def test_only_identities_that_the_run_uses_log_in(tmp_path: Path) -> None:
    text = changed("data:\n", "  idle: {login: {path: /idle}, token: $.t, count: 90}\ndata:\n")
    plan = read(tmp_path, text)
    assert list(plan.used_identities) == ["members"]
    assert forecast(plan).logins == 5
    with FaultServer({"/login": sends(token("t"))}) as server:
        here = flow(server.url)
        unused = {**here.identities, "idle": member("/idle", "idle")}
        here = campaign(server.url, *here.scenarios, identities=unused)
        with session.client(here, "127.0.0.1") as client:
            assert list(obtain(here, here.used_identities, client)) == ["members"]


def test_an_identity_of_a_step_a_probe_or_a_set_up_request_is_used_one_of_clean_up_is_not() -> None:
    names = ("of_step", "of_probe", "of_setup", "of_cleanup")
    request = Request("GET", ("/",))
    plan = campaign(
        "http://127.0.0.1:1",
        Scenario("flow", (step("/", identity="of_step"),), (at_rate(1),)),
        identities={name: member(name=name) for name in names},
        probes=(ProbePlan("p", "/", (), {}, identity="of_probe"),),
        setup=(SetupRequest("s", request, "of_setup"),),
        cleanup=(SetupRequest("c", request, "of_cleanup"),),
    )
    assert set(plan.used_identities) == {"of_step", "of_probe", "of_setup"}


LOGINS = """
identities:
  admin: {login: {method: POST, path: /admin}, token: $.token}
  members: {login: {method: POST, path: "/login?api_key=sekret999"}, token: $.token}
setup: [{name: users, identity: admin, request: {method: POST, path: /users}}]
"""


def with_logins(folder: Path, url: str) -> Path:
    file = written(folder, url, "{phase: plateau, duration: 300ms, rate: 10}", more=LOGINS)
    file.write_text(file.read_text().replace("  flow:\n", "  flow:\n    identity: members\n"))
    return file


@pytest.mark.journey
def test_set_up_is_sent_before_those_log_in_that_it_may_make(tmp_path: Path) -> None:
    made = {"/": sends(OK), "/users": sends(OK), "/admin": sends(token("a"))}
    with FaultServer({**made, "/login?api_key=sekret999": sends(token("m"))}) as server:
        done = loadrunner("run", with_logins(tmp_path, server.url), "--out", tmp_path / "spool")
    assert paths(server)[:4] == ["/", "/admin", "/users", "/login?api_key=sekret999"], done.stderr


@pytest.mark.journey
@pytest.mark.parametrize("flags", [(), ("--debug",)])
def test_a_login_that_fails_is_told_without_the_secret_of_its_path(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    made = {"/": sends(OK), "/users": sends(OK), "/admin": sends(token("a"))}
    busy = b"HTTP/1.1 429 Busy\r\ncontent-length: 0\r\n\r\n"
    with FaultServer({**made, "/login?api_key=sekret999": sends(busy)}) as server:
        file = with_logins(tmp_path, server.url)
        done = loadrunner("run", file, "--out", tmp_path / "spool", *flags)
    assert done.returncode == 1
    assert "POST /login?api_key=*** answered 429" in done.stderr
    assert "sekret999" not in done.stdout + done.stderr
