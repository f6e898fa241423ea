"""From a method and a path to the flow that answers."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from loadrunner.target.exchange import Exchange

Handler = Callable[[Exchange, tuple[str, ...]], None]
"""Gets the exchange and the values of the path's `{…}`, in order."""


@dataclass(frozen=True)
class Route:
    """`path` as registered, which also names it in the metrics."""

    method: str
    path: str
    handler: Handler

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.path.split("/"))


def _match(template: tuple[str, ...], segments: tuple[str, ...]) -> tuple[str, ...] | None:
    """The values of the template's `{…}`, or None where the path is another."""
    if len(template) != len(segments):
        return None
    values = []
    for wanted, found in zip(template, segments, strict=True):
        if wanted.startswith("{"):
            values.append(found)
        elif wanted != found:
            return None
    return tuple(values)


@dataclass
class Router:
    """Counts every answer by method, route and status. `prepare` runs before any flow does, and
    says False where it has answered the request itself."""

    prepare: Callable[[Exchange], bool]
    answered: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    _exact: dict[str, dict[str, Route]] = field(default_factory=dict)
    _open: list[tuple[tuple[str, ...], Route]] = field(default_factory=list)

    def add(self, route: Route) -> None:
        if "{" in route.path:
            self._open.append((route.segments, route))
        else:
            self._exact.setdefault(route.path, {})[route.method] = route

    def dispatch(self, exchange: Exchange) -> None:
        if exchange.fault is not None:
            self._count(exchange, "(not understood)")
            status, detail = exchange.fault
            exchange.refuse(status, "bad_request", detail)
            return
        methods, values = self._find(exchange.path)
        method = "GET" if exchange.method == "HEAD" else exchange.method
        route = methods.get(method)
        if route is None:
            self._not_found(exchange, tuple(methods))
            return
        self._count(exchange, route.path)
        if self.prepare(exchange):
            route.handler(exchange, values)

    def _find(self, path: str) -> tuple[dict[str, Route], tuple[str, ...]]:
        """The routes of a path by their methods, with the values of its `{…}`."""
        exact = self._exact.get(path)
        if exact is not None:
            return exact, ()
        segments = tuple(path.split("/"))
        found: dict[str, Route] = {}
        values: tuple[str, ...] = ()
        for template, route in self._open:
            matched = _match(template, segments)
            if matched is not None:
                found[route.method] = route
                values = matched
        return found, values

    def _not_found(self, exchange: Exchange, methods: tuple[str, ...]) -> None:
        self._count(exchange, "(unknown)")
        if methods:
            allow = ", ".join(methods)
            detail = f"{exchange.path} takes {allow}, not {exchange.method}."
            exchange.refuse(405, "method_not_allowed", detail, {"Allow": allow})
        else:
            exchange.refuse(404, "not_found", f"There is nothing at {exchange.path}.")

    def _count(self, exchange: Exchange, path: str) -> None:
        def count(status: int) -> None:
            self.answered[exchange.method, path, status] += 1

        exchange.on_status(count)
