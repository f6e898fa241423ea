"""`loadrunner run CAMPAIGN --retest ACT-12`: run what an action needs, until the portal decides."""

import argparse
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from loadrunner import exits
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.options import campaign_of
from loadrunner.campaign.retesting import needed
from loadrunner.campaign.safety import IN_FILE
from loadrunner.commands import remarks
from loadrunner.commands.destination import door_of
from loadrunner.errors import UploadError, UsageError
from loadrunner.execution import Execution, Options, execute, own_folder
from loadrunner.labels import labels_of
from loadrunner.portal_client import Door, find_action, upload, verdict
from loadrunner.preflight import Consent
from loadrunner.rendering import text
from loadrunner.spool import check_unused

# Where nothing else is said: the rule believes six runs in a row that say the same.
MOST_RUNS: Final = 6
_JUDGED: Final = ("accepted", "implemented", "verified", "failed", "regressed")
_LIVE: Final = _JUDGED[1:]
_REF: Final = re.compile(r"ACT-[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Outcome:
    """What the portal says of the action after a run: `state` is where the action stands now."""

    retest: str
    reason: str
    state: str

    @property
    def exit_code(self) -> int | None:
        """None where more runs may tell."""
        if self.retest == "not_applicable":
            return exits.INCONCLUSIVE
        if self.state == "implemented" or self.retest == "inconclusive":
            return None
        if self.retest == "fail" and self.state == "verified":
            return None
        return {"pass": exits.DONE, "fail": exits.CRITERION_FAILED}[self.retest]


def add_retest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--retest",
        metavar="ACT-N",
        help="run what this action of the portal needs, repeated until it is decided, and exit by "
        "its outcome",
    )


def retest(arguments: argparse.Namespace) -> int:
    """The exit code is the outcome's: 0 passed, 3 failed, 4 a run was not valid, 8 still open."""
    door = _door(arguments)
    if arguments.out is not None:
        check_unused(arguments.out)
    action = find_action(door, arguments.retest)
    _check(action, arguments.retest)
    campaign = _campaign(arguments, action)
    began_s, most_s = time.monotonic(), getattr(arguments, "max_s", None)
    most = getattr(arguments, "repeat", None) or MOST_RUNS
    for number in range(1, most + 1):
        execution = _run(arguments, campaign, action, number)
        if execution.interrupted_by is not None:
            return exits.of_signal(execution.interrupted_by)
        if execution.aborted is not None:
            print(f"loadrunner: The run was stopped. {execution.aborted}", file=sys.stderr)
            return exits.REFUSED
        found = _judged(execution, door, action)
        _tell(arguments, number, found)
        if isinstance(found, int):
            return found
        if found.exit_code is not None:
            return found.exit_code
        if _is_baseline(action):
            return exits.INCONCLUSIVE
        if most_s is not None and time.monotonic() - began_s + campaign.duration_s > most_s:
            break
    print(f"{arguments.retest} is still open after {number} runs.", file=sys.stderr)
    return exits.of_verdict("inconclusive", arguments.on_inconclusive)


def _door(arguments: argparse.Namespace) -> Door:
    if not _REF.fullmatch(arguments.retest):
        raise UsageError(f"--retest {arguments.retest}: an action reads ACT-12.")
    door = door_of(arguments)
    if door is None:
        raise UsageError("--retest needs --portal URL and --project SLUG, where the action is.")
    return door


def _check(action: dict[str, object], ref: str) -> None:
    """Nothing is sent for an action that no run may judge."""
    if action["state"] not in _JUDGED:
        raise UsageError(f"{ref} is {action['state']}: runs judge an action from accepted on.")
    if not action["criteria"]:
        raise UsageError(f"{ref} has no criteria, so no run can decide it. Write one first.")
    if action["baseline_advice"] and action["state"] in _LIVE:
        raise UsageError(f"{ref} cannot be decided. {action['baseline_advice']}")


def _is_baseline(action: dict[str, object]) -> bool:
    """The first run after acceptance is what relative criteria are held against."""
    return action["state"] == "accepted" and bool(action["baseline_advice"])


def _campaign(arguments: argparse.Namespace, action: dict[str, object]) -> Campaign:
    campaign = campaign_of(arguments)
    wanted = action["campaign"]
    if wanted and wanted != campaign.name:
        raise UsageError(
            f"{arguments.retest} is judged by runs of the campaign '{wanted}'; {campaign.file} is "
            f"'{campaign.name}'."
        )
    criteria = action["criteria"]
    texts = [str(one["text"]) for one in criteria] if isinstance(criteria, list) else []
    cut = needed(campaign, texts, arguments.retest)
    return remarks.warned(cut, arguments, Console(stderr=True))


def _run(
    arguments: argparse.Namespace, campaign: Campaign, action: dict[str, object], number: int
) -> Execution:
    given = arguments.out
    if given is not None and number > 1:
        given = Path(f"{given}-{number}")
    with own_folder(given, campaign) as out:
        return _executed(arguments, campaign, action, out)


def _executed(
    arguments: argparse.Namespace, campaign: Campaign, action: dict[str, object], out: Path
) -> Execution:
    options = Options(
        out=out,
        workers=arguments.workers,
        seed=arguments.seed,
        labels={**_labels(action), **labels_of(arguments.labels)},
        consent=Consent(arguments.confirm_host, tuple(arguments.stop_files), IN_FILE),
        quiet=arguments.quiet,
    )
    execution = execute(campaign, options, Console(stderr=True))
    if not arguments.quiet:
        lines = [*remarks.of_campaign(campaign), *remarks.of_run(execution.notes)]
        print("\n".join([text.summary(execution.report), *lines]))
    return execution


def _labels(action: dict[str, object]) -> dict[str, str]:
    """Those without which the run would not be the action's."""
    labels = action["labels"]
    found = {str(key): str(one) for key, one in labels.items()} if isinstance(labels, dict) else {}
    if action["environment"]:
        found.setdefault("environment", str(action["environment"]))
    return found


def _judged(execution: Execution, door: Door, action: dict[str, object]) -> Outcome | int:
    """What the portal says of the action, or the exit code of a run that says nothing."""
    try:
        sent = upload(execution.folder, door, {})
        print(f"Uploaded: run {sent.run_id}\n{sent.url}")
        answer = verdict(door, sent.run_id)
    except UploadError as error:
        print(f"loadrunner: {error}\nThe spool is kept: {execution.folder}.", file=sys.stderr)
        return exits.UPLOAD_FAILED
    if answer.get("validity") == "invalid":
        print("The run is not valid, so it judges nothing.", file=sys.stderr)
        return exits.NOT_VALID
    actions = answer.get("actions")
    for one in actions if isinstance(actions, list) else []:
        if one["id"] == action["id"]:
            return Outcome(one["retest"], one["reason"], one["state"])
    return Outcome("not_applicable", "The run does not apply to the action.", "")


def _tell(arguments: argparse.Namespace, number: int, found: Outcome | int) -> None:
    if isinstance(found, Outcome):
        state = f", {found.state} now" if found.state else ""
        outcome = found.retest.replace("_", " ")
        print(f"Re-test {number} of {arguments.retest}: {outcome}{state}. {found.reason}")
