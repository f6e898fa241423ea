"""One passage through a scenario's steps: a state machine moved on by what its connection says.

Part of the measured hot path, hence callbacks and slots rather than coroutines.
"""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic_ns, time
from typing import TYPE_CHECKING

from loadrunner.campaign.model import Variable
from loadrunner.engine import record
from loadrunner.engine.connection import MAX_KEPT_BODY, Connection, header
from loadrunner.engine.content import ContentError, plain
from loadrunner.engine.json_path import found
from loadrunner.engine.outcomes import UNDECIDED, unexpected
from loadrunner.engine.pool import ConnectError
from loadrunner.engine.stream import TokenCounter
from loadrunner.engine.variables import MissingValueError

if TYPE_CHECKING:
    from loadrunner.engine.scenario_run import ScenarioRun


class Journey:
    """Implements `connection.Exchange`. At most one request is in flight at a time; its `trace`
    number tells it from those before it, and is 0 while none is. `returns` is set for a user of
    the closed model, who begins anew when this journey ends."""

    __slots__ = (
        "_attempt",
        "_body",
        "_connect_us",
        "_connection",
        "_due_by",
        "_due_us",
        "_payload",
        "_phase",
        "_plan",
        "_resent",
        "_run",
        "_step",
        "_tokens",
        "_values",
        "bytes_in",
        "first_byte_ns",
        "is_head",
        "keeps_body",
        "number",
        "returns",
        "started_ns",
        "trace",
        "user",
    )

    def __init__(self, run: ScenarioRun, number: int, user: int, due_us: int, due_by: int) -> None:
        self._run = run
        self.number = number
        self.user = user
        self._due_us = due_us
        self._due_by = due_by
        self._phase = 0
        self._step = 0
        self._plan = run.steps[0]
        self._attempt = 1
        self._resent = False
        self._values = run.values(number, user)
        self._connection: Connection | None = None
        self._body: list[bytes] = []
        self._tokens: TokenCounter | None = None
        self._payload = b""
        self.started_ns = self._connect_us = 0
        self.trace = self.first_byte_ns = self.bytes_in = 0
        self.is_head = self.keeps_body = self.returns = False

    # Sending.

    def request(self) -> None:
        """Take the current step's request up, now."""
        run, plan = self._run, self._plan
        self.started_ns = monotonic_ns()
        self._phase = run.phase_at(self._due_us)
        trace = run.worker.next_trace()
        try:
            payload = plan.wire.encode(plan.credentials(self.user), trace, self._lookup)
        except MissingValueError:
            # An earlier step failed to extract what this one needs: the journey ends here.
            self._end()
            return
        self.trace = trace
        self._payload = payload
        self._resent = False
        self._connect_us = self.first_byte_ns = self.bytes_in = 0
        self.is_head = plan.wire.is_head
        self.keeps_body = plan.keeps_body
        if plan.keeps_body:
            self._body = []
            self._tokens = TokenCounter() if plan.is_stream else None
        plan.waiting[trace] = self
        run.worker.note_sent(self.started_ns, self._due_us, self._due_by)
        connection = self._connection = run.worker.pool.take()
        if connection is None:
            run.worker.pool.open(partial(self._opened, trace))
        else:
            connection.send(self, payload)

    def _opened(self, trace: int, answer: Connection | ConnectError, took_ns: int) -> None:
        if trace != self.trace:  # timed out meanwhile: somebody else may use the connection
            if isinstance(answer, Connection):
                self._run.worker.pool.idle(answer)
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

    def _lookup(self, variable: Variable) -> str:
        assert self._values is not None  # only requests with variables ask
        return self._values.text(variable)

    def drop(self, reason: str, now_us: int) -> None:
        """Due, but never sent: a sample all the same."""
        self._phase = self._run.phase_at(self._due_us)
        self.started_ns = self._run.worker.nanos(now_us)
        error = self._error(reason)
        self._record(record.DROPPED, record.NONE, error, record.NONE, self.started_ns, reused=False)

    # Answers.

    def on_chunk(self, chunk: bytes, now_ns: int) -> None:
        if self._tokens is not None:
            self._tokens.feed(chunk, now_ns)
        if self._plan.extract and self.bytes_in <= MAX_KEPT_BODY:
            self._body.append(chunk)

    def on_answer(self, connection: Connection, status: int, now_ns: int) -> None:
        outcome = self._plan.verdicts[status]
        error = retry_after_ms = record.NONE
        if outcome != record.OK:
            outcome, retry_after_ms = _protected(outcome, connection.head)
        elif self._plan.extract:
            outcome, error = self._extract(connection.head)
        self._finish(outcome, status, error, retry_after_ms, now_ns, connection.served > 1)

    def on_broken(self, connection: Connection, reason: str, now_ns: int) -> None:
        if not self._may_resend(connection):
            self._failed(record.CONNECTION_ERROR, reason, now_ns)
            return
        # The server closed an idle connection just as it was used again. What it has not begun
        # to answer is sent once more, as browsers and proxies do.
        self._resent = True
        self._run.worker.pool.open(partial(self._opened, self.trace))

    def time_out(self, now_ns: int) -> None:
        timeout_s = self._plan.timeout_ns / 1e9
        self._drop_connection()
        self._failed(record.TIMEOUT, f"no whole answer within {timeout_s:g} s", now_ns)

    def cut(self, now_ns: int) -> None:
        """The hard stop: what is in flight is recorded as it stands, and the journey ends."""
        self._drop_connection()
        self._record(record.CUT, record.NONE, record.NONE, record.NONE, now_ns, reused=False)

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
        try:
            document = json.loads(plain(b"".join(self._body), header(head, b"content-encoding")))
        except ContentError as error:
            return record.CHECK_FAILED, self._error(f"extract: {error}")
        except ValueError:
            return record.CHECK_FAILED, self._error("extract: the answer is not JSON")
        assert self._values is not None
        for name, path in self._plan.extract.items():
            value = found(document, path)
            if value is None:
                return record.CHECK_FAILED, self._error(f"extract {name}: nothing at its path")
            self._values.extracted[name] = value if isinstance(value, str) else json.dumps(value)
        return record.OK, record.NONE

    def _error(self, text: str) -> int:
        return self._run.worker.recorder.error(text)

    def _record(
        self, outcome: int, status: int, error: int, retry_after_ms: int, now_ns: int, reused: bool
    ) -> None:
        worker, tokens = self._run.worker, self._tokens
        micros = worker.micros
        worker.recorder.add(
            self._plan.index,
            self._run.phase_names[self._phase],
            self.number,
            self.user,
            self._attempt,
            self._due_by,
            outcome,
            reused,
            self._due_us,
            micros(self.started_ns),
            0,
            self._connect_us,
            micros(self.first_byte_ns) if self.first_byte_ns else record.NONE,
            micros(now_ns),
            micros(tokens.first_ns) if tokens and tokens.first_ns else record.NONE,
            tokens.count if tokens else record.NONE,
            status,
            error,
            retry_after_ms,
            len(self._payload),
            self.bytes_in,
            self.trace,
        )
        self._plan.waiting.pop(self.trace, None)
        self.trace = 0

    # Moving on.

    def _failed(self, outcome: int, reason: str, now_ns: int) -> None:
        self._finish(outcome, record.NONE, self._error(reason), record.NONE, now_ns, False)

    def _finish(
        self, outcome: int, status: int, error: int, retry_after_ms: int, now_ns: int, reused: bool
    ) -> None:
        self._record(outcome, status, error, retry_after_ms, now_ns, reused)
        self._connection = None
        ended_us = self._run.worker.micros(now_ns)
        retry = self._plan.retry
        if retry is not None and status in retry.on and self._attempt <= retry.max:
            self._again(ended_us, retry_after_ms)
        else:
            self._go_on(outcome, ended_us)

    def _again(self, ended_us: int, retry_after_ms: int) -> None:
        retry = self._plan.retry
        assert retry is not None
        pause_us = round(retry.backoff_s * 1e6)
        if retry.honour_retry_after and retry_after_ms != record.NONE:
            pause_us = retry_after_ms * 1000
        self._attempt += 1
        self._due_at(ended_us + pause_us)

    def _go_on(self, outcome: int, ended_us: int) -> None:
        self._step += 1
        must_stop = self._plan.stops_on_failure and outcome != record.OK
        if must_stop or self._step == len(self._run.steps):
            self._run.ended(self, ended_us)
            return
        self._plan = self._run.steps[self._step]
        self._attempt = 1
        self._due_at(ended_us + self._plan.think_us)

    def _due_at(self, due_us: int) -> None:
        self._due_us = due_us
        self._due_by = record.PREVIOUS
        self._run.worker.later(due_us, self.request)

    def _end(self) -> None:
        self._run.ended(self, self._due_us)


def _protected(outcome: int, head: bytes) -> tuple[int, int]:
    """The outcome of an answer that was not expected, and its Retry-After in ms."""
    retry_after_ms = _retry_after_ms(header(head, b"retry-after"))
    if outcome == UNDECIDED:
        outcome = unexpected(503) if retry_after_ms == record.NONE else record.REFUSED
    return outcome, retry_after_ms


def _retry_after_ms(value: bytes | None) -> int:
    """Seconds or an HTTP date, as a pause from now; NONE where there is none to be read."""
    if value is None:
        return record.NONE
    text = value.decode("latin-1")
    try:
        return max(0, round(float(text) * 1000))
    except ValueError:
        pass
    try:
        return max(0, round((parsedate_to_datetime(text).timestamp() - time()) * 1000))
    except ValueError:
        return record.NONE
