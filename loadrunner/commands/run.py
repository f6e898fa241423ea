"""`loadrunner run CAMPAIGN`: execute a campaign, report on it, upload it."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console

from loadrunner import exits
from loadrunner.campaign.model import Campaign
from loadrunner.campaign.options import add_options, campaign_of
from loadrunner.campaign.safety import IN_FILE
from loadrunner.commands import remarks
from loadrunner.commands.destination import add_destination, door_of, send
from loadrunner.commands.documents import check_writable, written
from loadrunner.commands.repeats import Plan, add_repeats, plan_of
from loadrunner.commands.retest import add_retest, retest
from loadrunner.debugging import debug
from loadrunner.errors import UsageError
from loadrunner.execution import Execution, Options, execute, own_folder
from loadrunner.following import following
from loadrunner.labels import add_labels, labels_of
from loadrunner.past_run import PastRun, past_run
from loadrunner.portal_client import Door
from loadrunner.preflight import Consent
from loadrunner.rendering import junit, markdown, repeats, text
from loadrunner.rendering.terminal import Terminal
from loadrunner.run_series import RunSeries, Side
from loadrunner.spool import check_unused
from runs.analysis.designed import Designed

_LARGEST_SEED: Final = (1 << 31) - 1


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run",
        help="execute a campaign and judge it",
        description="Executes a campaign: pre-flight, set-up, load, report. The raw results stay "
        "in the spool folder; with --portal they are uploaded too.",
        epilog="exit status: 0 passed, 2 bad usage or campaign, 3 a criterion failed, 4 the run "
        "is not valid, 5 a safety guard refused, 6 target out of reach, 7 upload failed, "
        "8 inconclusive, 130 and 143 interrupted",
    )
    add_options(parser)
    add_run_options(parser)
    parser.add_argument(
        "--debug",
        action="store_true",
        help="send one journey of each scenario and print every request and answer",
    )
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="SPOOL",
        help="send the schedule of this run again: its seed, phases, criteria and labels",
    )
    parser.add_argument(
        "--force", action="store_true", help="with --replay: though the campaign file has changed"
    )
    add_retest(parser)
    parser.set_defaults(run=run)


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """What `run` and `hit` have in common."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="the spool folder, a new one")
    parser.add_argument("--seed", type=_seed, metavar="N", help="repeat the arrivals and data of N")
    parser.add_argument("--workers", type=_workers, default=1, metavar="N", help="load processes")
    add_labels(parser)
    parser.add_argument("--junit", type=Path, metavar="F", help="write the criteria as JUnit XML")
    parser.add_argument("--markdown", type=Path, metavar="F", help="write the report as Markdown")
    parser.add_argument(
        "--on-inconclusive",
        choices=("pass", "fail"),
        default="exit",
        help="how an inconclusive verdict counts (default: exit status 8)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress, no summary")
    add_repeats(parser, "runs to make, one after the other, in folders of --out")
    add_guards(parser)
    add_destination(parser)


def add_guards(parser: argparse.ArgumentParser) -> None:
    """What the user says to the safety guards."""
    parser.add_argument(
        "--confirm-host",
        metavar="HOST",
        help="this host is meant, though it is neither this machine nor in a private network",
    )
    parser.add_argument(
        "--stop-file",
        action="append",
        default=[],
        type=Path,
        metavar="F",
        dest="stop_files",
        help="end the run in order when this file appears",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.retest is not None:
        return retest(arguments)
    door = None if arguments.debug else checked(arguments)
    past = past_run(arguments.replay) if arguments.replay is not None else None
    if past is not None:
        _check_replay(arguments)
        arguments.campaign = past.campaign_file(arguments.campaign)
    campaign = campaign_of(arguments)
    if past is not None:
        past.check_same(campaign, force=arguments.force)
        campaign = past.schedule(campaign)
    if arguments.debug:
        return debug(campaign, consent_of(arguments), Console())
    return carry_out(campaign, arguments, consent_of(arguments), door, past)


def checked(arguments: argparse.Namespace, runs: int | None = None) -> Door | None:
    """Where to upload. Raises UsageError for all that the flags alone can have wrong: that goes
    before what the campaign has wrong, and before a safety guard. `runs` as `plan_of` has it."""
    door = door_of(arguments)
    plan_of(arguments, default=runs)
    labels_of(arguments.labels)
    if arguments.out is not None:
        check_unused(arguments.out)
    check_writable(arguments)
    return door


def _check_replay(arguments: argparse.Namespace) -> None:
    """What a replay takes from the run that was made cannot be asked for as well."""
    asked = {
        "--smoke": arguments.smoke,
        "--scenario": arguments.scenario,
        "--seed": arguments.seed is not None,
    }
    for flag, is_given in asked.items():
        if is_given:
            raise UsageError(f"{flag} has no place beside --replay, which repeats a run as it was.")


def consent_of(arguments: argparse.Namespace, how_to_allow: str = IN_FILE) -> Consent:
    return Consent(arguments.confirm_host, tuple(arguments.stop_files), how_to_allow)


def carry_out(
    campaign: Campaign,
    arguments: argparse.Namespace,
    consent: Consent,
    door: Door | None,
    past: PastRun | None = None,
) -> int:
    """Execute, tell, upload; the exit code of it all."""
    campaign = remarks.warned(campaign, arguments, Console(stderr=True))
    with own_folder(arguments.out, campaign) as out:
        options = options_of(arguments, consent, out)
        return _carried_out(campaign, arguments, options, door, past)


def _carried_out(
    campaign: Campaign,
    arguments: argparse.Namespace,
    options: Options,
    door: Door | None,
    past: PastRun | None,
) -> int:
    plan = plan_of(arguments)
    if past is not None:
        manifest = past.manifest
        labels = {**manifest.labels, **options.labels}
        options = replace(options, seed=manifest.seed, labels=labels, replay_of=manifest.run_id)
    if plan is not None:
        return _repeated(campaign, plan, options, arguments, door)
    with following(options.out, door, options.labels):
        execution = execute(campaign, options, Console(stderr=True))
    _tell(campaign, execution, arguments)
    report = execution.report
    codes = [
        exits.of_verdict(report.verdict, arguments.on_inconclusive),
        written(arguments.junit, junit.render(report)),
        written(arguments.markdown, markdown.render(report)),
    ]
    if door is not None:
        codes.append(send(execution.folder, door, arguments))
    return stopped(execution) or exits.first(*codes)


def options_of(arguments: argparse.Namespace, consent: Consent, out: Path) -> Options:
    return Options(
        out=out,
        workers=arguments.workers,
        seed=arguments.seed,
        labels=labels_of(arguments.labels),
        consent=consent,
        quiet=arguments.quiet,
    )


def stopped(execution: Execution) -> int | None:
    """The exit code of a run that did not come to its end, whatever its verdict; None for others.
    Says why a guard ended it."""
    if execution.aborted is not None:
        print(f"loadrunner: The run was stopped. {execution.aborted}", file=sys.stderr)
        return exits.REFUSED
    if execution.interrupted_by is not None:
        return exits.of_signal(execution.interrupted_by)
    return None


def _repeated(
    campaign: Campaign,
    plan: Plan,
    options: Options,
    arguments: argparse.Namespace,
    door: Door | None,
) -> int:
    """Run again and again; one verdict on all of it."""
    if plan.until_decided and not campaign.criteria:
        raise UsageError(
            "--until-decided needs criteria in the campaign: there is nothing to decide."
        )
    check_unused(options.out)
    made = RunSeries(options, Console(stderr=True), plan.max_s)
    side, ended = Side("", campaign), None
    judged = Designed(campaign.criteria, "interval" if plan.until_decided else None)
    codes = []
    while ended is None and len(judged.reports) < plan.most and made.has_time_for(side):
        execution = made.run(side)
        judged.add(execution.data, execution.report)
        say(repeats.progress(judged, execution.folder), arguments)
        if door is not None:
            codes.append(send(execution.folder, door, arguments))
        ended = stopped(execution)
        if plan.until_decided and judged.is_decided:
            break
    _tell_repeats(campaign, judged, made, arguments)
    report = judged.report()
    codes.append(exits.of_verdict(report.verdict, arguments.on_inconclusive))
    codes.append(written(arguments.junit, junit.render(report)))
    codes.append(written(arguments.markdown, repeats.as_markdown(judged)))
    return ended or exits.first(*codes)


def say(line: str, arguments: argparse.Namespace) -> None:
    """A line while the runs of a series are made."""
    if not arguments.quiet:
        print(line, file=sys.stderr, flush=True)


def _tell_repeats(
    campaign: Campaign, judged: Designed, made: RunSeries, arguments: argparse.Namespace
) -> None:
    if arguments.quiet:
        print(f"verdict: {judged.report().verdict}", file=sys.stderr)
        return
    lines = [repeats.as_text(judged)]
    lines += remarks.of_campaign(campaign)
    lines += remarks.of_series(made.noted, made.runs)
    if made.ran_out:
        lines.append("Note: --max left no time for another run.")
    where = f"Raw results of each run: {made.options.out}{os.sep}"
    Terminal.of(sys.stdout).write("\n".join([*lines, where, ""]))


def _tell(campaign: Campaign, execution: Execution, arguments: argparse.Namespace) -> None:
    report = execution.report
    if arguments.quiet:
        print(f"verdict: {report.verdict}", file=sys.stderr)
        return
    summary = text.summary(report)
    more = [*remarks.of_campaign(campaign), *remarks.of_run(execution.notes)]
    if campaign.cleanup:
        more.append(f"To undo what the run made: loadrunner cleanup {execution.folder}")
    where = f"Raw results: {execution.folder}{os.sep}"
    Terminal.of(sys.stdout).write("\n".join([summary, *more, where, ""]))


def _seed(text: str) -> int:
    if not text.isdecimal() or int(text) > _LARGEST_SEED:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a seed: a whole number from 0 to {_LARGEST_SEED}"
        )
    return int(text)


def _workers(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of workers from 1 to 64")
    return int(text)
