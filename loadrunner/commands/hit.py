"""`loadrunner hit URL -r 100 -d 10s`: a run without a campaign file."""

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from loadrunner.campaign.file import campaign_of_text
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.problems import CombinedCampaignError
from loadrunner.campaign.quantities import duration_s, rate_per_s
from loadrunner.campaign.safety import THIS_MACHINE
from loadrunner.commands.run import add_run_options, carry_out, checked, consent_of
from loadrunner.errors import CampaignError, UsageError
from loadrunner.preflight import WITH_FLAG
from runs.analysis.plan import PLATEAU

_SUCCESSES = tuple(range(200, 207))
_DEFAULT_RATE = 10.0
_DEFAULT_DURATION_S = 10.0
# Which flag a key of the campaign comes from, the first that fits.
_FLAGS: Final[Mapping[str, str]] = {
    r"target\.allow": "--allow",
    r"target\.timeout": "--timeout",
    r"target": "URL",
    r"identities": "URL",
    r"criteria": "--criterion",
    r".*\.request\.headers": "--header",
    r".*\.request\.method": "--method",
    r".*\.request\.body": "--body",
    r".*\.request": "URL",
    r".*\.expect": "--expect",
    r".*\.rate": "--rate",
    r".*\.users": "--users",
    r".*\.duration": "--duration",
}


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
    parser.add_argument(
        "--expect",
        type=_statuses,
        default=_SUCCESSES,
        metavar="200,201",
        help="the statuses that are right; default 200 to 206",
    )
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
    door = checked(arguments)
    return carry_out(campaign_of(arguments), arguments, consent_of(arguments, WITH_FLAG), door)


def campaign_of(arguments: argparse.Namespace) -> Campaign:
    """The campaign that the flags mean, read and checked as any other file is.

    Raises UsageError naming the flag, and SafetyError for a host that may not be loaded.
    """
    text = json.dumps(_document(arguments), indent=1, ensure_ascii=False) + "\n"
    try:
        campaign = campaign_of_text(Path("hit"), text.encode(), {}, {}, how_to_allow=WITH_FLAG)
    except CampaignError as error:
        raise UsageError(_by_flag(error)) from error
    return replace(campaign, file=Path())


def _document(arguments: argparse.Namespace) -> dict[str, Any]:
    """One scenario `hit` of one step `request`."""
    url = _url(arguments.url)
    path = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    scenario: dict[str, Any] = {
        "steps": [{"name": "request", **_step(path, arguments)}],
        "load": [_load(arguments)],
    }
    document: dict[str, Any] = {
        "campaign": "hit",
        "target": {
            "base_url": f"{url.scheme}://{url.netloc.rpartition('@')[2]}",
            "allow": [*THIS_MACHINE, *arguments.allow],
            "timeout": _seconds(arguments.timeout),
        },
    }
    if url.username is not None:
        who = {"user": unquote(url.username), "password": unquote(url.password or "")}
        document["identities"] = {"of_the_url": {"basic": _literal(who)}}
        scenario["identity"] = "of_the_url"
    return {**document, "scenarios": {"hit": scenario}, "criteria": arguments.criterion}


def _url(text: str) -> SplitResult:
    wrong = UsageError(f"{text} is not an address such as http://127.0.0.1:8900/path.")
    try:
        url = urlsplit(text if "://" in text else f"http://{text}")
        port = url.port
    except ValueError as error:
        raise wrong from error
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        raise wrong
    return url


def _step(path: str, arguments: argparse.Namespace) -> dict[str, Any]:
    request: dict[str, Any] = {"method": arguments.method, "path": path}
    if arguments.header:
        request["headers"] = _headers(arguments.header)
    if arguments.body is not None:
        request["body"] = arguments.body
    return {"request": _literal(request), "expect": list(arguments.expect)}


def _load(arguments: argparse.Namespace) -> dict[str, Any]:
    phase = {"phase": PLATEAU, "duration": _seconds(arguments.duration)}
    if arguments.users:
        return {**phase, "users": arguments.users}
    return {**phase, "rate": arguments.rate}


def _seconds(length_s: float) -> str:
    return f"{length_s:.6f}".rstrip("0").rstrip(".") + "s"


def _literal(value: Any) -> Any:
    """The command line knows no variables: what looks like one is sent as it stands."""
    if isinstance(value, dict):
        return {name: _literal(one) for name, one in value.items()}
    return value.replace("${", "$${") if isinstance(value, str) else value


def _headers(texts: Sequence[str]) -> dict[str, str]:
    """By name; values of one name are joined, as HTTP does."""
    headers: dict[str, str] = {}
    for name, value in map(_header, texts):
        sign = "; " if name.lower() == "cookie" else ", "
        headers[name] = f"{headers[name]}{sign}{value}" if name in headers else value
    return headers


def _header(text: str) -> tuple[str, str]:
    name, sign, value = text.partition(":")
    if not sign or not name.strip():
        raise UsageError(f"--header '{name.strip()}': a header reads 'NAME: VALUE'.")
    return name.strip(), value.strip()


def _by_flag(error: CampaignError) -> str:
    """What is wrong, a line each, by the flags that the user typed."""
    errors = error.errors if isinstance(error, CombinedCampaignError) else (error,)
    return "\n".join(f"{_flag(one.key)}: {one.message}" for one in errors)


def _flag(key: str) -> str:
    return next((flag for pattern, flag in _FLAGS.items() if re.match(pattern, key)), key)


def _of(reader: Callable[[object], float]) -> Callable[[str], float]:
    """An argparse type from one of the campaign's quantities; a bare rate is a number there."""

    def read(text: str) -> float:
        try:
            return reader(_plain(text))
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read


def _plain(text: str) -> float | str:
    """The value as a campaign file would have it."""
    if text.isdigit():
        return int(text)
    return float(text) if text.replace(".", "", 1).isdigit() else text


def _users(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of users")
    return int(text)


def _statuses(text: str) -> tuple[int, ...]:
    codes = text.split(",")
    if not all(code.isdigit() and 100 <= int(code) <= 599 for code in codes):
        raise argparse.ArgumentTypeError(f"'{text}' is not a list of statuses such as 200,201")
    return tuple(int(code) for code in codes)
