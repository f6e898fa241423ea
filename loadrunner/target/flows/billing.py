"""Billing: usage and quota, each one query on the database pool."""

from loadrunner.target.exchange import Exchange
from loadrunner.target.router import Handler, Route
from loadrunner.target.service import Service

_USAGE: dict[str, object] = {"period": "current", "messages": 1280, "exports": 2}
_QUOTA: dict[str, object] = {"messages": 10_000, "remaining": 8_720}


def routes(service: Service) -> tuple[Route, ...]:
    return (
        Route("GET", "/v1/billing/usage", _query(service, _USAGE)),
        Route("GET", "/v1/billing/quota", _query(service, _QUOTA)),
    )


def _query(service: Service, answer: dict[str, object]) -> Handler:
    def query(exchange: Exchange, _user: str, _: tuple[str, ...]) -> None:
        now_s = exchange.arrived_s
        if service.cache.holds("billing", now_s):
            service.reply_later(exchange, now_s + service.cache.time_s, 200, answer)
            return
        visit = service.database.admit(now_s)
        if visit.is_served:
            service.reply_later(exchange, visit.left_s, 200, answer)
        else:
            service.give_up(exchange, visit, "database connection")

    return service.for_members(query)
