"""Durations, rates and sizes as a campaign file writes them: numbers that carry their unit.

Each function takes the plain value of the file and raises ValueError, saying what was found
and what is allowed.
"""

import math
import re
from typing import Final

from loadrunner.campaign.found import described

LONGEST_S: Final = 30 * 86_400.0
FASTEST_PER_S: Final = 1_000_000.0
HEAVIEST: Final = 1_000_000

_DURATION: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_RATE: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE: Final = {
    "B": 1.0,
    "kB": 1e3,
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "KiB": 1024.0,
    "MiB": 1024.0**2,
    "GiB": 1024.0**3,
}
_GROWTH: Final = {"year": 1, "quarter": 4, "month": 12, "week": 52}
_NUMBER: Final = r"(?:\d+(?:\.\d*)?|\.\d+)"
_ONE_DURATION: Final = re.compile(rf"({_NUMBER})\s*([A-Za-zµ]+)", re.ASCII)
_RATE_TEXT: Final = re.compile(rf"({_NUMBER})\s*/\s*([A-Za-z]+)", re.ASCII)
_GROWTH_TEXT: Final = re.compile(rf"({_NUMBER})\s*%\s*/\s*([A-Za-z]+)", re.ASCII)
_BARE: Final = re.compile(rf"[-+]?{_NUMBER}(?:[eE][-+]?\d+)?", re.ASCII)

DURATION_ALLOWED: Final = "a number with us, ms, s, m or h, such as 500ms, 10s or 1m30s"
RATE_ALLOWED: Final = "a number per second, such as 30, or one with /s, /m or /h, such as 90/m"
GROWTH_ALLOWED: Final = (
    "a percentage per year, quarter, month or week, such as 40%/year or 3%/month"
)
MOST_GROWTH: Final = 1000.0
SIZE_ALLOWED: Final = "a number with B, kB, MB, GB, KiB, MiB or GiB, such as 5MB"


def duration_s(value: object) -> float:
    """Seconds, above zero; `1m30s` is allowed, a bare number is not."""
    seconds = pause_s(value)
    if seconds <= 0:
        raise ValueError(f"found {described(value)}, allowed: a duration above zero, such as 10s")
    return seconds


def pause_s(value: object) -> float:
    """Seconds, zero or more."""
    if is_number(value):
        raise ValueError(
            f"found {described(value)}, a duration without a unit; allowed: {DURATION_ALLOWED}"
        )
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith("-"):
        raise ValueError(f"found {described(value)}, allowed: a duration that is not negative")
    return _bounded(_sum_of_parts(text, value), LONGEST_S, "30 days (720h)", value)


def _sum_of_parts(text: str, value: object) -> float:
    parts = list(_ONE_DURATION.finditer(text))
    if not parts or _ONE_DURATION.sub("", text).strip():
        raise ValueError(f"found {described(value)}, allowed: {DURATION_ALLOWED}")
    unknown = [unit for _, unit in (part.groups() for part in parts) if unit not in _DURATION]
    if unknown:
        raise ValueError(
            f"found {described(value)} with the unit '{unknown[0]}', allowed: {DURATION_ALLOWED}"
        )
    return math.fsum(float(part[1]) * _DURATION[part[2]] for part in parts)


def rate_per_s(value: object) -> float:
    """Journeys per second, above zero; a bare number is per second."""
    rate = ramp_end_per_s(value)
    if rate <= 0:
        raise ValueError(f"found {described(value)}, allowed: a rate above zero, such as 30")
    return rate


def ramp_end_per_s(value: object) -> float:
    """The same, where zero is allowed: a ramp may start or end there."""
    number = _bare_number(value)
    if number is None:
        number = _rate_with_unit(value)
    if number < 0:
        raise ValueError(f"found {described(value)}, allowed: a rate that is not negative")
    return _bounded(number, FASTEST_PER_S, "1,000,000/s", value)


def _rate_with_unit(value: object) -> float:
    match = _RATE_TEXT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"found {described(value)}, allowed: {RATE_ALLOWED}")
    if match[2] not in _RATE:
        raise ValueError(
            f"found {described(value)} with the unit '/{match[2]}', allowed: {RATE_ALLOWED}"
        )
    return float(match[1]) / _RATE[match[2]]


def growth_per_year(value: object) -> float:
    """The share by which something grows in a year, compounding: 1 is a doubling."""
    match = _GROWTH_TEXT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in _GROWTH:
        raise ValueError(f"found {described(value)}, allowed: {GROWTH_ALLOWED}")
    factor = (1 + float(match[1]) / 100) ** _GROWTH[match[2]] - 1
    if factor <= 0:
        raise ValueError(f"found {described(value)}, allowed: a growth above zero")
    return _bounded(factor, MOST_GROWTH, "a thousandfold a year", value)


def size_bytes(value: object) -> float:
    """Bytes; a size always carries its unit."""
    match = _ONE_DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in _SIZE:
        raise ValueError(f"found {described(value)}, allowed: {SIZE_ALLOWED}")
    return float(match[1]) * _SIZE[match[2]]


def whole_number(value: object) -> int | None:
    """A whole number, also as the text that a variable leaves behind; None for anything else."""
    number = _bare_number(value)
    if number is None or not math.isfinite(number) or number != int(number):
        return None
    return int(number)


def weight(value: object) -> float:
    """A part of a whole, by its proportion to the others: any number above zero."""
    number = _bare_number(value)
    if number is None or not 0 < number <= HEAVIEST:
        raise ValueError(
            f"found {described(value)}, allowed: a number above zero and at most {HEAVIEST:,},"
            " such as 5"
        )
    return number


def is_number(value: object) -> bool:
    return _bare_number(value) is not None


def _bare_number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _as_float(value)
    if isinstance(value, str) and _BARE.fullmatch(value.strip()):
        return float(value)
    return None


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _bounded(number: float, highest: float, words: str, value: object) -> float:
    if not number <= highest:
        raise ValueError(f"found {described(value)}, allowed: at most {words}")
    return number
