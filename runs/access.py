"""What a caller may do: made by the door from a token or a session, asked by every call."""

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import QuerySet

from runs.errors import ForbiddenError, NotFoundError
from runs.models import Action, Project, Run

Scope = Literal["upload", "read", "triage", "admin"]
SCOPES: Final[dict[Scope, str]] = {
    "upload": "send runs and wait for their verdict",
    "read": "read everything",
    "triage": "read, label, pin and annotate runs, and keep the actions",
    "admin": "everything",
}
_IMPLIED: Final[dict[Scope, frozenset[Scope]]] = {
    "upload": frozenset({"upload"}),
    "read": frozenset({"read"}),
    "triage": frozenset({"triage", "read"}),
    "admin": frozenset(SCOPES),
}


@dataclass(frozen=True)
class Access:
    """Who calls, with which scopes, and to which project the key is bound (None: to any)."""

    name: str
    scopes: frozenset[Scope]
    project_id: int | None = None
    user: User | None = None

    @classmethod
    def of_user(cls, user: User) -> "Access":
        """A person who is signed in; staff may do everything."""
        scope: Scope = "admin" if user.is_staff else "triage"
        return cls(name=user.get_username(), scopes=frozenset({scope}), user=user)

    def may(self, scope: Scope) -> bool:
        return any(scope in _IMPLIED[own] for own in self.scopes)

    def require(self, *allowed: Scope) -> None:
        """Raise ForbiddenError unless one of the scopes is held."""
        if not any(self.may(scope) for scope in allowed):
            held = ", ".join(sorted(self.scopes)) or "none"
            raise ForbiddenError(
                "scope_missing",
                f"This call needs the scope {' or '.join(allowed)}; '{self.name}' holds {held}. "
                f"Ask an administrator for a token with `--scope {allowed[0]}`.",
            )

    def projects(self) -> QuerySet[Project]:
        every = Project.objects.all()
        return every if self.project_id is None else every.filter(pk=self.project_id)

    def runs(self) -> QuerySet[Run]:
        return self._own(Run.objects.select_related("project"))

    def deleted_runs(self) -> QuerySet[Run]:
        """Runs that were deleted and can still be restored."""
        return self._own(Run.every.select_related("project").filter(deleted_at__isnull=False))

    def _own(self, runs: QuerySet[Run]) -> QuerySet[Run]:
        return runs if self.project_id is None else runs.filter(project=self.project_id)

    def actions(self) -> QuerySet[Action]:
        every = Action.objects.select_related("project", "baseline")
        return every if self.project_id is None else every.filter(project=self.project_id)

    def project(self, slug: str) -> Project:
        found = self.projects().filter(slug=slug).first()
        if found is None:
            raise NotFoundError(
                "project_not_found", f"There is no project '{slug}' that you may see."
            )
        return found

    def run(self, run_id: UUID, *, documents: bool = False) -> Run:
        """The run; its large documents are read only where they are asked for."""
        runs = self.runs() if documents else self.runs().defer(*Run.DOCUMENTS)
        found = runs.filter(pk=run_id).first()
        if found is None:
            raise NotFoundError("run_not_found", f"There is no run {run_id} that you may see.")
        return found

    def action(self, action_id: int) -> Action:
        found = self.actions().filter(pk=action_id).first()
        if found is None:
            raise NotFoundError(
                "action_not_found", f"There is no action {action_id} that you may see."
            )
        return found
