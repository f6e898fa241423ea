"""Pages of the run list that stay put: a page goes on behind the last run of the one before."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from runs.errors import Fault, RefusedError
from runs.models import Run


@dataclass(frozen=True)
class Place:
    """Behind which run a page begins, in the order newest first."""

    started_at: datetime
    run_id: UUID

    @classmethod
    def of(cls, run: Run) -> "Place":
        return cls(run.started_at, run.pk)

    @classmethod
    def read(cls, text: str) -> "Place":
        """What `str` wrote; RefusedError for anything else."""
        try:
            moment, run_id = base64.urlsafe_b64decode(text.encode("ascii")).decode().split(" ")
            place = cls(datetime.fromisoformat(moment), UUID(run_id))
        except (ValueError, binascii.Error) as error:
            raise _unreadable() from error
        if place.started_at.tzinfo is None:
            raise _unreadable()
        return place

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(
            f"{self.started_at.isoformat()} {self.run_id}".encode()
        ).decode("ascii")

    def after(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        """The runs behind this place; they must be in the order newest first."""
        # The first condition says nothing new: it lets the database begin at the right place.
        return runs.filter(started_at__lte=self.started_at).filter(
            Q(started_at__lt=self.started_at) | Q(pk__lt=self.run_id)
        )


def _unreadable() -> RefusedError:
    return RefusedError(
        "place_unreadable",
        "`after` is not the place of a page. Take it from `next` of the page before.",
        [Fault("query.after", "is not a place")],
    )
