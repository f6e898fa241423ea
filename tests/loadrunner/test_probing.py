"""Probes of a target whose figures cannot be read: each is a reading that says why."""

import asyncio

import httpx
import pytest

from loadrunner.campaign.model import ProbePlan
from loadrunner.probing import Prober, Reading
from runs.analysis.plan import ProbeMetric
from tests.loadrunner.fault_server import FaultServer, Reply, endless, sends

PROBE = ProbePlan("ops", "/ops", (ProbeMetric("used"),), {"used": "$.used"})


def reading_of(reply: Reply) -> Reading:
    async def read(url: str) -> Reading:
        async with httpx.AsyncClient(base_url=url, timeout=0.5) as session:
            (found,) = await Prober((PROBE,), session, lambda _: {}).read_all()
            return found

    with FaultServer({"/ops": reply}) as server:
        return asyncio.run(read(server.url))


def answer(body: bytes) -> Reply:
    return sends(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer('{"used": "ü"}'.encode("latin-1")), "the answer is not JSON"),
        (answer(b"["), "the answer is not JSON"),
        (answer(b"[" * 100_000 + b"]" * 100_000), "the answer's JSON is nested too deeply"),
        (endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 100), "no whole answer within 0.5 s"),
        (answer(b'{"used": "3"}'), "no number for used"),
    ],
    ids=["latin-1", "cut", "deep", "endless", "text"],
)
def test_a_reading_that_fails_says_why(reply: Reply, error: str) -> None:
    found = reading_of(reply)
    assert (found.error, found.values) == (error, {})


def test_a_reading_that_is_one() -> None:
    found = reading_of(answer(b'{"used": 3}'))
    assert (found.error, found.values) == (None, {"used": 3.0})
