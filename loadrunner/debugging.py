"""`run --debug`: one journey of each scenario, every request and answer printed, secrets masked."""

import time
from collections.abc import Iterator, Mapping
from functools import partial

import httpx
from rich.console import Console

from loadrunner import preflight, session
from loadrunner.campaign.model import Campaign, Scenario, Step, Template, Variable
from loadrunner.campaign.positions import is_secret_name
from loadrunner.campaign.secrets import closed
from loadrunner.engine.extraction import documents, first_found
from loadrunner.engine.json_path import compiled
from loadrunner.engine.variables import MissingValueError, Values
from loadrunner.hooks.loading import check_loads
from loadrunner.hooks.message import Message
from loadrunner.hooks.rehearsal import Rehearsal
from loadrunner.identities import Credential, header_of, obtain
from loadrunner.preflight import Consent
from loadrunner.redaction import Redaction

_SHOWN_CHARACTERS = 2000


def debug(campaign: Campaign, consent: Consent, console: Console) -> int:
    """Returns 0 when every step got an answer that it expects, else 3."""
    check_loads(campaign)
    addresses = preflight.passed(campaign, consent)
    with session.client(campaign, addresses[0]) as client:
        with session.redacted(campaign):
            credentials = obtain(campaign, campaign.names_of_scenarios, client)
        secrets = {secret for one in credentials.values() for secret in one.secrets}
        printer = _Printer(console, Redaction(campaign.secrets | secrets))
        passages = [
            _Passage(campaign, scenario, client, credentials, printer).walk()
            for scenario in campaign.scenarios
        ]
    return 0 if all(passages) else 3


class _Printer:
    def __init__(self, console: Console, redact: Redaction) -> None:
        self._console = console
        self._redact = redact

    def keep_secret(self, values: Iterator[str]) -> None:
        """Values that are secrets, here and in all that is printed from now on."""
        self._redact = self._redact.with_more(closed(tuple(values)))

    def heading(self, text: str) -> None:
        self._console.print(f"\n{text}", style="bold", highlight=False, markup=False)

    def lines(self, sign: str, text: str) -> None:
        shown = self._redact(text)[:_SHOWN_CHARACTERS]
        for line in shown.splitlines():
            self._console.print(f"{sign} {line}", highlight=False, markup=False, soft_wrap=True)


class _Passage:
    """One journey of one scenario, its pauses included: a step may rely on them."""

    def __init__(
        self,
        campaign: Campaign,
        scenario: Scenario,
        client: httpx.Client,
        credentials: Mapping[str, Credential],
        printer: _Printer,
    ) -> None:
        self._scenario = scenario
        self._client = client
        self._credentials = credentials
        self._printer = printer
        self._values = Values(0, 0, seed=0, data=campaign.data)

    def walk(self) -> bool:
        """Whether every step was answered as expected."""
        if self._scenario.script is not None:
            complain = partial(self._printer.lines, "!")
            return Rehearsal(self._scenario, self._values, self._exchange, complain).run()
        is_well = True
        for step in self._scenario.steps:
            is_expected = self._take(step)
            is_well = is_well and is_expected
            if not is_expected and step.on_failure == "stop":
                self._printer.lines("!", "the journey stops here, as its on_failure says")
                break
        return is_well

    def _take(self, step: Step) -> bool:
        self._printer.heading(f"{self._scenario.name}/{step.name}")
        try:
            request = self._request(step)
        except MissingValueError as error:
            self._printer.lines("!", f"not sent: {error} was not extracted")
            return False
        time.sleep(step.think_time_s)
        answer = self._sent(request)
        return answer is not None and self._judged(step, answer)

    def _exchange(self, step: Step, asked: Message) -> httpx.Response | None:
        """A request of a function."""
        self._printer.heading(f"{self._scenario.name}/{step.name}")
        headers = self._headers_of(step)
        headers.update(dict(asked.headers))
        return self._sent(
            self._client.build_request(
                asked.method, asked.path, headers=headers, content=asked.body
            )
        )

    def _sent(self, request: httpx.Request) -> httpx.Response | None:
        """The answer, printed as the request is; None where none came."""
        self._printer.keep_secret(_secrets(request.headers, request.content))
        self._printer.lines(">", _told(request))
        # A load has no cookies of its own, so that a journey that is looked at has none either.
        self._client.cookies.clear()
        try:
            answer = self._client.send(request)
        except httpx.HTTPError as error:
            self._printer.lines("!", f"no answer: {error or type(error).__name__}")
            return None
        self._printer.keep_secret(_secrets(answer.headers, answer.content))
        self._printer.lines("<", _answered(answer))
        return answer

    def _judged(self, step: Step, answer: httpx.Response) -> bool:
        """Whether the answer is an expected one with all that later steps need."""
        is_expected = answer.status_code in step.expect
        if not is_expected:
            expected = ", ".join(map(str, step.expect))
            self._printer.lines("!", f"status {answer.status_code}, expected {expected}")
        return self._extract(step, answer) and is_expected

    def _request(self, step: Step) -> httpx.Request:
        wanted = step.request
        assert wanted is not None
        headers = self._headers_of(step)
        headers.update({name: self._text(value) for name, value in wanted.headers})
        body = None if wanted.body is None else self._text(wanted.body)
        return self._client.build_request(
            wanted.method, self._text(wanted.path), headers=headers, content=body
        )

    def _headers_of(self, step: Step) -> httpx.Headers:
        """Those of who it is sent as."""
        return httpx.Headers(header_of(self._credentials, step.identity or self._scenario.identity))

    def _text(self, template: Template) -> str:
        return "".join(_filled(piece, self._values) for piece in template)

    def _extract(self, step: Step, answer: httpx.Response) -> bool:
        """Whether everything that the step extracts is there."""
        held = documents(answer.content, of_events=step.stream is not None)
        paths = {name: compiled(path) for name, path in step.extract.items()}
        texts = first_found(held, paths)
        self._values.extracted.update(texts)
        missing = [name for name in paths if name not in texts]
        for name in missing:
            self._printer.lines("!", f"{name}: nothing at {step.extract[name]}")
        return not missing


def _filled(piece: str | Variable, values: Values) -> str:
    return piece if isinstance(piece, str) else values.text(piece)


def _told(request: httpx.Request) -> str:
    head = f"{request.method} {request.url.raw_path.decode()}"
    headers = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
    return f"{head}\n{headers}\n\n{request.content.decode(errors='replace')}".rstrip()


def _answered(answer: httpx.Response) -> str:
    head = f"{answer.status_code} {answer.reason_phrase} ({answer.elapsed.total_seconds():.3f} s)"
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{head}\n{headers}\n\n{answer.text}".rstrip()


def _secrets(headers: httpx.Headers, body: bytes) -> Iterator[str]:
    """What stands under the name of a secret: a token that a step obtains is one, too."""
    yield from (value for name, value in headers.items() if is_secret_name(name))
    for document in documents(body, of_events=True):
        yield from _secret_texts(document)


def _secret_texts(document: object) -> Iterator[str]:
    left: list[tuple[object, bool]] = [(document, False)]
    while left:  # no recursion: what comes may be nested deeper than that may go
        value, is_secret = left.pop()
        if isinstance(value, dict):
            left += [(inner, is_secret_name(name)) for name, inner in value.items()]
        elif isinstance(value, list):
            left += [(inner, is_secret) for inner in value]
        elif isinstance(value, str) and is_secret:
            yield value
