"""Does the plan's first proposal name the true bottleneck? A table of targets that are known.

    python -m benchmarks.tuning_plan [--only NAME…] [--keep DIR] [--from DIR] [--json]

Each row is the reference target with one resource made the tightest (docs/target.md has the
arithmetic), loaded by a short campaign that climbs from a third of its true capacity to beyond it
while the other flows go on at a low rate. What the plan proposes first is held against the truth;
on the healthy rows, which stay below every limit, it must propose nothing. The goal: 90 % of the
first, all of the second. `--keep` leaves the spools, `--from` judges them again without load.
"""

import argparse
import json
import re
import shutil
import socket
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks._process import BenchmarkError, output_of, serving
from loadrunner.target import truth
from loadrunner.target.settings import TargetSettings, read
from runs.analysis import report as reports
from runs.analysis import tuning_plan
from runs.analysis.tuning_plan import TuningPlan
from runs.formats import spool
from tools.environment import BIN, ROOT, VAR

PROMISED: Final = 0.90
STAGES: Final = 10
STAGE_S: Final = 1.6
LOWEST, HIGHEST = 0.35, 1.7  # of the true capacity
HEALTHY_HIGHEST = 0.6
TRIES: Final = 3  # a run that may not be believed is made again, as the plan asks
_ENDED_IN_ORDER = (0, 3, 4, 8)


@dataclass(frozen=True)
class Case:
    """`flow` climbs; `rule` is the one whose proposal must come first, None for a healthy one."""

    name: str
    flow: str
    rule: str | None
    flags: tuple[str, ...]

    @property
    def settings(self) -> TargetSettings:
        pairs = zip(self.flags[::2], self.flags[1::2], strict=True)
        return read({flag[2:].replace("-", "_"): value for flag, value in pairs}, {})

    @property
    def capacity_jps(self) -> float:
        found = {one.flow: one for one in truth.of(self.settings, users=50)}
        return found[self.flow].binding.capacity_jps


def _case(name: str, flow: str, rule: str | None, flags: str) -> Case:
    return Case(name, flow, rule, tuple(flags.split()))


_AMPLE = "--db-pool 60 --llm-pool 60 --b2b-rate 400"
CASES: Final = (
    _case("pool of 2", "billing", "database_pool", "--db-pool 2"),
    _case("pool of 4", "billing", "database_pool", "--db-pool 4"),
    _case("pool of 6, slow queries", "billing", "database_pool", "--db-pool 6 --db-time 90ms"),
    _case("pool of 3, fast queries", "billing", "database_pool", "--db-pool 3 --db-time 20ms"),
    _case("pool of 5, varied queries", "billing", "database_pool", "--db-pool 5 --db-cv 1"),
    _case(
        "pool of 4 behind a steady cache",
        "billing",
        "database_pool",
        "--db-pool 4 --billing-cache-hit-rate 50%",
    ),
    _case(
        "cache of 30/s", "billing", "cache", "--billing-cache-hit-rate 90% --billing-cache-reach 30"
    ),
    _case(
        "cache of 40/s, small pool",
        "billing",
        "cache",
        "--db-pool 2 --billing-cache-hit-rate 95% --billing-cache-reach 40",
    ),
    _case(
        "cache of 60/s",
        "billing",
        "cache",
        "--billing-cache-hit-rate 80% --billing-cache-reach 60",
    ),
    _case(
        "cache of 50/s, slow queries",
        "billing",
        "cache",
        "--db-pool 6 --db-time 90ms --billing-cache-hit-rate 90% --billing-cache-reach 50",
    ),
    _case("LLM pool of 4", "chat", "llm_pool", "--llm-pool 4"),
    _case("LLM pool of 8", "chat", "llm_pool", "--llm-pool 8"),
    _case("LLM pool of 6, fast", "chat", "llm_pool", "--llm-pool 6 --llm-time 60ms"),
    _case(
        "LLM pool of 12, slow", "chat", "llm_pool", "--llm-pool 12 --llm-time 250ms --llm-cv 0.5"
    ),
    _case("plan of 30/s", "b2b", "rate_limit", "--b2b-rate 30"),
    _case("plan of 60/s", "b2b", "rate_limit", "--b2b-rate 60"),
    _case("plan of 120/s", "b2b", "rate_limit", "--b2b-rate 120 --b2b-burst 5"),
    _case(
        "limit for all of 80/s",
        "billing",
        "rate_limit",
        "--db-pool 30 --global-rate 80 --global-burst 60",
    ),
    _case(
        "limit for each user of 1/s",
        "billing",
        "rate_limit",
        "--db-pool 30 --user-rate 1 --user-burst 2",
    ),
    _case("quota of 300", "b2b", "quota", "--b2b-rate 400 --b2b-quota 300 --b2b-quota-window 1h"),
    _case("quota of 500", "b2b", "quota", "--b2b-rate 400 --b2b-quota 500 --b2b-quota-window 1h"),
    _case("quota of 800", "b2b", "quota", "--b2b-rate 400 --b2b-quota 800 --b2b-quota-window 1d"),
    _case(
        "quota of 400 a minute",
        "b2b",
        "quota",
        "--b2b-rate 0 --b2b-quota 400 --b2b-quota-window 1m",
    ),
    _case("CPU of 8 ms", "billing", "cpu", "--db-pool 60 --billing-cpu 8ms"),
    _case("CPU of 12 ms", "billing", "cpu", "--db-pool 60 --billing-cpu 12ms"),
    _case("CPU of 20 ms", "billing", "cpu", "--db-pool 60 --billing-cpu 20ms"),
    _case(
        "CPU of 10 ms, few queries",
        "billing",
        "cpu",
        "--db-pool 20 --db-time 5ms --billing-cpu 10ms",
    ),
    _case("healthy billing", "billing", None, _AMPLE),
    _case("healthy pool at six tenths", "billing", None, "--db-pool 8"),
    _case("healthy chat", "chat", None, "--llm-pool 16"),
    _case("healthy plan", "b2b", None, "--b2b-rate 120"),
    _case(
        "healthy cache", "billing", None, "--billing-cache-hit-rate 80% --billing-cache-reach 200"
    ),
    _case("healthy with small pools elsewhere", "b2b", None, "--b2b-rate 150 --db-pool 2"),
)
_QUOTA_RATE = 60.0  # a quota binds at any rate: the climb goes to this

_FLOWS: Final = {
    "billing": "{identity: members, steps: [{name: usage, request: {method: GET, path: "
    "/v1/billing/usage}, expect: [200], refusals: [429]}], load: LOAD}",
    "chat": "{identity: members, steps: [{name: send_message, request: {method: POST, path: "
    "/v1/chat/messages, json: {text: hello}}, expect: [200]}], load: LOAD}",
    "b2b": "{identity: partner, steps: [{name: quote, request: {method: GET, path: "
    "/v1/b2b/quote}, expect: [200], refusals: [429, 402]}], load: LOAD}",
}
_CAMPAIGN: Final = """\
campaign: tuning-plan
version: 1
target: {{base_url: "{address}", allow: [127.0.0.1], timeout: 20s}}
identities:
  members:
    login:
      method: POST
      path: /v1/auth/login
      json: {{email: "load-${{index}}@example.test", password: load-test-password}}
    token: $.access_token
    expires_in: $.expires_in
    count: 50
  partner: {{header: X-API-Key, value: demo-partner-key}}
  ops: {{bearer: demo-ops-token}}
setup: [{{name: reset, request: {{method: POST, path: /v1/ops/reset}}, identity: ops}}]
scenarios:
{scenarios}
probes:
  operations:
    path: /v1/ops/monitoring/operational-summary
    identity: ops
    every: 500ms
    metrics:
      db_pool_in_use:
        {{json: $.database.pool.in_use, ceiling: $.database.pool.size, area: database}}
      redis_hit_rate:
        {{json: $.redis.hit_rate, better: higher, area: cache, feeds: [db_pool_in_use]}}
      rate_limit_rejections: {{json: $.rate_limits.rejections.plan, area: rate_limit}}
      llm_in_flight: {{json: $.llm.in_flight, ceiling: $.llm.size, area: llm}}
      cpu: {{json: $.process.cpu, ceiling: 1.0, area: cpu}}
"""


def main() -> int:
    options = _options()
    cases = [one for one in CASES if not options.only or one.name in options.only]
    kept = options.source or options.keep or VAR / "bench" / "tuning-plan"
    rows = _rows(cases, kept, options.at_once, is_measured=options.source is None)
    if not options.keep and not options.source:
        shutil.rmtree(kept, ignore_errors=True)
    return _tell(rows, as_json=options.json)


@dataclass(frozen=True)
class Row:
    case: Case
    proposed: str | None
    summary: str
    validity: str

    @property
    def is_right(self) -> bool:
        return self.proposed == self.case.rule


def _rows(cases: Sequence[Case], kept: Path, at_once: int, *, is_measured: bool) -> list[Row]:
    """Several side by side, as a campaign waits more than it works; what computes runs alone."""
    kept.mkdir(parents=True, exist_ok=True)
    row = partial(_row, kept=kept, is_measured=is_measured)
    waiting = [case for case in cases if case.rule != "cpu"]
    with ThreadPoolExecutor(at_once) as pool:
        found = {case.name: one for case, one in zip(waiting, pool.map(row, waiting), strict=True)}
    return [found.get(case.name) or row(case) for case in cases]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the spools here")
    parser.add_argument("--from", type=Path, metavar="DIR", dest="source", help="judge these again")
    parser.add_argument("--at-once", type=int, default=4, metavar="N", help="cases side by side")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _row(case: Case, kept: Path, *, is_measured: bool) -> Row:
    folder = kept / re.sub(r"\W+", "-", case.name)
    tries = TRIES if is_measured else 1
    for _ in range(tries):
        if is_measured:
            _measure(case, folder)
        data = spool.run_data(spool.read(folder))
        built = reports.build(data)
        if built.validity.verdict != "invalid":
            break
    plan = tuning_plan.make(built, data.plan.probes)
    row = Row(case, _first(plan), plan.summary, built.validity.verdict)
    sign = "right" if row.is_right else "WRONG"
    print(
        f"{case.name:36} {case.rule or '-':14} {row.proposed or '-':14} {sign:6} "
        f"{row.validity:8} {row.summary}",
        flush=True,
        file=sys.stderr,
    )
    return row


def _first(plan: TuningPlan) -> str | None:
    return plan.proposals[0].rule if plan.proposals else None


def _measure(case: Case, folder: Path) -> None:
    """The target of the case, and one run of its campaign against it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    file = folder.parent / f"{folder.name}.yaml"
    file.write_text(_campaign(case, f"http://127.0.0.1:{port}"))
    target = [str(BIN / "loadrunner"), "target", "--port", str(port), *case.flags]
    with ExitStack() as stack:
        stack.enter_context(serving(target, port, folder.parent / f"{folder.name}.log", cwd=ROOT))
        run = [str(BIN / "loadrunner"), "run", str(file), "--out", str(folder), "--quiet"]
        output_of(run, STAGES * STAGE_S + 120, cwd=ROOT, accepted=_ENDED_IN_ORDER)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _campaign(case: Case, address: str) -> str:
    return _CAMPAIGN.format(address=address, scenarios="\n".join(_scenarios(case)))


def _scenarios(case: Case) -> Iterator[str]:
    most = _QUOTA_RATE if case.rule == "quota" else case.capacity_jps
    highest = HIGHEST if case.rule else HEALTHY_HIGHEST
    climb = (
        f"[{{staircase: {{from: {LOWEST * most:.4g}, to: {highest * most:.4g}, "
        f"stages: {STAGES}, duration: {STAGE_S}s}}}}]"
    )
    low = f"[{{phase: plateau, duration: {STAGES * STAGE_S:g}s, rate: 3}}]"
    for flow, text in _FLOWS.items():
        yield f"  {flow}: {text.replace('LOAD', climb if flow == case.flow else low)}"


def _tell(rows: Sequence[Row], *, as_json: bool) -> int:
    bound = [row for row in rows if row.case.rule]
    healthy = [row for row in rows if not row.case.rule]
    right, quiet = (sum(row.is_right for row in some) for some in (bound, healthy))
    share = right / len(bound) if bound else 1.0
    if as_json:
        names = {row.case.name: row.proposed for row in rows}
        print(json.dumps({"right": share, "healthy": [quiet, len(healthy)], "first": names}))
    else:
        print(
            f"the true bottleneck comes first in {right} of {len(bound)} ({share:.0%}; promised "
            f"{PROMISED:.0%}); nothing false in {quiet} of {len(healthy)} healthy ones"
        )
    return 0 if share >= PROMISED and quiet == len(healthy) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchmarkError as error:
        sys.exit(f"Not measured: {error}.")
