"""`loadrunner hit URL -r 100 -d 10s`: a run without a campaign file."""

import argparse
import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from loadrunner.campaign.model import Campaign, Load, Request, Scenario, Step, Target
from loadrunner.campaign.quantities import duration_s, rate_per_s
from loadrunner.campaign.safety import THIS_MACHINE
from loadrunner.commands.run import add_run_options, carry_out, consent_of
from loadrunner.errors import UsageError
from loadrunner.preflight import WITH_FLAG
from runs.analysis.plan import PLATEAU

_DEFAULT_RATE = 10.0
_DEFAULT_DURATION_S = 10.0


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "hit",
        help="load one address without a campaign file",
        description="Sends requests to one address at a set rate (open model), or with --users "
        "as a set number of concurrent users (closed model).",
    )
    parser.add_argument("url", metavar="URL")
    load = parser.add_mutually_exclusive_group()
    load.add_argument(
        "-r", "--rate", type=_of(rate_per_s), default=_DEFAULT_RATE, help="requests/s, default 10"
    )
    load.add_argument("-u", "--users", type=_users, metavar="N", help="concurrent users instead")
    parser.add_argument(
        "-d", "--duration", type=_of(duration_s), default=_DEFAULT_DURATION_S, help="default 10s"
    )
    parser.add_argument("-X", "--method", default="GET")
    parser.add_argument("-H", "--header", action="append", default=[], metavar="'NAME: VALUE'")
    parser.add_argument("-b", "--body", metavar="TEXT")
    parser.add_argument("--expect", type=_statuses, default=(200,), metavar="200,201")
    parser.add_argument("--timeout", type=_of(duration_s), default=10.0, help="default 10s")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="HOST",
        help="load this host, address or network too; without it, this machine alone",
    )
    parser.add_argument("--criterion", action="append", default=[], metavar="'p95(hit) < 300ms'")
    add_run_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    return carry_out(campaign_of(arguments), arguments, consent_of(arguments, WITH_FLAG))


def campaign_of(arguments: argparse.Namespace) -> Campaign:
    """The campaign that the flags mean: one scenario `hit` of one step `request`."""
    base_url, path = _split(arguments.url)
    text = f"# loadrunner hit {base_url}{path}\n"
    return Campaign(
        name="hit",
        file=Path(),
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        target=Target(base_url, (*THIS_MACHINE, *arguments.allow), arguments.timeout),
        scenarios=(Scenario("hit", (_step(path, arguments),), (_load(arguments),)),),
        criteria=tuple(arguments.criterion),
    )


def _split(url: str) -> tuple[str, str]:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url} is not an address such as http://127.0.0.1:8900/path.")
    path = parts.path or "/"
    return f"{parts.scheme}://{parts.netloc}", f"{path}?{parts.query}" if parts.query else path


def _step(path: str, arguments: argparse.Namespace) -> Step:
    headers = tuple(_header(text) for text in arguments.header)
    body = None if arguments.body is None else (arguments.body,)
    request = Request(arguments.method.upper(), (path,), headers, body)
    return Step("request", request, expect=arguments.expect)


def _load(arguments: argparse.Namespace) -> Load:
    if arguments.users:
        return Load(PLATEAU, 0.0, arguments.duration, model="closed", users=arguments.users)
    rate = arguments.rate
    return Load(PLATEAU, 0.0, arguments.duration, rate_from=rate, rate_to=rate)


def _header(text: str) -> tuple[str, tuple[str]]:
    name, sign, value = text.partition(":")
    if not sign or not name.strip():
        raise UsageError(f"--header '{text}': a header reads 'NAME: VALUE'.")
    return name.strip(), (value.strip(),)


def _of(reader: Callable[[object], float]) -> Callable[[str], float]:
    """An argparse type from one of the campaign's quantities; a bare rate is a number there."""

    def read(text: str) -> float:
        try:
            return reader(float(text) if text.replace(".", "", 1).isdigit() else text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def _users(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of users")
    return int(text)


def _statuses(text: str) -> tuple[int, ...]:
    codes = text.split(",")
    if not all(code.isdigit() and 100 <= int(code) <= 599 for code in codes):
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of statuses such as 200,201")
    return tuple(int(code) for code in codes)
