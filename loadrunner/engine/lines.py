"""Packed records as lines of the spool, one after the other: for what comes a few at a time.

Frames (see frames.py) cost half as much a sample where there are thousands, but a millisecond
however few there are, and cannot be interrupted: a worker that shares the core and has a request to
send would wait for them.
"""

import json
from collections.abc import Callable, Sequence

from loadrunner.engine.record import DUE_BY, RECORD, Names
from runs.analysis.outcomes import OUTCOMES

Write = Callable[[bytes, Sequence[str]], bytes]
"""Whole records, and the error texts of the worker that shipped them -> their lines."""

_FLAGS = ("false", "true")


def writer(names: Names, worker: int) -> Write:
    """The function for one worker's records."""
    flows = [f'{{"scenario":{_text(flow)},"step":{_text(step)}' for flow, step in names.steps]
    phases = [_text(phase) for phase in names.phases]
    dues, outcomes = [_text(one) for one in DUE_BY], [_text(one) for one in OUTCOMES]
    prefix = names.trace_prefix

    def write(records: bytes, errors: Sequence[str]) -> bytes:
        lines = []
        for (
            step, phase, journey, user, attempt, due_by, outcome, reused, due, started, wait,
            connect, first_byte, ended, first_token, tokens, status, error, retry_after, sent,
            received, trace,
        ) in RECORD.iter_unpack(records):  # fmt: skip
            lines.append(
                f'{flows[step]},"phase":{phases[phase]},"journey":{journey}'
                f',"user":{user if user >= 0 else "null"}'
                f',"worker":{worker},"attempt":{attempt},"due_us":{due},"due_by":{dues[due_by]}'
                f',"started_us":{started},"wait_us":{wait},"connect_us":{connect}'
                f',"first_byte_us":{first_byte if first_byte >= 0 else "null"},"ended_us":{ended}'
                f',"first_token_us":{first_token if first_token >= 0 else "null"}'
                f',"tokens":{tokens if tokens >= 0 else "null"}'
                f',"status":{status if status >= 0 else "null"},"outcome":{outcomes[outcome]}'
                f',"error":{_text(errors[error]) if error >= 0 else "null"}'
                f',"retry_after_ms":{retry_after if retry_after >= 0 else "null"}'
                f',"bytes_out":{sent},"bytes_in":{received},"reused":{_FLAGS[reused]}'
                f',"trace_id":"{prefix}{trace:016x}"}}\n'
            )
        return "".join(lines).encode()

    return write


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
