"""B2B: a quote for a partner, as many as the plan allows."""

from loadrunner.target.exchange import Exchange
from loadrunner.target.router import Route
from loadrunner.target.service import Service

_QUOTE: dict[str, object] = {"product": "standard", "price": "12.50", "currency": "EUR"}


def routes(service: Service) -> tuple[Route, ...]:
    def quote(exchange: Exchange, key: str, _: tuple[str, ...]) -> None:
        fields = service.limits.plan_admits(exchange, key)
        if fields is not None:
            after_s = exchange.arrived_s + service.quote_time.draw()
            service.agenda.at(after_s, lambda: exchange.reply_json(200, _QUOTE, fields))

    return (Route("GET", "/v1/b2b/quote", service.for_partners(quote)),)
