"""Load profiles: staircases and ramp-plateau-spike, and the arrivals that follow from them."""

import numpy as np

from benchmarks.simulators.system import SCENARIO, Floats
from runs.analysis.plan import Phase

Phases = tuple[Phase, ...]


def stairs(rng: np.random.Generator, capacity: float, reached: bool, short: bool = False) -> Phases:
    """8 to 12 stages of 10 to 30 s (5 to 8 s where `short`), up to 1.15-2 or .45-.9 of capacity."""
    count = int(rng.integers(8, 13))
    low = rng.uniform(0.1, 0.3)
    high = rng.uniform(1.15, 2.0) if reached else rng.uniform(0.45, 0.9)
    length = rng.uniform(5, 8) if short else rng.uniform(10, 30)
    levels = np.linspace(min(low, high / 2), high, count) * capacity
    return tuple(
        _phase(f"stage_{i + 1:02d}", i * length, (i + 1) * length, rate, rate)
        for i, rate in enumerate(levels)
    )


def spike(rng: np.random.Generator, capacity: float, reached: bool) -> Phases:
    """Ramp up, plateau at .45 to .8 of capacity, spike of 20 to 40 s, recovery."""
    plateau = rng.uniform(0.45, 0.8) * capacity
    top = (rng.uniform(1.25, 2.2) if reached else rng.uniform(0.82, 0.92)) * capacity
    lengths = (rng.uniform(15, 30), rng.uniform(60, 120), rng.uniform(20, 40), 20.0)
    names = ("ramp_up", "plateau", "spike", "recovery")
    rates = ((0.05 * capacity, plateau), (plateau, plateau), (top, top), (plateau, plateau))
    at = 0.0
    phases = []
    for name, length, (low, high) in zip(names, lengths, rates, strict=True):
        phases.append(_phase(name, at, at + length, low, high))
        at += length
    return tuple(phases)


def users(rng: np.random.Generator, counts: Floats, think_s: float) -> Phases:
    """Closed stages, one for each number of users."""
    length = rng.uniform(15, 30)
    return tuple(
        Phase(
            SCENARIO, f"stage_{i + 1:02d}", int(i * length * 1e6), int((i + 1) * length * 1e6),
            model="closed", users=int(count), think_time_s=think_s,
        )
        for i, count in enumerate(counts)
    )  # fmt: skip


def arrivals(rng: np.random.Generator, phases: Phases, poisson: bool) -> Floats:
    """When journeys are due: where the integral of the rate reaches 0, 1, 2, …"""
    parts = []
    for phase in phases:
        start, end = phase.start_us / 1e6, phase.end_us / 1e6
        low, high = phase.rate_from or 0.0, phase.rate_to or 0.0
        length = end - start
        area = (low + high) / 2 * length
        if poisson:
            marks = np.sort(rng.uniform(0, area, rng.poisson(area)))
        else:
            marks = np.arange(np.ceil(area - 1e-9), dtype=np.float64)
        slope = (high - low) / length
        if abs(slope) < 1e-9:
            parts.append(start + marks / max(low, 1e-9))
        else:
            parts.append(start + (-low + np.sqrt(low**2 + 2 * slope * marks)) / slope)
    return np.concatenate(parts)


def _phase(name: str, start: float, end: float, low: float, high: float) -> Phase:
    return Phase(
        SCENARIO, name, int(start * 1e6), int(end * 1e6), rate_from=float(low), rate_to=float(high)
    )


def top_rate(phases: Phases) -> float:
    return max(max(phase.rate_from or 0.0, phase.rate_to or 0.0) for phase in phases)
