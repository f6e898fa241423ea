"""The service as a whole: its resources, and who may use them."""

import hmac
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from loadrunner.target.agenda import Agenda
from loadrunner.target.cache import Cache
from loadrunner.target.draws import EvenChoice, ServiceTime
from loadrunner.target.exchange import Exchange
from loadrunner.target.limits import Limits
from loadrunner.target.pool import Pool, Visit
from loadrunner.target.records import Records
from loadrunner.target.router import Handler
from loadrunner.target.settings import TargetSettings
from loadrunner.target.tokens import Tokens

MemberHandler = Callable[[Exchange, str, tuple[str, ...]], None]
"""Gets the signed-in user beside the exchange and the path's values."""


@dataclass(frozen=True)
class Conversation:
    user: str
    text: str
    reply: str


@dataclass(frozen=True)
class Export:
    user: str
    ready_s: float


class Station:
    """A pool with the time that its jobs take: where a request waits and is then served."""

    def __init__(self, pool: Pool, time: ServiceTime) -> None:
        self.pool = pool
        self._time = time

    def admit(self, now_s: float) -> Visit:
        return self.pool.admit(now_s, self._time.draw())


class Service:
    """Everything that the flows share. `reset` empties it, but for tokens: a campaign signs in
    before it resets."""

    def __init__(self, settings: TargetSettings, agenda: Agenda) -> None:
        self.settings = settings
        self.agenda = agenda
        random = Random(settings.seed)
        window_s = settings.summary_window

        def station(size: int, mean_s: float, cv: float, max_wait_s: float) -> Station:
            return Station(Pool(size, max_wait_s, window_s), ServiceTime(mean_s, cv, random))

        s = settings
        self.database = station(s.db_pool, s.db_time, s.db_cv, s.db_max_wait)
        self.llm = station(s.llm_pool, s.llm_time, s.llm_cv, s.llm_max_wait)
        self.exports = station(s.export_workers, s.export_time, s.export_cv, s.export_max_wait)
        self.deletions = station(s.delete_workers, s.delete_time, s.delete_cv, s.delete_max_wait)
        self.quote_time = ServiceTime(s.b2b_time, s.b2b_cv, random)
        hit_rates = {"billing": s.billing_cache_hit_rate, "conversations": s.chat_cache_hit_rate}
        reaches = {"billing": s.billing_cache_reach}
        self.cache = Cache(s.cache_time, hit_rates, window_s, reaches)
        self.limits = Limits(settings)
        self.tokens = Tokens(settings.token_ttl)
        self.conversations: Records[Conversation] = Records("cnv", s.kept_records)
        self.export_jobs: Records[Export] = Records("exp", s.kept_records)
        self.busy_exporting_until_s: dict[str, float] = {}
        self.delete_choice = EvenChoice(s.delete_mix)
        self._keys = {key for key in (s.b2b_api_key, *s.b2b_more_keys.split(",")) if key}

    @property
    def stations(self) -> dict[str, Station]:
        """By the name that the metrics give them."""
        return {
            "database": self.database,
            "llm": self.llm,
            "exports": self.exports,
            "deletions": self.deletions,
        }

    def reset(self) -> None:
        for station in self.stations.values():
            station.pool.reset()
        self.cache.reset()
        self.limits.reset()
        self.conversations.clear()
        self.export_jobs.clear()
        self.busy_exporting_until_s.clear()
        self.delete_choice = EvenChoice(self.settings.delete_mix)

    def for_members(self, handler: MemberHandler) -> Handler:
        """Lets a signed-in user through whose own limit is not used up."""

        def handle(exchange: Exchange, values: tuple[str, ...]) -> None:
            user = self.tokens.user(_bearer(exchange), exchange.arrived_s)
            if user is None:
                _unauthorised(exchange, "The access token is missing, unknown or has run out.")
            elif self.limits.user_admits(exchange, user):
                handler(exchange, user, values)

        return handle

    def for_partners(self, handler: MemberHandler) -> Handler:
        """Lets a known API key through; its plan is the flow's own business."""

        def handle(exchange: Exchange, values: tuple[str, ...]) -> None:
            key = exchange.headers.get("x-api-key", "")
            if key in self._keys:
                handler(exchange, key, values)
            else:
                _unauthorised(exchange, "The header X-API-Key is missing or holds no known key.")

        return handle

    def for_ops(self, handler: Handler) -> Handler:
        expected = self.settings.ops_token.encode()

        def handle(exchange: Exchange, values: tuple[str, ...]) -> None:
            if hmac.compare_digest(_bearer(exchange).encode(), expected):
                handler(exchange, values)
            else:
                _unauthorised(exchange, "The ops token is missing or wrong.")

        return handle

    def reply_later(
        self, exchange: Exchange, at_s: float, status: int, document: Mapping[str, object]
    ) -> None:
        self.agenda.at(at_s, lambda: exchange.reply_json(status, document))

    def give_up(self, exchange: Exchange, visit: Visit, what: str) -> None:
        """The wait grew too long: 503 at the end of it, and no word of when to come back."""
        detail = f"No {what} came free in time."
        self.agenda.at(visit.left_s, lambda: exchange.refuse(503, "overloaded", detail))


def turn_away(exchange: Exchange, what: str, wait_s: float) -> None:
    """The queue is full: 503 at once, with the time to come back."""
    fields = {"Retry-After": str(max(1, math.ceil(wait_s)))}
    exchange.refuse(503, "overloaded", f"The queue of {what} is full.", fields)


def _bearer(exchange: Exchange) -> str:
    scheme, _, token = exchange.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _unauthorised(exchange: Exchange, detail: str) -> None:
    exchange.refuse(401, "unauthorised", detail, {"WWW-Authenticate": "Bearer"})
