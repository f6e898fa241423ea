"""One passage through a scenario's steps: a state machine moved on by what its connection says.

Part of the measured hot path, hence callbacks and slots rather than coroutines.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic_ns, time
from typing import TYPE_CHECKING

from loadrunner.campaign.model import Variable
from loadrunner.engine import record
from loadrunner.engine.connection import MAX_KEPT_BODY, Connection, header
from loadrunner.engine.content import ContentError, content_encoding, parsed, plain
from loadrunner.engine.extraction import events, first_found, text_of
from loadrunner.engine.json_path import found
from loadrunner.engine.outcomes import UNDECIDED, unexpected
from loadrunner.engine.pool import ConnectError
from loadrunner.engine.record import CHECK_FAILED, NONE, OK, PLAN
from loadrunner.engine.stream import TokenCounter
from loadrunner.engine.variables import MissingValueError, Values

if TYPE_CHECKING:
    from loadrunner.engine.scenario_run import ScenarioRun
    from loadrunner.engine.steps import StepPlan

_pack = record.RECORD.pack
# More does not fit into a record; it is three weeks, longer than any run waits.
_LONGEST_PAUSE_MS = 2_000_000_000


class Journey:
    """Implements `connection.Exchange` and `wire.Source`. At most one request is in flight at a
    time; its `trace` number tells it from those before it, and is 0 while none is. `returns` is
    set for a user of the closed model, who begins anew when this journey ends, `pause_us` later,
    in a phase that lasts until `stays_until_us`. The object is used again for a later journey:
    `begin` makes it one."""

    __slots__ = (
        "_attempt",
        "_body",
        "_connect_us",
        "_connection",
        "_due_by",
        "_due_us",
        "_extracted",
        "_first",
        "_payload",
        "_phase_name",
        "_plan",
        "_resent",
        "_run",
        "_since_us",
        "_step",
        "_tokens",
        "_until_us",
        "_values",
        "_worker",
        "bytes_in",
        "first_byte_ns",
        "is_head",
        "keeps_body",
        "number",
        "pause_us",
        "returns",
        "started_ns",
        "stays_until_us",
        "trace",
        "user",
        "usual",
    )

    def __init__(self, run: ScenarioRun) -> None:
        self._run = run
        self._worker = run.worker
        self._connection: Connection | None = None
        self._body: list[bytes] = []
        self._extracted: dict[str, str] = {}
        self._tokens: TokenCounter | None = None
        self._payload = b""
        self._phase_name = self._since_us = self._until_us = 0
        self.pause_us = self.stays_until_us = 0
        self.started_ns = self._connect_us = 0
        self.trace = self.first_byte_ns = self.bytes_in = 0
        self.returns = False
        self._first = run.steps[0]
        self._take_up(self._first)

    def begin(self, number: int, user: int, due_us: int, due_by: int) -> None:
        """Become the journey of this number, at its first step."""
        self.number = number
        self.user = user
        self._due_us = due_us
        self._due_by = due_by
        self._values: Values | None = None
        if self._extracted:
            self._extracted = {}
        self._attempt = 1
        self._step = 0
        if self._plan is not self._first:
            self._take_up(self._first)

    def _take_up(self, plan: StepPlan) -> None:
        self._plan = plan
        self._tokens = None
        self.is_head = plan.wire.is_head
        self.keeps_body = plan.keeps_body
        self.usual = plan.usual

    # Sending.

    def request(self) -> None:
        """Take the current step's request up, now."""
        plan, worker, due_us = self._plan, self._worker, self._due_us
        started_ns = self.started_ns = monotonic_ns()
        if not self._since_us <= due_us < self._until_us:
            self._enter_phase(due_us)
        trace = worker.trace
        lines = plan.credentials
        try:
            payload = plan.wire.encode(lines[self.user % len(lines)], trace, self)
        except MissingValueError:
            # An earlier step failed to extract what this one needs: the journey ends here.
            self._end()
            return
        worker.trace = trace + worker.stride
        self.trace = trace
        self._payload = payload
        self._resent = False
        self._connect_us = self.first_byte_ns = self.bytes_in = 0
        if plan.keeps_body:
            self._body = []
            self._tokens = TokenCounter() if plan.is_stream else None
        plan.waiting[trace] = self
        if self._due_by == PLAN:
            worker.pulse.delay((started_ns - worker.start_ns) // 1000 - due_us)
        idle = worker.pool.idle
        if idle:
            connection = self._connection = idle.pop()
            connection.send(self, payload)
        else:
            self._connection = None
            worker.pool.open(partial(self._opened, trace))

    def _enter_phase(self, due_us: int) -> None:
        phase = self._run.phase_at(due_us)
        self._phase_name = phase.name
        self._since_us, self._until_us = phase.start_us, phase.end_us

    def _opened(self, trace: int, answer: Connection | ConnectError, took_ns: int) -> None:
        if trace != self.trace:  # timed out meanwhile: somebody else may use the connection
            if isinstance(answer, Connection):
                self._worker.pool.idle.append(answer)
            return
        self._connect_us = took_ns // 1000
        if isinstance(answer, Connection):
            self._connection = answer
            answer.send(self, self._payload)
            return
        outcome = record.GENERATOR_ERROR if answer.is_ours else record.CONNECTION_ERROR
        if answer.is_timeout:
            outcome = record.TIMEOUT
        self._failed(outcome, str(answer), monotonic_ns())

    def text(self, variable: Variable) -> str:
        """The value of a variable; raises MissingValueError where there is none."""
        return self._own_values().text(variable)

    def _own_values(self) -> Values:
        """Made when they are first asked for: most requests have no variables."""
        if self._values is None:
            self._values = self._run.values(self.number, self.user)
            self._values.extracted = self._extracted
        return self._values

    def drop(self, reason: str, now_us: int, outcome: int = record.DROPPED) -> None:
        """Due, but never sent: a sample all the same."""
        self._enter_phase(self._due_us)
        self._payload, self._tokens = b"", None
        self._connect_us = self.first_byte_ns = self.bytes_in = self.trace = 0
        self.started_ns = self._worker.nanos(now_us)
        error = self._error(reason)
        self._record(outcome, NONE, error, NONE, self.started_ns, False)

    # Answers.

    def on_chunk(self, chunk: bytes, now_ns: int) -> None:
        if self._tokens is not None:
            self._tokens.feed(chunk, now_ns)
        if self._plan.extract and self.bytes_in <= MAX_KEPT_BODY:
            self._body.append(chunk)

    def on_answer(self, connection: Connection, status: int, now_ns: int) -> None:
        plan = self._plan
        outcome = plan.verdicts[status]
        error = retry_after_ms = NONE
        if outcome != OK:
            outcome, retry_after_ms = _protected(outcome, connection.head)
        elif plan.extract:
            outcome, error = self._extract(connection.head)
        reused = connection.served > 1
        if plan.is_last:
            ended_us = self._record(outcome, status, error, retry_after_ms, now_ns, reused)
            self._run.ended(self, ended_us)
        else:
            self._finish(outcome, status, error, retry_after_ms, now_ns, reused)

    def on_broken(self, connection: Connection, reason: str, now_ns: int) -> None:
        if not self._may_resend(connection):
            status = connection.status_under_way
            self._failed(record.CONNECTION_ERROR, reason, now_ns, status)
            return
        # The server closed an idle connection just as it was used again. What it has not begun
        # to answer is sent once more, as browsers and proxies do.
        self._resent = True
        self._worker.pool.open(partial(self._opened, self.trace))

    def time_out(self, now_ns: int, what: str, limit_ns: int) -> None:
        """`what` did not come within the limit."""
        connection = self._connection
        status = NONE if connection is None else connection.status_under_way
        self._drop_connection()
        self._failed(record.TIMEOUT, f"{what} within {limit_ns / 1e9:g} s", now_ns, status)

    def cut(self, now_ns: int) -> None:
        """The hard stop: what is in flight is recorded as it stands, and the journey ends."""
        self._drop_connection()
        self._record(record.CUT, NONE, NONE, NONE, now_ns, False)

    def _may_resend(self, connection: Connection) -> bool:
        return (
            connection.served > 0
            and self.bytes_in == 0
            and not self._resent
            and self._plan.wire.is_idempotent
        )

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _extract(self, head: bytes) -> tuple[int, int]:
        """What later steps need of the answer, as an outcome and the error's index."""
        body, encoding = b"".join(self._body), content_encoding(head)
        if encoding is None and self._plan.read(body, self._extracted):
            return OK, NONE
        try:
            body = body if encoding is None else plain(body, encoding)
            return self._extract_from(parsed(body))
        except ContentError as error:
            return CHECK_FAILED, self._error(f"extract: {error}")
        except RecursionError:
            return CHECK_FAILED, self._error("extract: the JSON is nested too deeply")
        except ValueError:
            if self._plan.is_stream:
                return self._extract_from_events(body)
            return CHECK_FAILED, self._error("extract: the answer is not JSON")

    def _extract_from(self, document: object) -> tuple[int, int]:
        for name, path in self._plan.extract.items():
            value = found(document, path)
            if value is None:
                return CHECK_FAILED, self._error(f"extract {name}: nothing at its path")
            self._extracted[name] = text_of(value)
        return OK, NONE

    def _extract_from_events(self, body: bytes) -> tuple[int, int]:
        texts = first_found(events(body), self._plan.extract)
        self._extracted.update(texts)
        for name in self._plan.extract:
            if name not in texts:
                error = f"extract {name}: nothing at its path in any event"
                return CHECK_FAILED, self._error(error)
        return OK, NONE

    def _error(self, text: str) -> int:
        return self._worker.recorder.error(text)

    def _record(
        self, outcome: int, status: int, error: int, retry_after_ms: int, now_ns: int, reused: bool
    ) -> int:
        """One sample; the microsecond in which it ended."""
        worker, plan, tokens, trace = self._worker, self._plan, self._tokens, self.trace
        zero_ns, first_byte_ns = worker.start_ns, self.first_byte_ns
        ended_us = (now_ns - zero_ns) // 1000
        worker.recorder.add(
            _pack(
                plan.index,
                self._phase_name,
                self.number,
                self.user,
                self._attempt,
                self._due_by,
                outcome,
                reused,
                self._due_us,
                (self.started_ns - zero_ns) // 1000,
                0,
                self._connect_us,
                (first_byte_ns - zero_ns) // 1000 if first_byte_ns else -1,
                ended_us,
                (tokens.first_ns - zero_ns) // 1000 if tokens and tokens.first_ns else -1,
                tokens.count if tokens else -1,
                status,
                error,
                retry_after_ms,
                len(self._payload),
                self.bytes_in,
                trace,
            )
        )
        plan.waiting.pop(trace, None)
        self.trace = 0
        return ended_us

    # Moving on.

    def _failed(self, outcome: int, reason: str, now_ns: int, status: int = NONE) -> None:
        """No whole answer; `status` is that of its head, where that came. It is no reason to try
        again: retries are for what was answered."""
        ended_us = self._record(outcome, status, self._error(reason), NONE, now_ns, False)
        self._connection = None
        self._go_on(outcome, ended_us)

    def _finish(
        self, outcome: int, status: int, error: int, retry_after_ms: int, now_ns: int, reused: bool
    ) -> None:
        ended_us = self._record(outcome, status, error, retry_after_ms, now_ns, reused)
        self._connection = None
        retry = self._plan.retry
        if retry is not None and status in retry.on and self._attempt <= retry.max:
            self._again(ended_us, retry_after_ms)
        else:
            self._go_on(outcome, ended_us)

    def _again(self, ended_us: int, retry_after_ms: int) -> None:
        retry = self._plan.retry
        assert retry is not None
        pause_us = round(retry.backoff_s * 1e6)
        if retry.honour_retry_after and retry_after_ms != NONE:
            pause_us = retry_after_ms * 1000
        self._attempt += 1
        self._due_at(ended_us + pause_us)

    def _go_on(self, outcome: int, ended_us: int) -> None:
        run, plan = self._run, self._plan
        step = self._step = self._step + 1
        if step == len(run.steps) or (outcome != OK and plan.stops_on_failure):
            run.ended(self, ended_us)
            return
        self._attempt = 1
        self._take_up(run.steps[step])
        self._due_at(ended_us + self._plan.think_us)

    def _due_at(self, due_us: int) -> None:
        self._due_us = due_us
        self._due_by = record.PREVIOUS
        self._run.pause_until(due_us, self.request, self._end)

    def _end(self) -> None:
        self._run.ended(self, self._due_us)


def _protected(outcome: int, head: bytes) -> tuple[int, int]:
    """The outcome of an answer that was not expected, and its Retry-After in ms."""
    retry_after_ms = _retry_after_ms(header(head, b"retry-after"))
    if outcome == UNDECIDED:
        outcome = unexpected(503) if retry_after_ms == NONE else record.REFUSED
    return outcome, retry_after_ms


def _retry_after_ms(value: bytes | None) -> int:
    """Seconds or an HTTP date, as a pause from now; NONE where there is none to be read."""
    if value is None:
        return NONE
    text = value.decode("latin-1")
    try:
        return _pause_ms(float(text))
    except ValueError:
        pass
    try:
        return _pause_ms(parsedate_to_datetime(text).timestamp() - time())
    except (ValueError, OverflowError):
        return NONE


def _pause_ms(seconds: float) -> int:
    """Neither negative nor longer than a record can say. Raises ValueError where it is NaN."""
    return round(min(max(seconds * 1000, 0.0), _LONGEST_PAUSE_MS))
