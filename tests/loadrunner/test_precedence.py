"""What a worker asks of the system, in a process of its own."""

import json
import platform
import subprocess
import sys

import pytest

# Niceness, policy and slice before, after, and after the slice has been asked for by hand.
ASKING = """
import ctypes, json, os, struct
from loadrunner.engine import precedence

def standing():
    attributes = ctypes.create_string_buffer(48)
    ctypes.CDLL(None).syscall(ctypes.c_long({call}), 0, attributes, 48, 0)
    _, policy, _, niceness, _, slice_ns, _, _ = struct.unpack("IIQiIQQQ", attributes.raw)
    return {{"policy": policy, "niceness": niceness, "slice_ns": slice_ns}}

found = [standing()]
precedence.come_first()
found.append(standing())
asked = struct.pack("IIQiIQQQ", 48, 0, 0, found[1]["niceness"], 0, 100_000, 0, 0)
ctypes.CDLL(None).syscall(ctypes.c_long({call} - 1), 0, ctypes.c_char_p(asked), 0)
print(json.dumps([*found, standing()]))
"""
SCHED_GETATTR = {"x86_64": 315, "aarch64": 275}


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in SCHED_GETATTR,
    reason="asks Linux for the attributes by the number of the call",
)
def test_a_worker_stays_an_ordinary_process_with_a_short_slice_and_no_greater_niceness() -> None:
    program = ASKING.format(call=SCHED_GETATTR[platform.machine()])
    said = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, timeout=60
    )
    before, after, by_hand = json.loads(said.stdout)
    assert after["policy"] == before["policy"] == 0
    assert after["niceness"] <= before["niceness"]
    assert after["slice_ns"] == by_hand["slice_ns"]  # where it is refused, both are as before
