"""Tokens over the API: made, listed and revoked by administrators."""

from datetime import datetime
from typing import Annotated, Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from ninja import Router, Schema, Status
from pydantic import Field

from ingest import tokens
from ingest.models import ApiToken
from runs.access import Access, Scope
from runs.api import ApiRequest
from runs.errors import Fault, ForbiddenError, NotFoundError, RefusedError
from runs.models import Project
from runs.schemas import ErrorOut, In, Line

_REFUSALS: Final = dict.fromkeys((401, 403, 404, 422, 429), ErrorOut)

router = Router(tags=["tokens"])


class TokenIn(In):
    """`project` binds the token to one project; without `expires_at` it never expires."""

    name: Annotated[Line, Field(min_length=1)]
    project: str | None = None
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] = ["upload", "read"]
    expires_at: datetime | None = None


class TokenOut(Schema):
    """A token without its secret; `project` null is every project."""

    id: int
    name: str
    prefix: str
    project: str | None
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @staticmethod
    def resolve_project(token: ApiToken) -> str | None:
        return token.project.slug if token.project else None


class NewTokenOut(Schema):
    """`token` is shown this once and can never be read again."""

    token: str
    details: TokenOut


@router.get("tokens", response={200: list[TokenOut], **_REFUSALS})
def list_tokens(request: ApiRequest) -> list[Any]:
    """Every token that the caller may see, the newest first; never their secrets."""
    request.auth.require("admin")
    return list(_visible(request.auth))


@router.post("tokens", response={201: NewTokenOut, **_REFUSALS})
def create_token(request: ApiRequest, new: TokenIn) -> Status[dict[str, Any]]:
    """Make a token. An administrator of one project makes tokens of that project only."""
    request.auth.require("admin")
    project = _project_of(request.auth, new.project)
    if new.expires_at is not None:
        _check_expiry(new.expires_at)
    text, token = tokens.create(new.name, new.scopes, project, new.expires_at)
    return Status(201, {"token": text, "details": token})


@router.delete("tokens/{token_id}", response={204: None, **_REFUSALS})
def revoke_token(request: ApiRequest, token_id: int) -> Status[None]:
    """End a token at once; one that was ended before stays as it is."""
    request.auth.require("admin")
    found = _visible(request.auth).filter(pk=token_id)
    if not found.exists():
        raise NotFoundError("token_not_found", f"There is no token {token_id} that you may see.")
    found.filter(revoked_at=None).update(revoked_at=timezone.now())
    return Status(204, None)


def _visible(access: Access) -> QuerySet[ApiToken]:
    every = ApiToken.objects.select_related("project")
    return every if access.is_everywhere else every.filter(project__in=access.projects())


def _project_of(access: Access, slug: str | None) -> Project | None:
    if slug is not None:
        return access.project(slug)
    if not access.is_everywhere:
        raise ForbiddenError(
            "other_project",
            "Who administers single projects makes tokens of a project only; name it.",
        )
    return None


def _check_expiry(moment: datetime) -> None:
    if moment.tzinfo is None or moment <= timezone.now():
        raise RefusedError(
            "expiry_past",
            f"{moment.isoformat()} is no moment to come; write one in RFC 3339, with its zone.",
            [Fault("body.expires_at", "lies in the past, or has no time zone")],
        )
