"""A worker: one process, one event loop, its share of the journeys.

It measures and records, and leaves all the rest (spool, probes, terminal) to the coordinator, to
which it is tied by a socket: packed samples go out, tokens and the order to stop come in. When
the socket closes, the coordinator is gone and the worker ends.
"""

import asyncio
import gc
import heapq
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import takewhile
from time import monotonic_ns

from loadrunner.engine import precedence, schedule, tls
from loadrunner.engine.messages import Kind, Reader, header, instant_of
from loadrunner.engine.mishaps import Mishaps
from loadrunner.engine.orders import Orders
from loadrunner.engine.passage import TASK
from loadrunner.engine.pool import CONNECT, Address, Pool
from loadrunner.engine.pulse import Pulse
from loadrunner.engine.recorder import Recorder
from loadrunner.engine.scenario_run import ScenarioRun
from loadrunner.engine.steps import Compiler, Vault
from loadrunner.engine.timer import alarm
from loadrunner.engine.wire import origin

_FAR = 1 << 62
# So many are sent before the sockets are looked after again: what has been answered meanwhile waits
# so long for its time to be taken, and its connection to be used again.
_BATCH = 16
# Who has less time than this stays awake: to set the alarm, sleep and be woken takes about as much
# of a virtual machine's core, and is less exact.
_AWAKE_NS = 45_000
_give_way: Callable[[], None] = getattr(os, "sched_yield", lambda: None)
_TICK_S = 0.01
_SHIP_EVERY_NS = 50_000_000


class Worker:
    """Everything that one process needs to carry out its orders."""

    def __init__(self, orders: Orders, loop: asyncio.AbstractEventLoop) -> None:
        self.orders = orders
        self.start_ns = 0  # the instant of microsecond 0
        self.is_draining = False
        self.pulse = Pulse(orders.worker)
        self.done: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._link: asyncio.WriteTransport | None = None
        self.mishaps = Mishaps()
        self.recorder = Recorder(self._ship, self._declare)
        self.pool = Pool(loop, _address(orders), orders.connect_timeout_s)
        self._vault = Vault(orders.credentials)
        compiler = Compiler(orders, self._vault)
        self._runs = [
            ScenarioRun(index, scenario, compiler.plans(scenario), self)
            for index, scenario in enumerate(orders.scenarios)
        ]
        self._waiting = compiler.waiting
        # Numbers of requests are unique over all workers of a run.
        self.stride = orders.shard.of
        self.trace = self._first_trace = orders.shard.index + 1
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._later_count = 0
        self._arrivals = schedule.merged(orders.scenarios, orders.seed, orders.shard)
        self._next = next(self._arrivals, None)
        loop.set_exception_handler(self._on_fault)
        self._alarm = alarm(loop, self._on_alarm)
        self._alarm_us = _FAR  # what it is set for
        self._is_awake = False
        self._end_us = max(load.end_us for load in _loads(orders))
        self._shipped_ns = self._ticked_ns = 0
        self._first_byte_ns = round((orders.first_byte_timeout_s or 0.0) * 1e9)

    # What journeys ask of their worker.

    def micros(self, instant_ns: int) -> int:
        """Microseconds since the run's start."""
        return (instant_ns - self.start_ns) // 1000

    def nanos(self, micros: int) -> int:
        """The inverse: an instant of the monotonic clock in ns."""
        return self.start_ns + micros * 1000

    @property
    def over_us(self) -> int:
        """When the run ends for good, the drain included."""
        return self._end_us + round(self.orders.drain_s * 1e6)

    def later(self, due_us: int, action: Callable[[], None]) -> None:
        """Act when an instant has come; at once, where it has."""
        if due_us <= self.micros(monotonic_ns()):
            action()
            return
        self._later_count += 1  # keeps the heap from comparing actions
        heapq.heappush(self._later, (due_us, self._later_count, action))
        self._set_alarm()

    # The schedule.

    def ready(self, link: asyncio.WriteTransport) -> None:
        """`link` leads to the coordinator."""
        self._link = link
        self._send(Kind.READY, b"")

    def _start(self, start_ns: int) -> None:
        self.start_ns = start_ns
        for run in self._runs:
            self._plan_users(run)
        self._ticked_ns = monotonic_ns()
        self._loop.call_later(_TICK_S, self._tick)
        self._set_alarm()

    def _plan_users(self, run: ScenarioRun) -> None:
        for phase, start_us in run.closed_phases():
            self.later(start_us, partial(run.start_users, phase))

    def _on_alarm(self) -> None:
        self._alarm_us = _FAR
        now_us = self.micros(monotonic_ns())
        for _ in range(_BATCH):
            if self._next is not None and self._next[0] <= now_us:
                self._arrive(now_us)
            elif self._later and self._later[0][0] <= now_us:
                heapq.heappop(self._later)[2]()
            else:
                break
            now_us = self.micros(monotonic_ns())
        self._set_alarm()

    def _arrive(self, now_us: int) -> None:
        assert self._next is not None
        due_us, scenario, _, number = self._next
        self.pulse.wanted += 1
        self._runs[scenario].arrive(due_us, number, now_us)
        self._next = next(self._arrivals, None)

    def _set_alarm(self) -> None:
        due_us = self._next[0] if self._next is not None else _FAR
        if self._later:
            due_us = min(due_us, self._later[0][0])
        if due_us in (_FAR, self._alarm_us):
            return
        due_ns = self.nanos(due_us)
        if due_ns - monotonic_ns() >= _AWAKE_NS:
            self._alarm_us = due_us
            self._alarm.set(due_ns)
        elif not self._is_awake:
            self._is_awake = True
            self._loop.call_soon(self._look_again, due_ns)

    def _look_again(self, due_ns: int) -> None:
        """The sockets have been looked after once. Whoever waits for this core goes first, which
        is a coordinator that has a short piece of work, or a target."""
        self._is_awake = False
        if self.done.done():
            return
        if monotonic_ns() < due_ns:
            _give_way()
        self._on_alarm()

    # The tick: time-outs, shipping, the end.

    def _tick(self) -> None:
        now = monotonic_ns()
        self.pulse.note_lag((now - self._ticked_ns) // 1000 - round(_TICK_S * 1e6))
        self._ticked_ns = now
        self._time_out(now)
        self._time_out_silent(now)
        if self.recorder.is_full or now - self._shipped_ns >= _SHIP_EVERY_NS:
            self._shipped_ns = now
            self.recorder.flush()
        self._beat(now)
        if self._is_over(now):
            self._finish(now)
        else:
            self._loop.call_later(_TICK_S, self._tick)

    def _time_out(self, now: int) -> None:
        for timeout_ns, waiting in self._waiting.items():
            while waiting:
                journey = next(iter(waiting.values()))
                if journey.started_ns + timeout_ns > now:
                    break
                journey.time_out(now, "no whole answer", timeout_ns)

    def _time_out_silent(self, now: int) -> None:
        """Those that have waited too long for the first byte, where that has a limit."""
        limit_ns = self._first_byte_ns
        for waiting in self._waiting.values() if limit_ns else ():
            for journey in list(
                takewhile(lambda one: one.started_ns + limit_ns <= now, waiting.values())
            ):
                if not journey.first_byte_ns:
                    journey.time_out(now, "no first byte", limit_ns)

    def _beat(self, now: int) -> None:
        now_us = self.micros(now)
        if now_us >= self.pulse.due_us:
            in_flight = sum(len(waiting) for waiting in self._waiting.values())
            self.pulse.sent = (self.trace - self._first_trace) // self.stride
            self._first_trace = self.trace
            self._send(Kind.PULSE, self.pulse.beat(now_us, in_flight))
            self._tell_mishaps()

    def _is_over(self, now: int) -> bool:
        now_us = self.micros(now)
        if now_us >= self.over_us:
            return True
        is_idle = not any(run.active for run in self._runs)
        if self.is_draining:
            return is_idle
        return is_idle and now_us >= self._end_us and self._next is None and not self._later

    def _finish(self, now: int) -> None:
        for waiting in self._waiting.values():
            for journey in tuple(waiting.values()):
                journey.cut(now)
        for run in self._runs:
            run.stop()
        self._tell_mishaps()
        self.recorder.flush()
        self._alarm.close()
        self.pool.close()
        self._send(Kind.DONE, b"")
        self.done.set_result(None)

    def _on_fault(self, _loop: asyncio.AbstractEventLoop, fault: Mapping[str, object]) -> None:
        """A fault of our own ends the worker: what it measured after one is worth nothing. That
        of a task which a journey in Python began and never looked after is the journey's."""
        error, task = fault.get("exception"), fault.get("future")
        is_foreign = isinstance(task, asyncio.Task) and task.get_name() not in (TASK, CONNECT)
        if is_foreign and isinstance(error, Exception):
            self.mishaps.note("(a task of its own)", error)
            return
        if not self.done.done():
            cause = error if isinstance(error, Exception) else RuntimeError(fault.get("message"))
            self.done.set_exception(cause)

    # The coordinator.

    def on_message(self, kind: Kind, body: bytes) -> None:
        match kind:
            case Kind.START:
                self._start(instant_of(body))
            case Kind.CREDENTIALS:
                message = json.loads(body)
                self._vault.replace(
                    message["identity"], tuple(line.encode() for line in message["lines"])
                )
            case Kind.DRAIN:
                self._drain()
            case Kind.STOP:
                self._drain()
                self._end_us = -round(self.orders.drain_s * 1e6) - 1

    def _drain(self) -> None:
        """No journey starts any more; those under way may end."""
        self.is_draining = True
        self._next = None
        self._end_us = min(self._end_us, self.micros(monotonic_ns()))

    def _tell_mishaps(self) -> None:
        news = self.mishaps.news
        if news is not None:
            self._send(Kind.MISHAPS, news)

    def _ship(self, records: bytes) -> None:
        self._send(Kind.SAMPLES, records)

    def _declare(self, text: str) -> None:
        self._send(Kind.ERROR_TEXT, text.encode())

    def _send(self, kind: Kind, body: bytes) -> None:
        assert self._link is not None
        self._link.writelines([header(kind, body), body])


class _Link(asyncio.Protocol):
    """The worker's end of the socket to the coordinator."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._reader = Reader()

    def data_received(self, data: bytes) -> None:
        for kind, body in self._reader.feed(data):
            self._worker.on_message(kind, body)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._worker.done.done():
            gone = ConnectionError(f"the coordinator is gone ({error or 'closed'})")
            self._worker.done.set_exception(gone)


def _loads(orders: Orders) -> list[schedule.Span]:
    return [schedule.span(load) for scenario in orders.scenarios for load in scenario.load]


def _address(orders: Orders) -> Address:
    where = origin(orders.base_url)
    if where.scheme == "http":
        return Address(orders.addresses[0], where.port)
    context = tls.context(verify=orders.verify_tls, ca_file=orders.ca_file)
    return Address(orders.addresses[0], where.port, context, where.host)


async def _work(orders: Orders, channel: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    worker = Worker(orders, loop)
    link, _ = await loop.create_connection(lambda: _Link(worker), sock=channel)
    # Collections of the young are cheap; a full one is not, and what was there before stays.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    worker.ready(link)
    await worker.done
    while link.get_write_buffer_size():
        await asyncio.sleep(0.01)
    link.close()


def main(orders: Orders, channel: socket.socket) -> None:
    """The whole life of a worker process."""
    sys.stdout = sys.stderr  # what a journey in Python prints is no part of the summary
    precedence.come_first()
    # Ctrl-C reaches the whole group; the coordinator decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with asyncio.Runner(loop_factory=event_loop) as runner:
        runner.run(_work(orders, channel))


def event_loop() -> asyncio.AbstractEventLoop:
    """uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
