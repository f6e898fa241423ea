"""`loadrunner ab A B`: two campaigns, or one against two targets, in turns; one verdict."""

import argparse
import json
import sys
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from rich.console import Console

from loadrunner import exits
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.options import add_options, campaign_of
from loadrunner.commands import remarks
from loadrunner.commands.destination import send
from loadrunner.commands.documents import written
from loadrunner.commands.repeats import plan_of
from loadrunner.commands.run import (
    add_run_options,
    checked,
    consent_of,
    options_of,
    say,
    stopped,
)
from loadrunner.errors import UsageError
from loadrunner.execution import Options, own_folder
from loadrunner.portal_client import Door
from loadrunner.rendering import comparison as rendering
from loadrunner.rendering import junit, repeats
from loadrunner.rendering.terminal import Terminal
from loadrunner.run_series import RunSeries, Side, in_turns
from loadrunner.spool import check_unused
from runs.analysis import comparison, sequential
from runs.analysis.comparison import Comparison
from runs.analysis.criteria import By
from runs.analysis.designed import Designed
from runs.formats import comparison_json

FEWEST_TO_STOP: Final = 2  # runs of each side before --until-decided may end it
DEFAULT_TURNS: Final = 2  # A B B A
_VERDICTS: Final = {
    "worse": "B is worse than A.",
    "better": "B is better than A.",
    "no_change": "No material change between A and B.",
    "inconclusive": "Inconclusive: what A and B differ is within what runs differ anyway.",
}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "ab",
        help="run two campaigns in turns and say whether B is worse than A",
        description="Runs A and B in turns (A B, B A, A B, …), so that what drifts meanwhile falls"
        " on both alike, and compares them as groups of repeats. With one campaign the sides"
        " differ by --target-b, or by --set-a and --set-b.",
        epilog="exit status: as of `run`; 3 where B is worse or one of its criteria failed, 8"
        " where neither better, worse nor equal could be told",
    )
    add_options(parser)
    parser.add_argument(
        "second", type=Path, nargs="?", metavar="CAMPAIGN_B", help="the campaign of side B"
    )
    sides = parser.add_argument_group("what the sides differ in")
    for letter in "ab":
        sides.add_argument(
            f"--set-{letter}",
            action="extend",
            nargs="+",
            default=[],
            metavar="NAME=VALUE",
            help=f"as --set, for side {letter.upper()} alone",
        )
        sides.add_argument(
            f"--target-{letter}",
            metavar="URL",
            help=f"side {letter.upper()} goes to this base URL; the campaign must allow its host",
        )
    add_run_options(parser)
    parser.add_argument("--json", type=Path, metavar="F", help="write the comparison as JSON")
    parser.set_defaults(run=run)


@dataclass
class _Trial:
    """Both sides as they are made: B's criteria hold, their relative limits against A."""

    sides: tuple[Side, Side]
    a: Designed
    b: Designed
    looks: int = 0

    def judged(self, side: Side) -> Designed:
        return self.a if side is self.sides[0] else self.b

    @property
    def runs(self) -> int:
        """Valid ones, of the side that has fewer."""
        return min(len(self.a.valid_reports), len(self.b.valid_reports))

    def comparison(self) -> Comparison:
        widened = sequential.widening(self.looks) if self.looks else 1.0
        return comparison.compare_groups([self.a.reports, self.b.reports], widened=widened)

    def is_decided(self) -> bool:
        """Each time that it is asked is a look, which widens the intervals from then on."""
        if self.runs < FEWEST_TO_STOP:
            return False
        self.looks += 1
        return verdict(self.comparison()) != "inconclusive" and self.b.is_decided


def run(arguments: argparse.Namespace) -> int:
    door, console = checked(arguments, DEFAULT_TURNS), Console(stderr=True)
    a, b = _campaigns(arguments)
    a, b = (remarks.warned(one, arguments, console) for one in (a, b))
    with own_folder(arguments.out, a) as out:
        check_unused(out)
        return _tried(a, b, arguments, options_of(arguments, consent_of(arguments), out), door)


def _tried(
    a: Campaign, b: Campaign, arguments: argparse.Namespace, options: Options, door: Door | None
) -> int:
    plan = plan_of(arguments, default=DEFAULT_TURNS)
    assert plan is not None
    made = RunSeries(options, Console(stderr=True), plan.max_s)
    by: By | None = "interval" if plan.until_decided else None
    first = Designed(b.criteria, by)
    trial = _Trial((Side("A", a), Side("B", b)), first, Designed(b.criteria, by, baseline=first))
    codes: list[int] = []
    for turn in in_turns(*trial.sides, plan.most):
        if not made.has_time_for(*turn):
            break
        for side in turn:
            execution = made.run(side)
            judged = trial.judged(side)
            judged.add(execution.data, execution.report)
            say(
                f"{side.name}/{execution.folder.name}: {execution.report.validity.verdict}.",
                arguments,
            )
            if door is not None:
                codes.append(send(execution.folder, door, arguments))
            ended = stopped(execution)
            if ended is not None:
                print(f"loadrunner: Raw results: {made.options.out}", file=sys.stderr)
                return ended
        if plan.until_decided and trial.is_decided():
            break
    codes += _told(trial, made, arguments)
    return exits.first(*codes)


def _told(trial: _Trial, made: RunSeries, arguments: argparse.Namespace) -> list[int]:
    """Say and write what came of it; the exit codes of the comparison and of B's criteria."""
    more = [
        *remarks.of_sides(*(side.campaign for side in trial.sides)),
        *remarks.of_series(made.noted, made.runs),
    ]
    if not trial.runs:
        print("loadrunner: One side has no valid run: nothing is concluded.", file=sys.stderr)
        say("\n".join(more), arguments)
        return [exits.NOT_VALID]
    found, report = trial.comparison(), trial.b.report()
    told = verdict(found)
    document = json.dumps(comparison_json.dump(found), indent=1, ensure_ascii=False) + "\n"
    codes = [
        written(arguments.json, document),
        written(arguments.junit, junit.render(report)),
        written(arguments.markdown, f"**{_VERDICTS[told]}**\n\n{rendering.as_markdown(found)}"),
    ]
    if arguments.quiet:
        print(f"verdict: {told}", file=sys.stderr)
    else:
        terminal = Terminal.of(sys.stdout)
        lines = [f"Verdict: {_VERDICTS[told]}", ""]
        lines.append(rendering.as_text(found, width=terminal.width, colour=terminal.has_colour))
        if trial.b.texts:
            lines += ["Criteria of B, relative limits against A:", repeats.as_text(trial.b), ""]
        lines += more
        if made.ran_out:
            lines.append("Note: --max left no time for another turn.")
        lines.append(f"Raw results: {made.options.out}/A and {made.options.out}/B\n")
        terminal.write("\n".join(lines))
    of_change = {"worse": "fail", "inconclusive": "inconclusive"}.get(told, "pass")
    way = arguments.on_inconclusive
    return [*codes, exits.of_verdict(of_change, way), exits.of_verdict(report.verdict, way)]


def verdict(found: Comparison) -> str:
    """One word, as of a trial that was made to tell: `no_change` only where every p95 and every
    capacity is known not to have changed."""
    (word,) = found.verdicts
    leading = [row.changes[0] for row in found.rows if row.statistic in ("p95", "capacity")]
    told = {change.verdict for change in leading if change is not None}
    return "inconclusive" if word == "no_change" and told != {"no_change"} else word


def _campaigns(arguments: argparse.Namespace) -> tuple[Campaign, Campaign]:
    second = arguments.second or arguments.campaign
    differ = (arguments.target_a, arguments.target_b, arguments.set_a, arguments.set_b)
    if arguments.second is None and not any(differ):
        raise UsageError(
            "ab needs something to tell apart: a second campaign, or --target-b URL, or --set-b"
            " NAME=VALUE."
        )
    for target in (arguments.target_a, arguments.target_b):
        if target is not None and not target.startswith(("http://", "https://")):
            raise UsageError(f"{target} is not an address such as http://127.0.0.1:8901.")
    return (
        _campaign(arguments, arguments.campaign, arguments.set_a, arguments.target_a),
        _campaign(arguments, second, arguments.set_b, arguments.target_b),
    )


def _campaign(
    arguments: argparse.Namespace, file: Path | None, more: list[str], target: str | None
) -> Campaign:
    mine = copy(arguments)
    mine.campaign, mine.settings = file, [*arguments.settings, *more]
    campaign = campaign_of(mine)
    if target is None:
        return campaign
    return replace(campaign, target=replace(campaign.target, base_url=target.rstrip("/")))
