"""Billing: usage is a query on the database pool, the quota a counter that the cache keeps."""

import time

from loadrunner.target.exchange import Exchange
from loadrunner.target.router import Handler, Route
from loadrunner.target.service import Service

_USAGE: dict[str, object] = {"period": "current", "messages": 1280, "exports": 2}
_QUOTA: dict[str, object] = {"messages": 10_000, "remaining": 8_720}


def routes(service: Service) -> tuple[Route, ...]:
    return (
        Route("GET", "/v1/billing/usage", _usage(service)),
        Route("GET", "/v1/billing/quota", _quota(service)),
    )


def _quota(service: Service) -> Handler:
    def read(exchange: Exchange, _user: str, _: tuple[str, ...]) -> None:
        service.reply_later(exchange, exchange.arrived_s + service.cache.time_s, 200, _QUOTA)

    return service.for_members(read)


def _usage(service: Service) -> Handler:
    def query(exchange: Exchange, _user: str, _: tuple[str, ...]) -> None:
        _compute(service.settings.billing_cpu)
        now_s = exchange.arrived_s
        if service.cache.holds("billing", now_s):
            service.reply_later(exchange, now_s + service.cache.time_s, 200, _USAGE)
            return
        visit = service.database.admit(now_s)
        if visit.is_served:
            service.reply_later(exchange, visit.left_s, 200, _USAGE)
        else:
            service.give_up(exchange, visit, "database connection")

    return service.for_members(query)


def _compute(seconds: float) -> None:
    """Keeps the core busy for so much of its own time; whoever else waits for it waits longer."""
    ends_s = time.thread_time() + seconds
    while seconds and time.thread_time() < ends_s:
        pass
