"""Abort rules: how they read, what they look at, and a real run that one of them ends."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

from loadrunner.campaign.abort import of_those
from loadrunner.campaign.model import AbortRule, Scenario
from loadrunner.engine import record
from loadrunner.engine.brakes import Brakes
from loadrunner.errors import CampaignError
from runs.analysis.outcomes import OUTCOMES
from tests.loadrunner.campaign_files import SHOP, read
from tests.loadrunner.campaigns import at_rate, step
from tests.loadrunner.fault_server import OK, FaultServer, sends
from tests.loadrunner.processes import loadrunner
from tests.loadrunner.runs_on_disk import at_rate as at_rate_text
from tests.loadrunner.runs_on_disk import manifest_of, samples_of, written

SECOND = 1_000_000
CHAT = (("chat", "send"), ("chat", "read"))


@pytest.mark.parametrize(
    ("text", "statistic", "steps", "limit", "window_s", "or_equal"),
    [
        ("error_rate(*) > 50% for 10s", "error_rate", CHAT, 0.5, 10.0, False),
        ("rate_5xx(chat) >= 5% for 1m30s", "rate_5xx", CHAT, 0.05, 90.0, True),
        ("p95(chat/read) > 2s for 5s", "p95", (("chat", "read"),), 2000.0, 5.0, False),
        ("drop_rate(*/send) > 0% for 1s", "drop_rate", (("chat", "send"),), 0.0, 1.0, False),
        ("refusal_rate(*)>10%  for  2s", "refusal_rate", CHAT, 0.1, 2.0, False),
    ],
)
def test_a_rule_reads_as_it_is_written(
    tmp_path: Path,
    text: str,
    statistic: str,
    steps: tuple[tuple[str, str], ...],
    limit: float,
    window_s: float,
    or_equal: bool,
) -> None:
    (rule,) = read(tmp_path, f"{SHOP}abort: ['{text}']\n").abort
    found = (rule.statistic, rule.steps, rule.limit, rule.window_s, rule.or_equal)
    assert found == (statistic, steps, limit, window_s, or_equal)
    assert rule.text == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("error_rate(*) > 50%", "a rule without 'for DURATION'; allowed: such as error_rate(*)"),
        ("error_rate(*) > 50% for ten", "found 'ten', allowed: a number with us, ms, s, m or h"),
        ("error_rate(*) > 50% for 100ms", "for 100ms; allowed: from 1s to 10m"),
        ("error_rate(*) < 50% for 10s", "the operator <; allowed: > and >="),
        ("p99(*) > 1s for 10s", "the statistic p99; allowed: error_rate, rate_5xx, refusal_rate"),
        (
            "error_rate(chart) > 5% for 10s",
            "the scenario 'chart', which is not there; allowed: chat",
        ),
        (
            "error_rate(chat/sent) > 5% for 9s",
            "the step 'sent', which is not there; allowed: send,",
        ),
        ("error_rate(*@plateau) > 5% for 9s", "the phase plateau; allowed: no phase"),
        ("error_rate(*) > baseline for 9s", "a limit relative to a baseline"),
        ("p95(*) > 2 for 9s", "in column 10: found 2 without a unit."),
        ("errors(*) > 5% for 9s", "the statistic errors; allowed: error_rate, rate_5xx,"),
        ("not error_rate(*) > 2% for 9s", "several conditions; allowed: one a rule"),
    ],
)
def test_a_rule_that_is_wrong_is_told_with_its_line_and_what_is_allowed(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(CampaignError) as caught:
        read(tmp_path, f"{SHOP}abort: ['{text}']\n")
    assert f"line 32, key abort[0]: found '{text}', " in str(caught.value)
    assert told in str(caught.value)


def test_a_rule_about_scenarios_that_are_left_out_goes_with_them() -> None:
    rule = AbortRule("error_rate(*) > 5% for 9s", "error_rate", (("a", "x"), ("b", "y")), 0.05, 9.0)
    b, c = (Scenario(name, (step("/", name="y"),), (at_rate(1),)) for name in ("b", "c"))
    assert [one.steps for one in of_those([rule], [b, c])] == [(("b", "y"),)]
    assert of_those([rule], [c]) == ()


def packed(*outcomes: str, status: int = 200, took_ms: float = 10.0, attempt: int = 1) -> bytes:
    """Records of the first step, one an outcome, as a worker packs them."""
    rows = np.zeros(len(outcomes), record.DTYPE)
    rows["outcome"] = [OUTCOMES.index(outcome) for outcome in outcomes]
    rows["status"], rows["attempt"] = status, attempt
    rows["ended_us"] = round(took_ms * 1000)
    return rows.tobytes()


def brakes(text: str, folder: Path) -> Brakes:
    plan = read(folder, f"{SHOP}abort: ['{text}']\n")
    return Brakes(plan, CHAT, ())


@pytest.mark.parametrize(
    ("rule", "records", "reason"),
    [
        (
            "error_rate(*) > 50% for 2s",
            packed(*["timeout"] * 8, *["ok"] * 4),
            "error_rate of chat/send was 66.7 % over the last 2 s (8 of 12 requests).",
        ),
        # Half is not more than half.
        ("error_rate(*) > 50% for 2s", packed(*["server_error"] * 6, *["ok"] * 6), None),
        (
            "error_rate(*) >= 50% for 2s",
            packed(*["server_error"] * 6, *["ok"] * 6),
            "error_rate of chat/send was 50 % over the last 2 s (6 of 12 requests).",
        ),
        # Refusals are how a service protects itself, and no errors.
        ("error_rate(*) > 0% for 2s", packed(*["refused"] * 50, status=429), None),
        (
            "refusal_rate(*) > 90% for 2s",
            packed(*["refused"] * 50, status=429),
            "refusal_rate of chat/send was 100 % over the last 2 s (50 of 50 requests).",
        ),
        # A 503 with Retry-After is a refusal, not a 5xx.
        ("rate_5xx(*) > 0% for 2s", packed(*["refused"] * 50, status=503), None),
        (
            "rate_5xx(*) > 5% for 2s",
            packed(*["server_error"] * 20, status=500),
            "rate_5xx of chat/send was 100 % over the last 2 s (20 of 20 requests).",
        ),
        (
            "drop_rate(*) > 5% for 2s",
            packed(*["dropped"] * 5, *["ok"] * 15),
            "drop_rate of chat/send was 25 % over the last 2 s (5 of 20 requests).",
        ),
        (
            "p95(*) > 200ms for 2s",
            packed(*["ok"] * 20, took_ms=300.0),
            "p95 of chat/send was 300 ms over the last 2 s (20 requests).",
        ),
        (
            "p95(*) > 2s for 2s",
            packed(*["ok"] * 18, *["timeout"] * 2),
            "p95 of chat/send was beyond every time, among requests without their expected"
            " answer, over the last 2 s (20 requests).",
        ),
        ("p95(*) > 200ms for 2s", packed(*["ok"] * 20, took_ms=200.0), None),
        # Too few to say anything.
        ("error_rate(*) > 50% for 2s", packed(*["timeout"] * 9), None),
        ("p95(*) > 200ms for 2s", packed(*["timeout"] * 19), None),
        # Retries are not judged.
        ("error_rate(*) > 50% for 2s", packed(*["timeout"] * 50, attempt=2), None),
    ],
)
def test_a_rule_looks_at_what_came_in_its_window(
    tmp_path: Path, rule: str, records: bytes, reason: str | None
) -> None:
    watched = brakes(rule, tmp_path)
    watched.add(records, 2 * SECOND)
    stop = watched.look(3 * SECOND)
    assert (stop.reason if stop else None) == (
        None if reason is None else f"The abort rule '{rule}' was met: {reason}"
    )
    piecemeal = brakes(rule, tmp_path)
    for number, at in enumerate(range(0, len(records), record.RECORD.size)):
        piecemeal.add(records[at:][: record.RECORD.size], 2 * SECOND + 4_000 * number)
    assert piecemeal.look(3 * SECOND) == stop


def test_a_rule_waits_until_its_window_is_full_and_forgets_what_is_older(tmp_path: Path) -> None:
    watched = brakes("error_rate(*) > 50% for 10s", tmp_path)
    watched.add(packed(*["timeout"] * 50), SECOND)
    assert watched.look(9 * SECOND) is None
    assert watched.look(10 * SECOND) is not None
    assert watched.look(11 * SECOND + 1) is None


def test_after_the_last_phase_no_rule_ends_what_ends_by_itself(tmp_path: Path) -> None:
    watched = brakes("error_rate(*) > 50% for 2s", tmp_path)
    watched.add(packed(*["timeout"] * 50), 30 * SECOND)
    assert watched.look(29 * SECOND) is not None
    assert watched.look(30 * SECOND) is None


@pytest.mark.journey
def test_a_service_that_fails_ends_the_run_with_5_and_the_report_says_which_rule(
    tmp_path: Path,
) -> None:
    broken = sends(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
    rules = 'abort: ["refusal_rate(*) > 1% for 1s", "error_rate(*) > 50% for 1s"]'
    out = tmp_path / "spool"
    with FaultServer({"/": broken}) as server:
        file = written(tmp_path, server.url, at_rate_text(40, "60s"), more=rules)
        began_s = time.monotonic()
        done = loadrunner("run", file, "--out", out)
    assert done.returncode == 5, done.stdout + done.stderr
    assert time.monotonic() - began_s < 20
    told = "The abort rule 'error_rate(*) > 50% for 1s' was met: error_rate of flow/get was 100 %"
    assert f"loadrunner: The run was stopped. {told}" in done.stderr
    manifest = manifest_of(out)
    assert manifest["state"] == "interrupted"
    assert manifest["aborted"].startswith(told)
    assert samples_of(out).height >= 40
    report = json.loads(loadrunner("report", out, "--format", "json").stdout)
    (aborted,) = [one for one in report["validity"]["reasons"] if one["code"] == "aborted"]
    assert aborted["detail"].startswith(told)


@pytest.mark.journey
def test_a_service_that_refuses_is_not_failing(tmp_path: Path) -> None:
    refusing = sends(b"HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n")
    rules = 'abort: ["error_rate(*) > 1% for 1s"]'
    with FaultServer({"/": refusing, "/ok": sends(OK)}) as server:
        file = written(tmp_path, server.url, at_rate_text(40, "3s"), more=rules)
        done = loadrunner("run", file, "--out", tmp_path / "spool")
    assert done.returncode == 0, done.stdout + done.stderr
    assert manifest_of(tmp_path / "spool")["state"] == "complete"
