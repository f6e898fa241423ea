"""How many requests per second a worker of this machine can send: measured by `selfcheck`, kept in
the user's cache, noted in each run, and held against what a plan asks for."""

import json
import os
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from loadrunner.campaign.forecast import forecast
from loadrunner.campaign.model import Campaign
from loadrunner.version import VERSION
from runs.analysis.wording import number

# Beyond this share of the ceiling the generator's own queue begins to show in what it measures.
SAFE_SHARE: Final = 0.8


@dataclass(frozen=True)
class Ceiling:
    """Closed model, one worker, requests/s; of which machine, by which version, when (Unix s)."""

    ceiling_rps: float
    machine: str
    cores: int
    version: str
    measured_at_s: float


def measured(ceiling_rps: float) -> Ceiling:
    """A figure of this machine, now."""
    return Ceiling(ceiling_rps, platform.node(), os.cpu_count() or 1, VERSION, time.time())


def remembered() -> Ceiling | None:
    """What `selfcheck` found on this machine, None where it never ran or the machine changed."""
    try:
        found = Ceiling(**json.loads(_file().read_text(encoding="utf-8")))
        is_this = (found.machine, found.cores) == (platform.node(), os.cpu_count() or 1)
        return found if is_this and found.ceiling_rps > 0 else None
    except (OSError, ValueError, TypeError):
        return None  # a cache that cannot be read is as good as none


def remember(ceiling: Ceiling) -> Path | None:
    """Where it is kept now; None where the cache cannot be written."""
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(ceiling)) + "\n", encoding="utf-8")
    except OSError:
        return None
    return file


def warning(campaign: Campaign, workers: int = 1) -> str | None:
    """What to say of a plan that asks for more than the machine is known to send well.

    Workers are taken to add up as long as each has a core of its own.
    """
    known, wanted = remembered(), forecast(campaign).peak_rps
    if known is None:
        return None
    cores = os.cpu_count() or 1
    able = known.ceiling_rps * min(workers, cores)
    if wanted <= SAFE_SHARE * able:
        return None
    when = time.strftime("%Y-%m-%d", time.localtime(known.measured_at_s))
    return (
        f"The plan asks for up to {number(wanted)} requests/s, more than"
        f" {SAFE_SHARE * 100:.0f} % of what {_workers(workers)} of this machine can send"
        f" ({number(round(able))} requests/s by the selfcheck of {when}). Use more workers, where"
        " there are cores for them, or more machines."
    )


def _workers(count: int) -> str:
    return "one worker" if count == 1 else f"{count} workers"


def _file() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "headroom" / "ceiling.json"
