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

BATCH: Final = 250
_BRANCHES: Final = ("main", "fix/pool", "feature/cache")
_VERDICTS: Final = ("pass", "pass", "fail", "inconclusive")


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
        [ActionCriterion(action=one, text="p95(billing/usage) < 400ms") for one in made],
        batch_size=BATCH,
    )
    # Each action rests on a run of its own, and was judged by the three that came after it.
    judges = list(Run.objects.only("pk")[: 4 * actions])
    own = [judges[4 * at % len(judges) :][:4] for at in range(actions)]
    Retest.objects.bulk_create(
        [
            Retest(action=action, run=run, outcome="pass")
            for action, (_, *after) in zip(made, own, strict=True)
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
        "labels": {"env": "staging" if at % 2 else "production", "build": str(at)},
        "notes": f"build {at}",
    }
    return Run(id=uuid.uuid4(), **values)


def _action(model: Run, at: int) -> Action:
    return Action(
        project=model.project,
        number=1_000 + at,
        title=f"Raise pool number {at}",
        campaign=model.campaign,
    )


main()
