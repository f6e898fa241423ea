"""Every figure of a series row, on samples that can be worked out by hand, and once against a
plain computation that shares no line with the real one."""

import math
import random
from fractions import Fraction
from typing import Any

import polars as pl
import pytest

from runs.analysis import series
from runs.analysis.outcomes import OUTCOMES
from runs.analysis.plan import Phase, Plan
from runs.analysis.run_data import RunData, RunInfo
from runs.analysis.series import Series
from runs.formats import health, samples

SECOND = 1_000_000
READINGS = {"t_us": pl.Int64, "probe": pl.String, "metric": pl.String, "value": pl.Float64}
PLATEAU = Phase("chat", "plateau", 0, 10 * SECOND, rate_from=1.0, rate_to=1.0)


def sample(due_s: float, took_ms: float, outcome: str = "ok", **more: Any) -> dict[str, Any]:
    """A request that started when it was due, unless `late_ms` says by how much it did not."""
    due_us = round(due_s * SECOND)
    started_us = due_us + round(more.pop("late_ms", 0) * 1000)
    status = {"ok": 200, "refused": 429, "client_error": 404, "server_error": 500}.get(outcome)
    return {
        "scenario": "chat",
        "step": "send",
        "phase": "plateau",
        "due_us": due_us,
        "due_by": "plan",
        "started_us": started_us,
        "ended_us": due_us + round(took_ms * 1000),
        "outcome": outcome,
        "status": status,
        **more,
    }


def run(*rows: dict[str, Any], phases: tuple[Phase, ...] = (PLATEAU,)) -> RunData:
    return RunData(
        info=RunInfo("6e0ad8b0-0000-4000-8000-000000000001", "test", None, None),
        plan=Plan(phases),
        samples=pl.DataFrame(rows, schema=samples.SCHEMA),
        readings=pl.DataFrame(schema=READINGS),
        health=health.empty(),
    )


def only(data: RunData) -> Series:
    """The one judged row of a run with one scenario, step and phase."""
    (row,) = [one for one in series.rows(data) if not one.pooled]
    return row


def find(data: RunData, scenario: str | None, step: str | None, phase: str | None) -> Series:
    (row,) = [
        one
        for one in series.rows(data)
        if (one.scenario, one.step, one.phase) == (scenario, step, phase)
    ]
    return row


ONE_OF_EACH = run(
    sample(0, 10),
    sample(1, 20),
    sample(2, 5, "refused"),
    sample(3, 5, "client_error"),
    sample(4, 5, "server_error"),
    sample(5, 900, "timeout"),
    sample(6, 5, "connection_error"),
    sample(7, 5, "check_failed", status=200),
    sample(8, 900, "cut"),
    sample(9, 0, "dropped"),
    sample(9.5, 0, "generator_error"),
)


def test_outcomes_are_counted_with_their_zeros_and_statuses_without() -> None:
    row = only(run(sample(0, 10), sample(1, 20), sample(2, 5, "refused")))

    assert row.count == 3
    assert row.outcomes == {
        "dropped": 0,
        "generator_error": 0,
        "connection_error": 0,
        "timeout": 0,
        "cut": 0,
        "refused": 1,
        "client_error": 0,
        "server_error": 0,
        "check_failed": 0,
        "ok": 2,
    }
    assert row.statuses == {"200": 2, "429": 1}


def test_rates_are_shares_of_what_was_judged_or_due() -> None:
    row = only(ONE_OF_EACH)

    assert row.count == 11  # drops included
    assert row.error_rate == 5 / 8  # judged: 11 less dropped, generator_error and cut
    assert row.refusal_rate == 1 / 8
    assert row.rate_4xx == 1 / 8
    assert row.rate_5xx == 1 / 8
    assert row.drop_rate == 1 / 11
    assert row.retry_rate == 0.0


def test_throughput_counts_answers_and_goodput_expected_ones() -> None:
    row = only(ONE_OF_EACH)

    assert row.offered_rps == 11 / 10
    assert row.throughput_rps == 6 / 10  # ok ok refused client_error server_error check_failed
    assert row.goodput_rps == 2 / 10


def test_a_declared_4xx_counts_neither_as_an_error_nor_as_4xx() -> None:
    row = only(
        run(
            sample(0, 10, status=409),  # in the step's `expect`
            sample(1, 10, "refused", status=402),  # in its `refusals`
            sample(2, 10, "check_failed", status=404),  # expected, but its check failed
            sample(3, 10, "client_error", status=400),
        )
    )

    assert row.rate_4xx == 1 / 4
    assert row.error_rate == 2 / 4
    assert row.statuses == {"400": 1, "402": 1, "404": 1, "409": 1}


def test_what_got_no_expected_answer_ranks_above_every_finite_time() -> None:
    fast_failure = sample(9, 1, "server_error")
    row = only(run(*(sample(n, 100 + n) for n in range(9)), fast_failure))

    assert row.response_ms.p50 == 104.0  # the 5th of 10
    assert row.response_ms.p90 == 108.0  # the 9th
    assert row.response_ms.p95 is None  # the 10th is the failure
    assert row.response_ms.unanswered == 1 / 10
    assert row.ok_ms.p95 == 108.0  # of the expected answers alone
    assert row.all_ms.min == 1.0


def test_the_headline_leaves_out_refusals_and_the_generators_own_errors() -> None:
    row = only(run(sample(0, 100), sample(1, 1, "refused"), sample(2, 0, "generator_error")))

    assert row.response_ms.unanswered == 0.0
    assert row.response_ms.p99_9 == 100.0


def test_what_was_dropped_or_cut_counts_as_unanswered() -> None:
    row = only(run(sample(0, 100), sample(1, 0, "dropped"), sample(2, 700, "cut")))

    assert row.response_ms.unanswered == 2 / 3
    assert row.response_ms.p50 is None
    assert row.all_ms.max == 700.0  # the cut one was sent, the dropped one was not


def test_response_time_counts_from_when_it_was_due_and_service_time_from_the_start() -> None:
    row = only(run(sample(0, 300, late_ms=200)))

    assert row.response_ms.p50 == 300.0
    assert row.ok_ms.p50 == 300.0
    assert row.service_ms.p50 == 100.0
    assert row.dispatch_delay_ms.p50 == 200.0


def test_dispatch_delay_is_that_of_everything_due_that_was_sent() -> None:
    row = only(
        run(
            sample(0, 300, late_ms=1),
            sample(1, 300, late_ms=90, due_by="previous"),
            sample(2, 0, "dropped", late_ms=500),
        )
    )

    assert (row.dispatch_delay_ms.min, row.dispatch_delay_ms.max) == (1.0, 90.0)


def test_a_due_time_without_its_reason_counts_as_planned() -> None:
    row = only(run(sample(0, 300, late_ms=2, due_by=None)))

    assert row.dispatch_delay_ms.p50 == 2.0


def test_where_nothing_was_due_the_response_time_counts_from_the_start() -> None:
    row = only(run(sample(0, 300, late_ms=200, due_us=None, due_by=None)))

    assert row.response_ms.p50 == 100.0
    assert row.dispatch_delay_ms.p50 is None


def test_the_warm_up_is_left_out_of_what_was_due_and_of_the_length() -> None:
    phase = Phase("chat", "plateau", 0, 10 * SECOND, warm_up_us=2 * SECOND)
    row = only(run(sample(1.9, 500), sample(2, 100), sample(9, 100), phases=(phase,)))

    assert row.window_us == (2 * SECOND, 10 * SECOND)
    assert row.count == 2
    assert row.offered_rps == 2 / 8
    # The first was due in the warm-up and answered in the window: whenever it was due.
    assert row.throughput_rps == row.goodput_rps == 3 / 8


def test_an_answer_counts_for_the_phase_in_which_it_came() -> None:
    spike = Phase("chat", "spike", 10 * SECOND, 12 * SECOND)
    data = run(
        sample(9.5, 500),  # comes at 10 s sharp, which is the spike's
        sample(11, 1000, phase="spike"),  # comes at 12 s sharp, after the spike
        sample(11, 999, phase="spike"),
        phases=(PLATEAU, spike),
    )

    assert find(data, "chat", "send", "plateau").goodput_rps == 0.0
    assert find(data, "chat", "send", "spike").goodput_rps == 2 / 2
    assert find(data, "chat", "send", "spike").count == 2
    assert find(data, "chat", "send", None).goodput_rps == 2 / 12


def test_retries_have_a_rate_of_their_own_and_count_nowhere_else() -> None:
    row = only(
        run(
            sample(0, 10, "refused", attempt=1),
            sample(1, 10, attempt=2),
            sample(2, 20, attempt=1),
            sample(3, 30),  # no attempt said: the first
        )
    )

    assert row.count == 3
    assert row.retry_rate == 1 / 3
    assert row.goodput_rps == 2 / 10
    assert row.ok_ms.min == 20.0


def test_the_first_token_is_null_without_a_stream() -> None:
    assert only(run(sample(0, 10))).first_token_ms is None

    row = only(run(sample(1, 900, first_token_us=1_250_000), sample(2, 10)))
    assert row.first_token_ms is not None
    assert row.first_token_ms.p50 == 250.0


def test_times_are_kept_apart_by_class_of_status() -> None:
    row = only(run(sample(0, 10), sample(1, 30), sample(2, 2, "server_error", status=503)))

    assert list(row.by_class) == ["2xx", "5xx"]
    assert (row.by_class["2xx"].count, row.by_class["2xx"].p95) == (2, 30.0)
    assert (row.by_class["5xx"].count, row.by_class["5xx"].p50) == (1, 2.0)


def test_percentiles_with_fewer_than_ten_samples_beyond_them_are_named() -> None:
    row = only(run(*(sample(n / 100, 10) for n in range(200))))

    assert row.response_ms.few == ("p99", "p99_9")
    assert row.response_ms.p99_9 == 10.0  # the figure stands all the same


def test_intervals_stand_around_the_headline_percentiles() -> None:
    data = run(*(sample(n / 100, 10 + n % 50) for n in range(1000)))
    row = only(data)

    assert list(row.response_ms.ci) == ["p50", "p95", "p99"]
    low, high = row.response_ms.ci["p95"] or (None, None)
    assert low is not None
    assert high is not None
    assert row.response_ms.p95 is not None
    assert low < row.response_ms.p95 < high


def test_a_run_without_samples_has_rows_of_nothing_and_no_zero_where_nothing_is_known() -> None:
    row = find(run(), "chat", None, "plateau")

    assert row.count == 0
    assert row.offered_rps == 0.0
    assert row.error_rate is None
    assert row.response_ms.p50 is None
    assert row.response_ms.unanswered is None
    assert series.rows(run(phases=())) == ()


def test_a_step_that_was_never_sent_in_a_phase_has_a_row_that_says_so() -> None:
    spike = Phase("chat", "spike", 10 * SECOND, 12 * SECOND)
    row = find(run(sample(0, 10), phases=(PLATEAU, spike)), "chat", "send", "spike")

    assert (row.count, row.pooled, row.error_rate) == (0, False, None)


def test_pooled_rows_add_up_and_are_marked() -> None:
    phases = (
        PLATEAU,
        Phase("chat", "spike", 10 * SECOND, 20 * SECOND),
        Phase("billing", "plateau", 0, 10 * SECOND),
    )
    data = run(
        sample(0, 10),
        sample(1, 20, step="history"),
        sample(11, 30, phase="spike"),
        sample(2, 40, scenario="billing", step="usage"),
        phases=phases,
    )
    rows = {(one.scenario, one.step, one.phase): one for one in series.rows(data)}

    assert rows["chat", None, "plateau"].count == 2
    assert rows["chat", "send", None].count == 2
    assert rows["chat", None, None].count == 3
    assert rows[None, None, None].count == 4
    assert rows[None, None, None].ok_ms.max == 40.0
    assert rows[None, None, None].offered_rps == 4 / 20
    assert rows["billing", None, None].offered_rps == 1 / 10
    assert all(row.pooled == (None in names) for names, row in rows.items())


def test_rows_come_in_the_plans_order_and_steps_in_the_order_they_ran() -> None:
    phases = (PLATEAU, Phase("auth", "plateau", 0, 10 * SECOND))
    data = run(
        sample(3, 10, scenario="auth", step="login"),
        sample(2, 10, step="history"),
        sample(1, 10, step="send"),
        phases=phases,
    )

    judged = [(one.scenario, one.step) for one in series.rows(data) if not one.pooled]
    assert judged == [("chat", "send"), ("chat", "history"), ("auth", "login")]


def test_a_phase_that_only_the_samples_name_lasts_from_its_first_to_its_last_sample() -> None:
    row = only(run(sample(2, 500), sample(3.5, 500), phases=()))

    assert row.window_us == (2 * SECOND, 4 * SECOND + 1)
    assert row.model is None


def test_a_closed_load_says_so() -> None:
    closed = Phase("chat", "plateau", 0, 10 * SECOND, model="closed", users=5)

    assert only(run(sample(0, 10), phases=(closed,))).model == "closed"


def test_only_the_required_columns_have_to_be_there() -> None:
    data = run(sample(0, 100), sample(1, 300))
    bare = RunData(
        data.info, data.plan, data.samples.select(samples.REQUIRED), data.readings, data.health
    )

    row = only(bare)
    assert (row.count, row.statuses, row.retry_rate) == (2, {}, 0.0)
    assert row.response_ms.p50 == 100.0


def test_the_order_of_the_samples_does_not_matter() -> None:
    rows = [sample(n / 50, 10 + n * 7 % 90, step=f"s{n % 3}") for n in range(400)]
    shuffled = random.Random(4).sample(rows, len(rows))

    assert series.rows(run(*rows)) == series.rows(run(*shuffled))


@pytest.mark.parametrize("seed", range(5))
def test_every_figure_agrees_with_a_plain_computation(seed: int) -> None:
    data, rows, phases = randomised(seed)
    for row in series.rows(data):
        if row.scenario is not None and row.step is not None and row.phase is not None:
            assert dumped(row) == plainly(rows, phases[row.scenario, row.phase], row)


def randomised(
    seed: int,
) -> tuple[RunData, list[dict[str, Any]], dict[tuple[str, str], Phase]]:
    """Two scenarios, two steps, three phases, every outcome, retries, warm-ups, gaps."""
    draw = random.Random(seed)
    phases = [
        Phase(name, phase, start * SECOND, end * SECOND, warm_up_us=warm_up * SECOND)
        for name in ("chat", "billing")
        for phase, start, end, warm_up in (("up", 0, 5, 0), ("flat", 5, 20, 3), ("top", 20, 24, 1))
    ]
    rows = []
    for _ in range(3000):
        phase = draw.choice(phases)
        due_us = draw.randrange(phase.start_us, phase.end_us)
        outcome = draw.choice((*OUTCOMES, *["ok"] * 20))
        rows.append(
            {
                "scenario": phase.scenario,
                "step": draw.choice(("first", "second")),
                "phase": phase.phase,
                "attempt": draw.choice((1, 1, 1, 2, None)),
                "due_us": None if draw.random() < 0.05 else due_us,
                "due_by": draw.choice(("plan", "previous")),
                "started_us": due_us + draw.randrange(5000),
                "ended_us": due_us + 5000 + int(draw.expovariate(1 / 80_000)),
                "outcome": outcome,
                "status": draw.choice((200, 201, 404, 429, 500, 503, None)),
                "first_token_us": draw.choice((None, due_us + 6000)),
            }
        )
    return run(*rows, phases=tuple(phases)), rows, {(p.scenario, p.phase): p for p in phases}


def dumped(row: Series) -> dict[str, Any]:
    """The figures of a row that the plain computation knows, in its form."""
    response = row.response_ms
    return {
        "count": row.count,
        "outcomes": row.outcomes,
        "statuses": row.statuses,
        "rates": [
            row.offered_rps,
            row.throughput_rps,
            row.goodput_rps,
            row.error_rate,
            row.refusal_rate,
            row.rate_4xx,
            row.rate_5xx,
            row.drop_rate,
            row.retry_rate,
        ],
        "response": [getattr(response, name) for name in PERCENTILES],
        "unanswered": response.unanswered,
        "few": list(response.few),
        "ok": spread_of(row.ok_ms),
        "service": spread_of(row.service_ms),
        "all": spread_of(row.all_ms),
        "token": spread_of(row.first_token_ms),
        "delay": spread_of(row.dispatch_delay_ms),
        "classes": {
            name: [one.count, one.p50, one.p95, one.p99] for name, one in row.by_class.items()
        },
    }


PERCENTILES = {
    "p50": Fraction(1, 2),
    "p90": Fraction(9, 10),
    "p95": Fraction(95, 100),
    "p99": Fraction(99, 100),
    "p99_9": Fraction(999, 1000),
}


def spread_of(spread: Any) -> list[float | None] | None:
    if spread is None:
        return None
    return [getattr(spread, name) for name in ("min", "mean", *PERCENTILES, "max")]


def plainly(rows: list[dict[str, Any]], phase: Phase, row: Series) -> dict[str, Any]:
    start, end = phase.start_us + phase.warm_up_us, phase.end_us
    seconds = (end - start) / 1e6
    mine = [one for one in rows if (one["scenario"], one["step"]) == (row.scenario, row.step)]
    first = [one for one in mine if one["attempt"] in (1, None)]

    def due(one: dict[str, Any]) -> int:
        return int(one["started_us"] if one["due_us"] is None else one["due_us"])

    def judged(one: dict[str, Any]) -> bool:
        return one["phase"] == row.phase and due(one) >= start

    here = [one for one in first if judged(one)]
    retries = [one for one in mine if one["attempt"] == 2 and judged(one)]
    came = [one for one in first if start <= one["ended_us"] < end]
    answered = ("refused", "client_error", "server_error", "check_failed", "ok")

    def of(*outcomes: str) -> list[dict[str, Any]]:
        return [one for one in here if one["outcome"] in outcomes]

    def response(ones: list[dict[str, Any]]) -> list[int]:
        return [one["ended_us"] - due(one) for one in ones]

    sent = [one for one in here if one["outcome"] not in ("dropped", "generator_error")]
    judged_count = len([one for one in sent if one["outcome"] != "cut"])
    failures = ("client_error", "server_error", "timeout", "connection_error")
    by_class = [
        len([one for one in of(*failures) if (one["status"] or 0) // 100 == n]) for n in (4, 5)
    ]
    ranked = [one for one in here if one["outcome"] not in ("refused", "generator_error")]
    times = sorted(
        one["ended_us"] - due(one) if one["outcome"] == "ok" else math.inf for one in ranked
    )
    statuses = sorted(one["status"] for one in here if one["status"] is not None)
    tokens = [one for one in of("ok") if one["first_token_us"] is not None]
    return {
        "count": len(here),
        "outcomes": {name: len(of(name)) for name in OUTCOMES},
        "statuses": {str(one): statuses.count(one) for one in statuses},
        "rates": [
            len(here) / seconds,
            len([one for one in came if one["outcome"] in answered]) / seconds,
            len([one for one in came if one["outcome"] == "ok"]) / seconds,
            len(of(*failures, "check_failed")) / judged_count,
            len(of("refused")) / judged_count,
            by_class[0] / judged_count,
            by_class[1] / judged_count,
            len(of("dropped")) / len(here),
            len(retries) / judged_count,
        ],
        "response": [
            None if math.isinf(value) else value / 1000
            for value in (times[math.ceil(len(times) * q) - 1] for q in PERCENTILES.values())
        ],
        "unanswered": len([one for one in times if math.isinf(one)]) / len(times),
        "few": [name for name, q in PERCENTILES.items() if len(times) < 10 / (1 - q)],
        "ok": plain_spread(response(of("ok"))),
        "service": plain_spread([one["ended_us"] - one["started_us"] for one in of("ok")]),
        "all": plain_spread(response(sent)),
        "token": plain_spread([one["first_token_us"] - due(one) for one in tokens]),
        "delay": plain_spread(
            [one["started_us"] - one["due_us"] for one in sent if one["due_us"] is not None]
        ),
        "classes": {
            f"{n}xx": plain_class(
                response([one for one in here if (one["status"] or 0) // 100 == n])
            )
            for n in range(2, 6)
            if any((one["status"] or 0) // 100 == n for one in here)
        },
    }


def plain_rank(values: list[int], q: Fraction) -> float:
    return sorted(values)[math.ceil(len(values) * q) - 1] / 1000


def plain_spread(values: list[int]) -> list[float | None]:
    percentiles = [plain_rank(values, q) for q in PERCENTILES.values()]
    mean = sum(values) / len(values) / 1000
    return [min(values) / 1000, mean, *percentiles, max(values) / 1000]


def plain_class(values: list[int]) -> list[float]:
    return [len(values), *(plain_rank(values, PERCENTILES[name]) for name in ("p50", "p95", "p99"))]
