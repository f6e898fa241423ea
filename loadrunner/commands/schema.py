"""`loadrunner schema`: the campaign file's JSON Schema, for editors and other programs."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from loadrunner.campaign import schema

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def add(subparsers: "Subparsers") -> None:
    parser = subparsers.add_parser(
        "schema",
        help="print the campaign file's JSON Schema",
        description="Prints the JSON Schema of campaign files, for editors.",
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """0, always."""
    document = {"$schema": DIALECT, **schema.document()}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
    return 0
