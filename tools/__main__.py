"""`make` targets in one place: `python3 -m tools TARGET`. Only the standard library."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is where an older Python is told so
    sys.exit("Headroom needs Python 3.11 or newer; set PYTHON to one: make PYTHON=python3.11 demo")

from tools import bench, checks, demo, screenshots, serving, tests
from tools.errors import ToolError

TARGETS = {
    "demo": (demo.main, "set everything up and show two judged load runs (EXIT=1 ends after)"),
    "serve": (serving.main, "the portal alone (PORT=8000)"),
    "test": (tests.main, "the whole suite, browser tests included"),
    "check": (checks.check, "look at lint, types and formatting"),
    "fix": (checks.fix, "repair lint and formatting"),
    "bench": (bench.main, "the benchmarks"),
    "screenshots": (screenshots.main, "the pictures of README and docs, of the demo that runs"),
}


def main(arguments: list[str]) -> int:
    """Run one target; a ToolError is one clear line and status 1."""
    name = arguments[0] if arguments else "help"
    if name not in TARGETS:
        print(_help())
        return 0 if name == "help" else 2
    try:
        return TARGETS[name][0]()
    except ToolError as failure:
        print(f"make {name}: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _help() -> str:
    lines = [f"  make {name:<11} {text}" for name, (_, text) in TARGETS.items()]
    return "\n".join(["Headroom", "", *lines, "  make help        this list"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
