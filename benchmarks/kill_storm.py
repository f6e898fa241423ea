"""SIGKILL of web and worker at many random moments of concurrent uploads, on both databases.

    python benchmarks/kill_storm.py [--moments 50] [--seed 1] [--only sqlite|postgresql]

Afterwards every run that was acknowledged must be ready with the figures of its spool, its files
byte for byte, and no file or row may be orphaned once `manage.py doctor --repair` has run.
Status 1 where that does not hold. PostgreSQL is skipped by name where it is not installed.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.kill_storm import Aftermath, spools, storm
from tests.portals import prepare
from tools import postgresql


def main() -> int:
    options = _options()
    aftermaths = {}
    if options.only != "postgresql":
        aftermaths["SQLite"] = _storm(options)
    if options.only == "sqlite" or postgresql.binaries() is None:
        print("PostgreSQL: skipped")
    else:
        with postgresql.cluster() as url:
            os.environ["DATABASE_URL"] = url
            aftermaths["PostgreSQL"] = _storm(options)
    for database, after in aftermaths.items():
        print(_told(database, after))
    return 0 if all(after.is_sound for after in aftermaths.values()) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    return parser.parse_args()


def _storm(options: argparse.Namespace) -> Aftermath:
    with tempfile.TemporaryDirectory(prefix="headroom-storm-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        portal = prepare(folder / "data", HEADROOM_LEASE_S="2")
        try:
            # Enough runs that uploads never end before the storm does.
            sent = spools(folder / "spools", 4 * options.moments)
            return storm(portal, sent, options.moments, options.seed, _say)
        finally:
            portal.remove()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _told(database: str, after: Aftermath) -> str:
    wrong = [*after.not_ready, *after.wrong_figures, *after.wrong_bytes]
    found = len(after.doctor_before.splitlines()) if "agree" not in after.doctor_before else 0
    return (
        f"{database}: {after.moments} moments, {len(after.acknowledged)} runs acknowledged, "
        f"{len(wrong)} of them not ready or wrong {wrong}; the doctor removed {found} leftovers, "
        f"then said: {after.doctor_after}"
    )


if __name__ == "__main__":
    sys.exit(main())
