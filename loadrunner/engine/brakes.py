"""What ends a run before its plan does: caps, a stop file, abort rules."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from loadrunner.campaign.model import AbortRule, Campaign
from loadrunner.engine import record
from loadrunner.engine.recent import Recent, Seen
from runs.analysis.wording import duration, milliseconds, number, per_second, percent, size

# A rate is looked at over so long, and may be so much above its cap: what a stall held back is
# sent in a burst, and is no breach.
RATE_WINDOW_S = 5
RATE_SLACK = 1.1
_SENT = np.isin(np.arange(record.OK + 1), (record.DROPPED, record.GENERATOR_ERROR), invert=True)


@dataclass(frozen=True)
class Stop:
    """Why a run ends early. `at_once`: what is in flight is cut; else it may end."""

    reason: str
    at_once: bool = False


class Brakes:
    """Told what the run does, they say when it must end.

    `steps` are (scenario, step) in the order of the records; `stop_files` end the run when one
    appears. Rules and files hold until `duration_s` is over: what comes then ends by itself.
    """

    def __init__(
        self, campaign: Campaign, steps: Sequence[tuple[str, str]], stop_files: Sequence[Path]
    ) -> None:
        self._limits = campaign.limits
        self._rules = campaign.abort
        self._duration_us = campaign.duration_s * 1e6
        self._steps = list(steps)
        self._stop_files = tuple(stop_files)
        self._recent = _recent(campaign.abort, self._steps)
        self._ended = self._started = self._bytes = 0
        self._seconds: dict[int, deque[tuple[int, int]]] = {}

    def add(self, records: bytes, now_us: int) -> None:
        """Samples that came in."""
        if self._limits.requests is not None or self._limits.bytes is not None:
            rows = np.frombuffer(records, record.DTYPE)
            self._ended += int(_SENT[rows["outcome"]].sum())
            for name in ("bytes_out", "bytes_in"):
                self._bytes += int(np.maximum(rows[name], 0).sum())
        if self._recent is not None:
            self._recent.add(records, now_us)

    def note_pulse(self, worker: int, t_us: int, sent: int) -> None:
        """One second of a worker: how many requests it sent."""
        self._started += sent
        seconds = self._seconds.setdefault(worker, deque(maxlen=RATE_WINDOW_S))
        seconds.append((t_us, sent))

    def spent(self) -> Stop | None:
        """Whether a cap is reached. Requests are those known to be sent, at most a second ago."""
        caps, requests = self._limits, max(self._started, self._ended)
        if caps.requests is not None and requests >= caps.requests:
            return _over("requests", f"{requests:,} requests were sent", f"{caps.requests:,}")
        if caps.bytes is not None and self._bytes >= caps.bytes:
            found = f"{size(self._bytes)} went over the wire"
            return _over("bytes", found, size(caps.bytes))
        if caps.rate_rps is not None and (rate := self._rate_rps()) > RATE_SLACK * caps.rate_rps:
            found = f"{number(rate)} requests/s were sent over {RATE_WINDOW_S} s"
            return _over("rate", found, per_second(caps.rate_rps))
        return None

    def look(self, now_us: int) -> Stop | None:
        """Whether anything ends the run now; asked twice a second."""
        if now_us >= self._duration_us:
            return self.spent()
        for file in self._stop_files:
            if file.exists():
                return Stop(f"The stop file {file} appeared.")
        return self.spent() or self._broken_rule(now_us)

    def _rate_rps(self) -> float:
        """Requests per second of all workers; 0.0 until there are as many seconds as it takes."""
        if any(len(seconds) < RATE_WINDOW_S for seconds in self._seconds.values()):
            return 0.0
        sent = sum(count for seconds in self._seconds.values() for _, count in seconds)
        return sent / RATE_WINDOW_S

    def _broken_rule(self, now_us: int) -> Stop | None:
        for rule in self._rules:
            window_us = round(rule.window_s * 1e6)
            if self._recent is None or now_us < window_us:
                continue
            for scenario, step in rule.steps:
                index = self._steps.index((scenario, step))
                seen = self._recent.look(rule.statistic, index, now_us - window_us)
                if seen is not None and _is_broken(rule, seen):
                    return Stop(_told(rule, f"{scenario}/{step}", seen))
        return None


def _recent(rules: Sequence[AbortRule], steps: list[tuple[str, str]]) -> Recent | None:
    if not rules:
        return None
    timed = {steps.index(one) for rule in rules if rule.statistic == "p95" for one in rule.steps}
    keep_us = round(max(rule.window_s for rule in rules) * 1e6)
    return Recent(len(steps), timed, keep_us)


def _over(key: str, found: str, cap: str) -> Stop:
    return Stop(f"{found}; the campaign's limits.{key} is {cap}.", at_once=True)


def _is_broken(rule: AbortRule, seen: Seen) -> bool:
    return seen.value > rule.limit or (rule.or_equal and seen.value == rule.limit)


def _told(rule: AbortRule, step: str, seen: Seen) -> str:
    """The rule, and the figures that broke it."""
    window = duration(rule.window_s)
    if rule.statistic == "p95":
        value = milliseconds(seen.value)
        if seen.value == np.inf:
            value = "beyond every time, among requests without their expected answer,"
        figures = f"p95 of {step} was {value} over the last {window} ({seen.count:,} requests)"
    else:
        figures = (
            f"{rule.statistic} of {step} was {percent(seen.value)} over the last {window}"
            f" ({seen.hits:,} of {seen.count:,} requests)"
        )
    return f"The abort rule '{rule.text}' was met: {figures}."
