"""Chat: a message that a slow LLM call answers, and the conversation read back from the cache."""

import functools
from collections.abc import Mapping

from loadrunner.target import answers
from loadrunner.target.exchange import Exchange
from loadrunner.target.pool import Visit
from loadrunner.target.router import Route
from loadrunner.target.service import Conversation, Service

EVENT_STREAM = "text/event-stream"
_WORDS = ("The", "answer", "comes", "in", "small", "pieces", "one", "by")


def routes(service: Service) -> tuple[Route, ...]:
    def send_message(exchange: Exchange, user: str, _: tuple[str, ...]) -> None:
        document = exchange.json()
        text = document.get("text") if document is not None else None
        if not isinstance(text, str):
            exchange.refuse(422, "invalid_body", 'The body must be {"text": "…"}.')
            return
        visit = service.llm.admit(exchange.arrived_s)
        if not visit.is_served:
            service.give_up(exchange, visit, "LLM slot")
            return
        words = reply_words(service.settings.llm_tokens)
        conversation = service.conversations.add(Conversation(user, text, " ".join(words)))
        if document is not None and _wants_stream(exchange, document.get("stream")):
            _Stream(service, exchange, visit, conversation, words).begin()
        else:
            answer = {"conversation_id": conversation, "reply": " ".join(words)}
            service.reply_later(exchange, visit.left_s, 200, answer)

    def history(exchange: Exchange, user: str, values: tuple[str, ...]) -> None:
        now_s = exchange.arrived_s
        conversation = service.conversations.get(values[0])
        after_s = service.cache.time_s
        if conversation is None or conversation.user != user:
            detail = f"There is no conversation {values[0]} of this user."
            service.agenda.at(now_s + after_s, lambda: exchange.refuse(404, "not_found", detail))
            return
        if not service.cache.holds("conversations", now_s):
            after_s += service.settings.chat_store_time
        answer = _as_document(values[0], conversation)
        service.reply_later(exchange, now_s + after_s, 200, answer)

    return (
        Route("POST", "/v1/chat/messages", service.for_members(send_message)),
        Route("GET", "/v1/chat/conversations/{id}", service.for_members(history)),
    )


def reply_words(count: int) -> tuple[str, ...]:
    return tuple(_WORDS[i % len(_WORDS)] for i in range(count))


def _wants_stream(exchange: Exchange, asked: object) -> bool:
    # HTTP/1.0 knows no chunks, and gets its answer in one piece.
    accepts = EVENT_STREAM in exchange.headers.get("accept", "")
    return (asked is True or accepts) and not exchange.is_http_10


def _as_document(name: str, conversation: Conversation) -> Mapping[str, object]:
    return {
        "conversation_id": name,
        "messages": [
            {"role": "user", "text": conversation.text},
            {"role": "assistant", "text": conversation.reply},
        ],
    }


class _Stream:
    """Tokens as they come: the first after its share of the call, the last at its end."""

    def __init__(
        self,
        service: Service,
        exchange: Exchange,
        visit: Visit,
        conversation: str,
        words: tuple[str, ...],
    ) -> None:
        self._agenda = service.agenda
        self._exchange = exchange
        self._words = words
        self._conversation = conversation
        started_s = visit.left_s if visit.started_s is None else visit.started_s
        call_s = visit.left_s - started_s
        self._first_s = started_s + call_s * service.settings.llm_first_token
        self._apart_s = (visit.left_s - self._first_s) / max(1, len(words) - 1)

    def begin(self) -> None:
        self._agenda.at(self._first_s, self._open)

    def _open(self) -> None:
        self._exchange.open_stream(EVENT_STREAM)
        self._send(0)

    def _send(self, number: int) -> None:
        event = {"conversation_id": self._conversation, "token": self._words[number]}
        self._exchange.stream(b"data: " + answers.json_body(event) + b"\n\n")
        following = number + 1
        if following < len(self._words):
            due_s = self._first_s + following * self._apart_s
            self._agenda.at(due_s, functools.partial(self._send, following))
        else:
            self._exchange.stream(b"data: [DONE]\n\n")
            self._exchange.end_stream()
