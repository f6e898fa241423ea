"""What is measured again, and which of the tries is kept."""

import math
import time

from benchmarks._calm import Calm
from benchmarks._goal import Goal
from benchmarks._spread import ratios, spread


def test_what_nobody_disturbed_is_measured_once() -> None:
    calm, tries = Calm(math.inf), []
    calm.measure(lambda: tries.append(1))
    assert (len(tries), calm.repeated) == (1, 0)


def test_what_others_always_disturb_is_given_up_after_three_tries() -> None:
    calm, tries = Calm(-1.0), []

    def measured() -> None:
        tries.append(1)
        time.sleep(0.05)

    calm.measure(measured)
    assert (len(tries), calm.repeated, len(calm.others)) == (3, 2, 1)


def test_ratios_are_taken_round_by_round() -> None:
    ours, theirs = spread([10.0, 20.0, 60.0]), spread([5.0, 10.0, 20.0])
    assert ours is not None
    assert theirs is not None
    found = ratios(ours, theirs)
    assert found is not None
    assert found.rounds == (2.0, 2.0, 3.0)


def test_a_goal_that_could_not_be_measured_is_not_met() -> None:
    assert Goal("speed", None, 1.0).verdict == "not measured"
    assert Goal("speed", spread([0.9]), 1.0, is_floor=True).verdict == "MISSED"
    assert Goal("delay", spread([0.9]), 1.0).verdict == "met"
