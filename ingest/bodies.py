"""Request bodies, streamed: to disk with their digest, or to memory up to a limit."""

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from django.http import HttpRequest, UnreadablePostError
from gunicorn.http.errors import ParseException

from runs.errors import Fault, LengthRequiredError, RefusedError, TooLargeError

_CHUNK: Final = 1 << 18
_SHA256 = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")


@dataclass(frozen=True)
class Body:
    """What came: its length, and its SHA-256 in hex."""

    bytes: int
    sha256: str


def save(request: HttpRequest, path: Path, limit: int, *, needs_digest: bool = True) -> Body:
    """Write the body to `path`, synced to disk, and hold it against its headers.

    Without `needs_digest` a digest is checked only where one was announced. Raises
    LengthRequiredError, TooLargeError, and RefusedError where length or digest do not fit.
    """
    _announced_length(request)
    is_checked = needs_digest or "Content-Digest" in request.headers
    wanted = _digest_of(request) if is_checked else None
    digest = hashlib.sha256()
    count = 0
    with path.open("xb") as file:
        for chunk in _chunks(request, limit):
            digest.update(chunk)
            count += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if wanted is not None and digest.hexdigest() != wanted:
        raise _digest_error(wanted, digest.hexdigest())
    return Body(count, digest.hexdigest())


def refuse_encoded(request: HttpRequest) -> None:
    """Files are kept byte for byte, so a body in another coding would be kept in it."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        raise RefusedError(
            "body_encoded",
            f"The body comes with Content-Encoding: {coding[:50]}. Send the file as it is.",
            [Fault("Content-Encoding", "only identity is taken")],
        )


def write(path: Path, content: bytes) -> None:
    """A small document, synced to disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read(request: HttpRequest, limit: int) -> bytes:
    """The whole body; only for small documents."""
    return b"".join(_chunks(request, limit))


def _chunks(request: HttpRequest, limit: int) -> Iterator[bytes]:
    """The body in pieces; never more than `limit` bytes, and never fewer than announced."""
    announced = _announced_length(request)
    if announced is not None and announced > limit:
        raise _too_large(limit)
    stream = _stream(request, announced)
    count = 0
    while chunk := _read(stream):
        count += len(chunk)
        if count > limit:
            raise _too_large(limit)
        yield chunk
    if announced is not None and count != announced:
        raise RefusedError(
            "body_cut",
            f"The body ended after {count} of {announced} bytes. Send it again.",
            [Fault("Content-Length", f"{announced} bytes announced, {count} came")],
        )


def _read(stream: BinaryIO) -> bytes:
    try:
        return stream.read(_CHUNK)
    except ParseException as error:
        raise RefusedError(
            "body_unreadable",
            "The body does not come in chunks as HTTP/1.1 writes them. Send it again, "
            "or with its Content-Length.",
            [Fault("Transfer-Encoding", str(error) or "the chunks cannot be told apart")],
        ) from error
    except (UnreadablePostError, OSError) as error:
        raise RefusedError(
            "body_cut", "The connection broke before the body ended. Send it again."
        ) from error


def _stream(request: HttpRequest, announced: int | None) -> BinaryIO:
    """Django gives a chunked body as an empty one: the server's own stream has it."""
    if announced is None:
        return cast(BinaryIO, request.META["wsgi.input"])
    return cast(BinaryIO, request)


def _announced_length(request: HttpRequest) -> int | None:
    """Content-Length, None for a chunked body; LengthRequiredError where neither is given."""
    if "chunked" in request.headers.get("Transfer-Encoding", "").lower():
        return None
    text = request.META.get("CONTENT_LENGTH", "")
    if not (text.isascii() and text.isdigit()):
        raise LengthRequiredError(
            "length_required",
            "The request says neither Content-Length nor Transfer-Encoding: chunked. "
            "Send the length of the body.",
            [Fault("Content-Length", "is missing")],
        )
    return int(text)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(
        "body_too_large",
        f"The body is larger than {limit} bytes, the most that this portal takes in one file. "
        "GET /api/v1/limits names all limits.",
        [Fault("Content-Length", f"more than {limit} bytes")],
    )


def _digest_of(request: HttpRequest) -> str:
    """The SHA-256 that the sender announced, in hex."""
    header = request.headers.get("Content-Digest", "")
    match = _SHA256.search(header)
    raw = _base64(match.group(1)) if match else None
    if raw is None or len(raw) != hashlib.sha256().digest_size:
        found = f"found '{header[:100]}'" if header else "it is missing"
        raise RefusedError(
            "digest_unreadable",
            "The request needs `Content-Digest: sha-256=:BASE64:` with the SHA-256 of the body "
            f"(RFC 9530); {found}.",
            [Fault("Content-Digest", found)],
        )
    return raw.hex()


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _digest_error(wanted: str, found: str) -> RefusedError:
    return RefusedError(
        "digest_mismatch",
        "The body is not the one that Content-Digest announces, so it was damaged on its way. "
        "Nothing was kept; send it again.",
        [Fault("Content-Digest", f"announced SHA-256 {wanted}, received {found}")],
    )
