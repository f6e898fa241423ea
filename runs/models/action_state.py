"""Where an action can be, and who moves it from where to where.

accepted -> implemented -> verified -> regressed
   ^             |  \\-------> failed
proposed     (the arrows from implemented and verified belong to runs,
              all others to people)
"""

from collections.abc import Mapping
from typing import Final

from django.db import models


class State(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    ACCEPTED = "accepted", "Accepted"
    IMPLEMENTED = "implemented", "Implemented"
    VERIFIED = "verified", "Verified"
    FAILED = "failed", "Failed"
    REGRESSED = "regressed", "Regressed"
    REJECTED = "rejected", "Rejected"
    DEFERRED = "deferred", "Deferred"


BY_PEOPLE: Final[Mapping[str, frozenset[str]]] = {
    State.PROPOSED: frozenset({State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.ACCEPTED: frozenset({State.IMPLEMENTED, State.PROPOSED, State.REJECTED, State.DEFERRED}),
    State.IMPLEMENTED: frozenset({State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.VERIFIED: frozenset({State.IMPLEMENTED}),
    State.FAILED: frozenset({State.IMPLEMENTED, State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.REGRESSED: frozenset({State.IMPLEMENTED, State.ACCEPTED, State.REJECTED, State.DEFERRED}),
    State.REJECTED: frozenset({State.PROPOSED}),
    State.DEFERRED: frozenset({State.PROPOSED, State.ACCEPTED}),
}
# What a run that passes or fails does to the state it finds.
BY_RUNS: Final[Mapping[tuple[str, str], str]] = {
    (State.IMPLEMENTED, "pass"): State.VERIFIED,
    (State.IMPLEMENTED, "fail"): State.FAILED,
    (State.VERIFIED, "fail"): State.REGRESSED,
}
OPENS_AS: Final = (State.PROPOSED, State.ACCEPTED, State.IMPLEMENTED)
# Once the change is live; only these know since when.
LIVE: Final = (State.IMPLEMENTED, State.VERIFIED, State.FAILED, State.REGRESSED)
# The states in which runs judge an action.
JUDGED: Final = (State.ACCEPTED, *LIVE)


def is_a_legal_event() -> models.Q:
    """An event that changes the state does so along one of the arrows above; a person's arrow for
    a transition, a run's for a re-test."""
    by_people = {(old, new) for old, news in BY_PEOPLE.items() for new in news}
    by_runs = {(old, new) for (old, _), new in BY_RUNS.items()}
    changes_nothing = models.Q(from_state="", to_state="")
    legal = changes_nothing | models.Q(
        kind="created", from_state="", to_state__in=[str(one) for one in OPENS_AS]
    )
    for kind, arrows in (("transition", by_people), ("retest", by_runs)):
        for old in State:
            news = sorted(str(new) for one, new in arrows if one == old)
            if news:
                legal |= models.Q(kind=kind, from_state=str(old), to_state__in=news)
    return legal
