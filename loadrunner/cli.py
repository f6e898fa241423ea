"""The `loadrunner` command: one subcommand a file of loadrunner/commands."""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from loadrunner import labels
from loadrunner.errors import CampaignError, LoadrunnerError
from loadrunner.version import VERSION
from runs.analysis.errors import AnalysisError
from runs.formats.errors import FormatError

_COMMANDS = (
    "run",
    "hit",
    "plan",
    "validate",
    "report",
    "compare",
    "ab",
    "upload",
    "merge",
    "cleanup",
    "init",
    "schema",
    "selfcheck",
    "target",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, run the subcommand, turn its errors into one clear line and an exit code."""
    _speak_in_any_locale()
    given = list(labels.one_each(sys.argv[1:] if arguments is None else arguments))
    options = _parser(given).parse_args(given)
    try:
        code: int = options.run(options)
    except CampaignError as error:
        # Each line begins with the file's name, as compilers have it and editors follow it.
        print(error, file=sys.stderr)
        return error.exit_code
    except LoadrunnerError as error:
        print(f"loadrunner: {error}", file=sys.stderr)
        return error.exit_code
    except (FormatError, AnalysisError) as error:
        print(f"loadrunner: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        # While a run goes on, Ctrl-C is the coordinator's; this is before or after one.
        print("loadrunner: interrupted.", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read our output has seen enough; the interpreter must not try again.
        sys.stderr.close()
        return 0
    return code


def _speak_in_any_locale() -> None:
    """A sign that the terminal has no letter for is replaced; it is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Only the command asked for is imported, so that none waits for the packages of another."""
    parser = argparse.ArgumentParser(
        prog="loadrunner",
        description="Executes load campaigns, judges them, and uploads the raw results.",
        epilog="`loadrunner COMMAND --help` tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"loadrunner {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    asked = [name for name in given[:1] if name in _COMMANDS]
    for name in () if "--version" in given[:1] else asked or _COMMANDS:
        import_module(f"loadrunner.commands.{name}").add(commands)
    return parser
