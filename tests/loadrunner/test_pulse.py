"""A worker's second, counted there and worked out at the coordinator."""

from loadrunner.engine.pulse import Pulse, figures


def test_a_second_says_its_delays_by_nearest_rank_and_begins_anew() -> None:
    pulse = Pulse(worker=3)
    pulse.wanted, pulse.sent = 12, 11
    for delay in [*range(1, 100), 2**40]:  # the last one is longer than 32 bits hold
        pulse.delay(delay)
    pulse.note_lag(7)

    found = figures(pulse.beat(1_000_010, in_flight=2))

    assert found.pop("collections") >= 0
    assert found == {
        "t_us": 1_000_010,
        "worker": 3,
        "wanted": 12,
        "reached": 100,
        "sent": 11,
        "in_flight": 2,
        "loop_lag_us": 7,
        "delay_p50_us": 50,
        "delay_p99_us": 99,
        "delay_max_us": 2**40,
    }
    assert pulse.due_us == 2_000_000
    after = figures(pulse.beat(2_000_000, in_flight=0))
    assert (after["reached"], after["wanted"], after["delay_p50_us"]) == (0, 0, None)
