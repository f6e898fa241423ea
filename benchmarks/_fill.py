"""Fills a portal's database with copies of its newest run, and with actions.

    DJANGO_SETTINGS_MODULE=portal.settings python benchmarks/_fill.py RUNS ACTIONS

The copies have documents of their own, as real runs do, but no files.
"""

import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import django

django.setup()

from runs.models import Action, ActionCriterion, Retest, Run  # noqa: E402
from runs.models.action_state import LIVE  # noqa: E402

BATCH: Final = 250
_BRANCHES: Final = ("main", "fix/pool", "feature/cache")
_VERDICTS: Final = ("pass", "pass", "fail", "inconclusive")
_STATES: Final = ("proposed", "accepted", "implemented", "verified", "failed", "regressed")
_CRITERIA: Final = ("p95(billing/usage) < 400ms", "p95(billing/usage) < 0.8 * baseline")


def main() -> None:
    runs, actions = int(sys.argv[1]), int(sys.argv[2])
    model = Run.objects.first()
    assert model is not None
    for first in range(0, runs, BATCH):
        batch = [_copy(model, at) for at in range(first, min(runs, first + BATCH))]
        Run.objects.bulk_create(batch)
    made = [_action(model, at) for at in range(actions)]
    made = Action.objects.bulk_create(made, batch_size=BATCH)
    ActionCriterion.objects.bulk_create(
        [ActionCriterion(action=one, text=_CRITERIA[at % 2]) for at, one in enumerate(made)],
        batch_size=BATCH,
    )
    # Each action rests on a run of its own, and was judged by the three that came after it; the
    # first one by a fifth of all runs.
    judges = list(Run.objects.only("pk")[: max(4 * actions, runs // 5)])
    own = [judges[4 * at % len(judges) :][:4] for at in range(actions)]
    own[0] = judges[: runs // 5 + 2]
    Retest.objects.bulk_create(
        [
            Retest(action=action, run=run, outcome="pass", figures=[_figure(at)])
            for at, (action, (_, *after)) in enumerate(zip(made, own, strict=True))
            for run in after
        ],
        batch_size=BATCH,
    )
    for action, (evidence, *_) in zip(made, own, strict=True):
        action.evidence.add(evidence)


def _copy(model: Run, at: int) -> Run:
    values = {
        field.attname: getattr(model, field.attname)
        for field in Run._meta.concrete_fields
        if not field.primary_key
    }
    values |= {
        "started_at": model.started_at - timedelta(minutes=at + 1),
        "branch": _BRANCHES[at % 3],
        "commit": uuid.uuid4().hex,
        "verdict": _VERDICTS[at % 4],
        "is_baseline": at % 500 == 250,
        "validity": "invalid" if at % 50 == 0 else "valid",
        "labels": {"env": "staging" if at % 2 else "production", "build": str(at)},
        "notes": f"build {at}",
    }
    return Run(id=uuid.uuid4(), **values)


def _figure(at: int) -> dict[str, object]:
    """What a run measured for the criterion of the action at this place."""
    same = {"text": _CRITERIA[at % 2], "by": "interval", "unit": "ms", "is_evaluable": True}
    return same | {
        "verdict": "pass",
        "measured": 300.0 + at % 50,
        "ci": [290.0 + at % 50, 310.0 + at % 50],
        "limit": 400.0,
        "count": 1200,
        "reason": "",
    }


def _action(model: Run, at: int) -> Action:
    """Of every state in turn; accepted long ago, and live since about half of the runs."""
    state = _STATES[at % len(_STATES)]
    accepted = model.started_at - timedelta(days=30)
    return Action(
        project=model.project,
        number=1_000 + at,
        title=f"Raise pool number {at}",
        campaign=model.campaign,
        state=state,
        expected_gain="p95 of billing/usage -30 %" if at % 2 else "",
        accepted_at=None if state == "proposed" else accepted,
        implemented_at=model.started_at - timedelta(days=3) if state in LIVE else None,
    )


main()
