"""What a caller may do: made by the door from a token or a session, asked by every call."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from runs.errors import ForbiddenError, NotFoundError
from runs.models import Action, Everybody, Member, Project, Role, Run

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


# Which roles of a project hold a scope there.
_ROLES: Final[dict[Scope, frozenset[str]]] = {
    "upload": frozenset({Role.CONTRIBUTOR, Role.MAINTAINER}),
    "read": frozenset(Role),
    "triage": frozenset({Role.CONTRIBUTOR, Role.MAINTAINER}),
    "admin": frozenset({Role.MAINTAINER}),
}
# The least role that holds a scope, for the sentence that refuses.
_LEAST: Final[dict[Scope, str]] = {
    "upload": "contributor",
    "read": "viewer",
    "triage": "contributor",
    "admin": "maintainer",
}


@dataclass
class Access:
    """Who calls, with which scopes, and to which project the key is bound (None: to any).

    A person who is no administrator holds `by_role`: what they may do follows from their role in
    each project. `require` says what a call needs, and narrows what it can reach from then on.
    """

    name: str
    scopes: frozenset[Scope]
    project_id: int | None = None
    user: User | None = None
    by_role: bool = False
    needed: tuple[Scope, ...] = field(default=("read",), init=False)

    @classmethod
    def of_user(cls, user: User) -> "Access":
        """A person who is signed in; staff may do everything, the others what their roles say."""
        scope: Scope = "admin" if user.is_staff else "triage"
        by_role = not user.is_staff
        return cls(name=user.get_username(), scopes=frozenset({scope}), user=user, by_role=by_role)

    @property
    def is_everywhere(self) -> bool:
        """Whether the scopes hold in every project."""
        return self.project_id is None and not self.by_role

    def may(self, scope: Scope) -> bool:
        """Whether the scope is held; for a person with roles, whether it may be in some project."""
        return self.by_role or any(scope in _IMPLIED[own] for own in self.scopes)

    def may_in(self, project: Project, scope: Scope) -> bool:
        """Whether the scope is held in this project."""
        if not self.by_role:
            return self.may(scope)
        return _holders(Project.objects.filter(pk=project.pk), self.user, [scope]).exists()

    def require(self, *allowed: Scope) -> None:
        """Raise ForbiddenError unless one of the scopes is held, and look no further than to
        where it is."""
        if not any(self.may(scope) for scope in allowed):
            held = ", ".join(sorted(self.scopes)) or "none"
            raise ForbiddenError(
                "scope_missing",
                f"This call needs the scope {' or '.join(allowed)}; '{self.name}' holds {held}. "
                f"Ask an administrator for a token with `--scope {allowed[0]}`.",
            )
        self.needed = allowed

    def projects(self) -> QuerySet[Project]:
        return self._reachable(self.needed)

    def _reachable(self, scopes: tuple[Scope, ...]) -> QuerySet[Project]:
        every = Project.objects.all()
        if self.project_id is not None:
            return every.filter(pk=self.project_id)
        return _holders(every, self.user, scopes) if self.by_role else every

    def runs(self) -> QuerySet[Run]:
        return self._own(Run.objects.select_related("project"))

    def deleted_runs(self) -> QuerySet[Run]:
        """Runs that were deleted and can still be restored."""
        return self._own(Run.every.select_related("project").filter(deleted_at__isnull=False))

    def actions(self) -> QuerySet[Action]:
        return self._own(Action.objects.select_related("project", "baseline"))

    def _own(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        if self.is_everywhere:
            return rows
        if self.project_id is not None:
            return rows.filter(project=self.project_id)
        return rows.filter(project__in=self.projects().order_by().values("pk"))

    def project(self, slug: str) -> Project:
        found = self.projects().filter(slug=slug).first()
        if found is None:
            self._refuse_where_seen(Project.objects.filter(slug=slug))
            raise NotFoundError(
                "project_not_found", f"There is no project '{slug}' that you may see."
            )
        return found

    def run(self, run_id: UUID, *, documents: bool = False) -> Run:
        """The run; its large documents are read only where they are asked for."""
        runs = self.runs() if documents else self.runs().defer(*Run.DOCUMENTS)
        found = runs.filter(pk=run_id).first()
        if found is None:
            self._refuse_where_seen(Project.objects.filter(runs=run_id))
            raise NotFoundError("run_not_found", f"There is no run {run_id} that you may see.")
        return found

    def action(self, action_id: int) -> Action:
        found = self.actions().filter(pk=action_id).first()
        if found is None:
            self._refuse_where_seen(Project.objects.filter(actions=action_id))
            raise NotFoundError(
                "action_not_found", f"There is no action {action_id} that you may see."
            )
        return found

    def _refuse_where_seen(self, projects: QuerySet[Project]) -> None:
        """ForbiddenError where the person may read the project and lacks only the role."""
        if not self.by_role or self.needed == ("read",):
            return
        project = _holders(projects, self.user, ["read"]).first()
        if project is not None and not self.may_in(project, self.needed[0]):
            raise ForbiddenError(
                "role_missing",
                f"This needs the role of a {_LEAST[self.needed[0]]} in {project}. "
                "A maintainer of the project gives it under Settings, Members.",
            )


def _holders(
    projects: QuerySet[Project], user: User | None, scopes: tuple[Scope, ...] | list[Scope]
) -> QuerySet[Project]:
    """The projects in which the person holds one of the scopes: by a role of their own, else by
    what everybody may."""
    roles = {role for scope in scopes for role in _ROLES[scope]}
    mine = Member.objects.filter(project=OuterRef("pk"), user=user)
    open_to_all = [role for role in Everybody if str(role) in roles]
    return projects.filter(
        Exists(mine.filter(role__in=sorted(roles))) | (Q(everybody__in=open_to_all) & ~Exists(mine))
    )
