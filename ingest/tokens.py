"""Tokens of the API: made once, shown once, kept as a hash."""

import base64
import hashlib
import secrets
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from ingest.models import ApiToken
from runs.access import Access, Scope
from runs.models import Project

_MARK: Final = "hr_"
_SECRET_BYTES: Final = 20  # 160 bits, 32 characters in base32
_CHECK_CHARACTERS: Final = 6
_LENGTH: Final = len(_MARK) + 32 + _CHECK_CHARACTERS
_PREFIX_LENGTH: Final = len(_MARK) + 6
_USE_IS_NOTED_EVERY: Final = timedelta(minutes=1)


def create(
    name: str,
    scopes: Sequence[Scope],
    project: Project | None = None,
    expires_at: datetime | None = None,
) -> tuple[str, ApiToken]:
    """Make a token; the text is returned here and can never be read again."""
    text = _mint()
    token = ApiToken.objects.create(
        name=name,
        prefix=text[:_PREFIX_LENGTH],
        sha256=_hash(text),
        project=project,
        scopes=sorted(set(scopes)),
        expires_at=expires_at,
    )
    return text, token


def access_of(text: str) -> Access | None:
    """What the token allows; None where there is no such token, or not any more."""
    if not _is_well_formed(text):
        return None
    now = timezone.now()
    usable = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
    token = ApiToken.objects.filter(usable, sha256=_hash(text)).first()
    if token is None:
        return None
    _note_use(token, now)
    return Access(name=token.name, scopes=frozenset(token.scopes), project_id=token.project_id)


def _note_use(token: ApiToken, now: datetime) -> None:
    """To the minute: a write for every request would make readers wait for writers."""
    if token.last_used_at is None or now - token.last_used_at > _USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _mint() -> str:
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii").lower()
    return _MARK + secret + _check(secret)


def _check(secret: str) -> str:
    """Tells a token that was cut or mistyped from one that is unknown, without the database."""
    checksum = zlib.crc32(secret.encode("ascii")).to_bytes(4, "big")
    return base64.b32encode(checksum).decode("ascii").lower()[:_CHECK_CHARACTERS]


def _is_well_formed(text: str) -> bool:
    if len(text) != _LENGTH or not text.startswith(_MARK) or not text.isascii():
        return False
    secret = text[len(_MARK) : -_CHECK_CHARACTERS]
    return text[-_CHECK_CHARACTERS:] == _check(secret)


def _hash(text: str) -> str:
    # 160 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(text.encode("ascii")).hexdigest()
