"""WSGI applications with a capacity that is known: what real servers serve for `real_servers.py`.

`sleeping` takes SERVICE_MS of a worker; `pooled` runs a statement of SERVICE_MS on one of POOL
connections to the PostgreSQL database at DATABASE_URL, and waits for one as long as it takes.
"""

import os
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

Start = Callable[[str, list[tuple[str, str]]], object]
_SERVICE_S = float(os.environ.get("SERVICE_MS", "40")) / 1000


def sleeping(_: dict[str, Any], start: Start) -> Iterable[bytes]:
    time.sleep(_SERVICE_S)
    return _answer(start)


def pooled(_: dict[str, Any], start: Start) -> Iterable[bytes]:
    with _pool().connection() as connection:
        connection.execute("select pg_sleep(%s)", (_SERVICE_S,))
    return _answer(start)


def _answer(start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


@cache
def _pool() -> Any:
    from psycopg_pool import ConnectionPool

    size = int(os.environ.get("POOL", "5"))
    return ConnectionPool(
        os.environ["DATABASE_URL"], min_size=size, max_size=size, timeout=600, open=True,
        kwargs={"autocommit": True},
    )  # fmt: skip
