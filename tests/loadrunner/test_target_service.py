"""The reference target over real sockets: its flows, its HTTP, and its capacity as measured."""

import asyncio
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvloop

from loadrunner.target import truth
from loadrunner.target.serving import RunningTarget
from loadrunner.target.settings import TargetSettings

OPS = {"Authorization": "Bearer demo-ops-token"}
PARTNER = {"X-API-Key": "demo-partner-key"}


@contextmanager
def serving(**settings: object) -> Iterator[int]:
    """A target in a loop of its own, on any free port, with fast services unless said otherwise."""
    fast = {
        "port": 0, "login_time": 0.0, "cache_time": 0.0, "chat_store_time": 0.0, "b2b_time": 0.0,
        "db_time": 0.002, "llm_time": 0.004, "export_time": 0.002, "delete_time": 0.002,
    }  # fmt: skip
    chosen = TargetSettings(**(fast | settings))  # type: ignore[arg-type]
    loop = uvloop.new_event_loop()
    target = RunningTarget(chosen, loop)
    loop.run_until_complete(target.listen())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield target.port
    finally:
        asyncio.run_coroutine_threadsafe(target.close(), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def client_of(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        yield client


def sign_in(client: httpx.Client, email: str = "load-1@example.test") -> dict[str, str]:
    body = {"email": email, "password": "load-test-password"}
    answer = client.post("/v1/auth/login", json=body)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of one target for the tests that need no settings of their own."""
    with serving() as port, client_of(port) as client:
        yield client


@pytest.fixture(scope="module")
def member(client: httpx.Client) -> dict[str, str]:
    return sign_in(client)


# Signing in


def test_the_right_password_gets_a_token_with_its_lifetime(client: httpx.Client) -> None:
    body = {"email": "load-7@example.test", "password": "load-test-password"}
    answer = client.post("/v1/auth/login", json=body)
    assert answer.status_code == 200
    session = answer.json()
    assert (session["token_type"], session["expires_in"]) == ("bearer", 900)
    assert len(session["access_token"]) > 20


def test_a_wrong_password_gets_401_and_a_body_without_it_422(client: httpx.Client) -> None:
    wrong = client.post("/v1/auth/login", json={"email": "a@example.test", "password": "guess"})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_password")
    assert client.post("/v1/auth/login", json={"email": "a@example.test"}).status_code == 422
    assert client.post("/v1/auth/login", content=b"not json").status_code == 422


def test_a_protected_path_takes_only_a_good_token(client: httpx.Client) -> None:
    assert client.get("/v1/billing/usage").status_code == 401
    made_up = client.get("/v1/billing/usage", headers={"Authorization": "Bearer made-up"})
    assert (made_up.status_code, made_up.json()["code"]) == (401, "unauthorised")


def test_a_token_runs_out() -> None:
    with serving(token_ttl=0.2) as port, client_of(port) as client:
        member = sign_in(client)
        assert client.get("/v1/billing/usage", headers=member).status_code == 200
        time.sleep(0.25)
        assert client.get("/v1/billing/usage", headers=member).status_code == 401


# Chat


def test_a_message_is_answered_and_its_conversation_can_be_read_back(
    client: httpx.Client, member: dict[str, str]
) -> None:
    answer = client.post("/v1/chat/messages", json={"text": "Good morning"}, headers=member)
    assert answer.status_code == 200
    conversation = answer.json()["conversation_id"]
    history = client.get(f"/v1/chat/conversations/{conversation}", headers=member)
    assert history.status_code == 200
    assert [one["role"] for one in history.json()["messages"]] == ["user", "assistant"]
    assert history.json()["messages"][0]["text"] == "Good morning"


def test_a_conversation_of_somebody_else_or_of_nobody_is_not_found(
    client: httpx.Client, member: dict[str, str]
) -> None:
    sent = client.post("/v1/chat/messages", json={"text": "Mine"}, headers=member)
    path = f"/v1/chat/conversations/{sent.json()['conversation_id']}"
    other = sign_in(client, "load-2@example.test")
    assert client.get(path, headers=other).status_code == 404
    assert client.get("/v1/chat/conversations/cnv-0", headers=member).status_code == 404


@pytest.mark.parametrize(
    ("body", "accept"),
    [({"text": "Hi", "stream": True}, "*/*"), ({"text": "Hi"}, "text/event-stream")],
)
def test_a_stream_gives_its_tokens_one_by_one_and_says_when_it_is_done(
    client: httpx.Client, member: dict[str, str], body: dict[str, object], accept: str
) -> None:
    headers = member | {"Accept": accept}
    with client.stream("POST", "/v1/chat/messages", json=body, headers=headers) as answer:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers["transfer-encoding"] == "chunked"
        lines = [line for line in answer.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    events = [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert len(events) == 8
    assert len({event["conversation_id"] for event in events}) == 1
    history = f"/v1/chat/conversations/{events[0]['conversation_id']}"
    assert client.get(history, headers=member).status_code == 200


def test_the_first_token_comes_early_and_the_last_when_the_call_ends() -> None:
    with serving(llm_time=0.2, llm_cv=0.0) as port, client_of(port) as client:
        member = sign_in(client)
        began = time.monotonic()
        body = {"text": "Hi", "stream": True}
        with client.stream("POST", "/v1/chat/messages", json=body, headers=member) as answer:
            seen = [time.monotonic() - began for line in answer.iter_lines() if line]
    assert seen[0] == pytest.approx(0.06, abs=0.03)
    assert seen[-1] == pytest.approx(0.2, abs=0.03)


def test_a_call_that_gets_no_slot_in_time_is_answered_503_without_retry_after() -> None:
    with serving(llm_pool=1, llm_time=0.3, llm_cv=0.0, llm_max_wait=0.1) as port:
        answers = asyncio.run(_at_once(port, "POST", "/v1/chat/messages", '{"text":"Hi"}', 3))
    assert sorted(status for status, _ in answers) == [200, 503, 503]
    refused = [head for status, head in answers if status == 503]
    assert all("retry-after" not in head.lower() for head in refused)


# Privacy


def test_an_export_is_submitted_polled_and_downloaded() -> None:
    with serving(export_time=0.15, export_cv=0.0) as port, client_of(port) as client:
        member = sign_in(client)
        submitted = client.post("/v1/privacy/export", headers=member)
        assert submitted.status_code == 202
        path = f"/v1/privacy/export/{submitted.json()['job_id']}"
        assert client.get(path, headers=member).json()["status"] == "pending"
        early = client.get(f"{path}/download", headers=member)
        assert (early.status_code, early.json()["code"]) == (409, "not_ready")
        time.sleep(0.2)
        assert client.get(path, headers=member).json()["status"] == "ready"
        assert len(client.get(f"{path}/download", headers=member).json()["records"]) == 20
        assert client.get("/v1/privacy/export/exp-0", headers=member).status_code == 404


def test_a_full_queue_of_exports_refuses_with_retry_after() -> None:
    settings = {"export_workers": 1, "export_time": 2.0, "export_cv": 0.0, "export_max_wait": 1.0}
    with serving(**settings) as port, client_of(port) as client:
        member = sign_in(client)
        assert client.post("/v1/privacy/export", headers=member).status_code == 202
        full = client.post("/v1/privacy/export", headers=member)
    assert (full.status_code, full.headers["retry-after"]) == (503, "2")


def test_deletions_are_answered_in_the_documented_mix() -> None:
    with serving() as port, client_of(port) as client:
        member = sign_in(client)
        answers = [client.post("/v1/privacy/delete", headers=member) for _ in range(100)]
    statuses = Counter(answer.status_code for answer in answers)
    assert [statuses[code] for code in (200, 202, 404, 409)] == pytest.approx([70, 20, 7, 3], abs=1)


def test_a_deletion_while_an_export_of_the_user_runs_is_a_conflict() -> None:
    settings = {"export_time": 0.15, "delete_mix": (1.0, 0.0, 0.0, 0.0)}
    with serving(**settings) as port, client_of(port) as client:
        member = sign_in(client)
        client.post("/v1/privacy/export", headers=member)
        during = client.post("/v1/privacy/delete", headers=member)
        assert (during.status_code, during.json()["code"]) == (409, "export_running")
        other = sign_in(client, "load-2@example.test")
        assert client.post("/v1/privacy/delete", headers=other).status_code == 200
        time.sleep(0.3)
        assert client.post("/v1/privacy/delete", headers=member).status_code == 200


# Billing and B2B


def test_usage_and_quota_are_answered_from_the_database(
    client: httpx.Client, member: dict[str, str]
) -> None:
    assert client.get("/v1/billing/usage", headers=member).status_code == 200
    assert client.get("/v1/billing/quota", headers=member).status_code == 200


def test_a_quote_needs_a_key_that_is_known(client: httpx.Client) -> None:
    assert client.get("/v1/b2b/quote").status_code == 401
    assert client.get("/v1/b2b/quote", headers={"X-API-Key": "nobody"}).status_code == 401
    assert client.get("/v1/b2b/quote", headers=PARTNER).json()["currency"] == "EUR"


def test_beyond_the_plans_limit_a_quote_gets_429_with_the_time_to_come_back() -> None:
    with serving(b2b_rate=2.0, b2b_burst=2) as port, client_of(port) as client:
        answers = [client.get("/v1/b2b/quote", headers=PARTNER) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["x-ratelimit-remaining"] == "1"
    refused = answers[2].headers
    assert refused["retry-after"] == "1"
    assert refused["x-ratelimit-limit"] == "2"
    assert refused["x-ratelimit-remaining"] == "0"
    assert refused["x-ratelimit-reset"] == "1"
    assert refused["x-ratelimit-scope"] == "plan"


def test_beyond_the_quota_a_quote_gets_402() -> None:
    with serving(b2b_quota=2, b2b_quota_window=60.0) as port, client_of(port) as client:
        answers = [client.get("/v1/b2b/quote", headers=PARTNER) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 402]
    assert answers[1].headers["x-quota-remaining"] == "0"
    assert answers[2].json()["code"] == "quota_used_up"


def test_each_key_has_a_plan_of_its_own() -> None:
    keys = ("demo-partner-key", "second", "third", "second")
    plans = {"b2b_rate": 1.0, "b2b_burst": 1, "b2b_more_keys": "second,third"}
    with serving(**plans) as port, client_of(port) as client:
        answers = [client.get("/v1/b2b/quote", headers={"X-API-Key": key}) for key in keys]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_the_limit_of_a_user_leaves_other_users_alone() -> None:
    with serving(user_rate=1.0, user_burst=2) as port, client_of(port) as client:
        first, second = sign_in(client), sign_in(client, "load-2@example.test")
        answers = [client.get("/v1/billing/usage", headers=first) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].headers["x-ratelimit-scope"] == "user"
        assert client.get("/v1/billing/usage", headers=second).status_code == 200


def test_the_global_limit_counts_everybody_but_lets_operations_through() -> None:
    with serving(global_rate=1.0, global_burst=3) as port, client_of(port) as client:
        member = sign_in(client)
        assert client.get("/v1/billing/usage", headers=member).status_code == 200
        assert client.get("/v1/b2b/quote", headers=PARTNER).status_code == 200
        refused = client.get("/v1/b2b/quote", headers=PARTNER)
        assert (refused.status_code, refused.headers["x-ratelimit-scope"]) == (429, "global")
        rejections = _summary(client)["rate_limits"]["rejections_total"]
        assert rejections == {"global": 1, "user": 0, "plan": 0, "quota": 0}
        assert client.get("/healthz").status_code == 200


# Operations


def _summary(client: httpx.Client) -> dict[str, Any]:
    return dict(client.get("/v1/ops/monitoring/operational-summary", headers=OPS).json())


def test_operations_need_the_ops_token(client: httpx.Client, member: dict[str, str]) -> None:
    nobody: dict[str, str] = {}
    for headers in (nobody, member):
        path = "/v1/ops/monitoring/operational-summary"
        assert client.get(path, headers=headers).status_code == 401
        assert client.post("/v1/ops/reset", headers=headers).status_code == 401


def test_the_summary_of_an_idle_target_says_null_for_what_cannot_be_known() -> None:
    with serving() as port, client_of(port) as client:
        summary = _summary(client)
    pool = {"in_use": 0.0, "in_use_now": 0, "size": 4, "waiting": 0.0, "waiting_now": 0}
    assert summary["database"]["pool"] == pool | {"wait_ms": None}
    assert summary["redis"]["hit_rate"] is None
    assert summary["llm"]["latency_ms"] is None
    assert summary["llm"]["size"] == 8
    assert summary["rate_limits"]["rejections"] == {"global": 0, "user": 0, "plan": 0, "quota": 0}
    assert 0 <= summary["process"]["cpu"] <= 2


def test_the_summary_shows_a_saturated_pool_at_its_size_with_a_queue() -> None:
    with serving(db_time=0.05, db_cv=0.0, summary_window=0.4) as port:
        summary = asyncio.run(_summary_under_load(port, clients=10, seconds=2.0))
    pool = summary["database"]["pool"]
    assert (pool["in_use"], pool["size"]) == (pytest.approx(4.0, abs=0.1), 4)
    assert pool["waiting"] == pytest.approx(6.0, abs=0.5)
    # With 10 clients and 4 servers a query of 50 ms waits another 75 ms.
    assert pool["wait_ms"] == pytest.approx(75, abs=10)
    assert summary["llm"]["in_flight"] == 0


def test_the_hit_rate_is_that_of_the_settings() -> None:
    with serving(summary_window=30.0) as port, client_of(port) as client:
        member = sign_in(client)
        sent = client.post("/v1/chat/messages", json={"text": "Hi"}, headers=member)
        path = f"/v1/chat/conversations/{sent.json()['conversation_id']}"
        for _ in range(60):
            client.get(path, headers=member)
        assert _summary(client)["redis"]["hit_rate"] == pytest.approx(0.9, abs=0.02)


def test_a_reset_empties_the_state_but_keeps_users_signed_in() -> None:
    with serving(b2b_rate=1.0, b2b_burst=1) as port, client_of(port) as client:
        member = sign_in(client)
        sent = client.post("/v1/chat/messages", json={"text": "Hi"}, headers=member)
        path = f"/v1/chat/conversations/{sent.json()['conversation_id']}"
        quotes = [client.get("/v1/b2b/quote", headers=PARTNER) for _ in range(2)]
        assert [quote.status_code for quote in quotes] == [200, 429]
        assert client.post("/v1/ops/reset", headers=OPS).status_code == 200
        assert client.get(path, headers=member).status_code == 404
        assert client.get("/v1/b2b/quote", headers=PARTNER).status_code == 200
        assert _summary(client)["rate_limits"]["rejections_total"]["plan"] == 0


def test_metrics_are_prometheus_text() -> None:
    with serving() as port, client_of(port) as client:
        client.get("/v1/billing/usage", headers=sign_in(client))
        answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert "# TYPE headroom_target_requests_total counter" in lines
    usage = 'method="GET",route="/v1/billing/usage",status="200"'
    assert f"headroom_target_requests_total{{{usage}}} 1" in lines
    assert 'headroom_target_pool_size{pool="database"} 4' in lines
    assert 'headroom_target_rejections_total{scope="plan"} 0' in lines


def test_unknown_paths_and_methods_are_told_apart(client: httpx.Client) -> None:
    assert client.get("/v1/nothing").status_code == 404
    wrong = client.post("/v1/billing/usage")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")
    assert client.get("/").status_code == 200
    head = client.head("/healthz")
    assert (head.status_code, head.content) == (200, b"")


# HTTP as bytes


def exchange_bytes(port: int, sent: bytes) -> bytes:
    """What comes back until the server closes; `sent` should ask it to."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_pipelined_requests_are_answered_in_order_whatever_they_take() -> None:
    slow = b"GET /v1/billing/usage HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %b\r\n\r\n"
    fast = b"GET /nothing-%d HTTP/1.1\r\nHost: t\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
    with serving(db_time=0.05) as port:
        with client_of(port) as client:
            token = sign_in(client)["Authorization"].removeprefix("Bearer ").encode()
        answer = exchange_bytes(port, (slow % token) + fast % 1 + fast % 2 + last)
    bodies = [answer.find(part) for part in (b'"period"', b"nothing-1", b"nothing-2", b'"ok"')]
    assert -1 not in bodies
    assert bodies == sorted(bodies)


def test_hundreds_of_requests_sent_ahead_are_all_answered() -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"
    with serving() as port:
        assert exchange_bytes(port, one * 499 + last).count(b"HTTP/1.1 200 OK") == 500


def test_a_connection_is_kept_for_the_next_request(client: httpx.Client) -> None:
    port = client.base_url.port
    assert port is not None
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_request_in_small_pieces_is_one_request(client: httpx.Client) -> None:
    port = client.base_url.port
    assert port is not None
    body = b'{"email":"a@example.test","password":"load-test-password"}'
    sent = b"POST /v1/auth/login HTTP/1.1\r\nConnection: close\r\n"
    sent += b"Content-Length: %d\r\n\r\n" % len(body) + body
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(sent), 7):
            connection.sendall(sent[i : i + 7])
            time.sleep(0.001)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_http_10_gets_its_connection_kept_only_when_it_asks(client: httpx.Client) -> None:
    port = client.base_url.port
    assert port is not None
    closed = exchange_bytes(port, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in closed
    kept = b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
    answer = exchange_bytes(port, kept + b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.count(b"200 OK") == 2
    assert b"Connection: keep-alive" in answer


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"this is not HTTP\r\n\r\n", b"400 Bad Request"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"431 Request Header"),
        (b"POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 1_500_000, b"413 "),
    ],
    ids=["not HTTP", "a huge header", "a huge body"],
)  # fmt: skip
def test_what_cannot_be_taken_is_refused_and_the_connection_closed(
    client: httpx.Client, sent: bytes, status: bytes
) -> None:
    port = client.base_url.port
    assert port is not None
    answer = exchange_bytes(port, sent)
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer


# Capacity


async def _request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes
) -> tuple[int, str]:
    """Status and head of the answer to one request on a kept connection."""
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(line for line in head.split("\r\n") if line.startswith("Content-Length"))
    await reader.readexactly(int(length.split(":")[1]))
    return int(head.split()[1]), head


def _bytes_of(method: str, path: str, body: str, token: str) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token}\r\n"
    head += f"X-API-Key: demo-partner-key\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


async def _token(port: int) -> str:
    async with httpx.AsyncClient(trust_env=False) as client:
        body = {"email": "load-1@example.test", "password": "load-test-password"}
        answer = await client.post(f"http://127.0.0.1:{port}/v1/auth/login", json=body)
        return str(answer.json()["access_token"])


async def _at_once(
    port: int, method: str, path: str, body: str, clients: int
) -> list[tuple[int, str]]:
    sent = _bytes_of(method, path, body, await _token(port))

    async def one() -> tuple[int, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = await _request(reader, writer, sent)
        writer.close()
        await writer.wait_closed()
        return answer

    return list(await asyncio.gather(*(one() for _ in range(clients))))


async def _saturate(port: int, method: str, path: str, clients: int, seconds: float) -> list[float]:
    """The times of the answers expected of `clients` that ask again as soon as they have one."""
    sent = _bytes_of(method, path, '{"text":"Hi"}', await _token(port))
    until = time.monotonic() + seconds
    times: list[float] = []

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.monotonic() < until:
            status, _ = await _request(reader, writer, sent)
            if status == 200:
                times.append(time.monotonic())
            else:
                await asyncio.sleep(0.002)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask() for _ in range(clients)))
    return sorted(times)


async def _summary_under_load(port: int, clients: int, seconds: float) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        # Made first, which takes a while: the look is to fall well inside of the load.
        async with httpx.AsyncClient(trust_env=False, headers=OPS) as client:
            await asyncio.sleep(seconds * 0.6)
            path = "/v1/ops/monitoring/operational-summary"
            return dict((await client.get(f"http://127.0.0.1:{port}{path}")).json())

    load = _saturate(port, "GET", "/v1/billing/usage", clients, seconds)
    summary, _ = await asyncio.gather(look(), load)
    return dict(summary)


# Queues of a few ms instead of the defaults', so that a second and a half holds enough jobs.
@pytest.mark.parametrize(
    ("flow", "method", "path", "settings"),
    [
        ("billing", "GET", "/v1/billing/usage", {"db_pool": 4, "db_time": 0.0054}),
        ("billing", "GET", "/v1/billing/usage", {"db_pool": 8, "db_time": 0.0108, "db_cv": 0.5}),
        ("chat", "POST", "/v1/chat/messages", {"llm_pool": 8, "llm_time": 0.010}),
        ("b2b", "GET", "/v1/b2b/quote", {"b2b_rate": 200.0, "b2b_burst": 20}),
    ],
    ids=["4 connections", "8 connections, varied", "LLM slots", "plan limit"],
)
def test_a_saturated_flow_gives_what_the_truth_says(
    flow: str, method: str, path: str, settings: dict[str, Any]
) -> None:
    truths = truth.of(TargetSettings(**settings), users=50)
    capacity_jps = next(one.binding.capacity_jps for one in truths if one.flow == flow)
    with serving(**settings) as port:
        times = asyncio.run(_saturate(port, method, path, clients=16, seconds=1.5))
    steady = [t for t in times if t > times[0] + 0.1]
    measured = (len(steady) - 1) / (steady[-1] - steady[0])
    assert measured == pytest.approx(capacity_jps, rel=0.04)
