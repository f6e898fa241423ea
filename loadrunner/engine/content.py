"""Compressed answers made plain again, where somebody needs to read them."""

import json
import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import brotli
import zstandard

from loadrunner.engine.connection import MAX_KEPT_BODY, header


class ContentError(Exception):
    """A body that is not what its Content-Encoding says."""


def _inflated(body: bytes) -> bytes:
    # 32 more than the window's bits: zlib tells gzip from zlib by the header.
    return zlib.decompressobj(wbits=47).decompress(body, MAX_KEPT_BODY)


def _from_zstd(body: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(body) as reader:
        return reader.read(MAX_KEPT_BODY)


def _from_brotli(body: bytes) -> bytes:
    """At once, 300 bytes may become 200 MB."""
    inner = brotli.Decompressor()
    found: bytes = inner.process(body, output_buffer_limit=MAX_KEPT_BODY)
    if not inner.is_finished() and len(found) < MAX_KEPT_BODY:
        raise EOFError("it is cut")
    return found[:MAX_KEPT_BODY]


_DECODERS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"gzip": _inflated,
    b"x-gzip": _inflated,
    b"deflate": _inflated,
    b"br": _from_brotli,
    b"zstd": _from_zstd,
}


def plain(body: bytes, encoding: bytes | None) -> bytes:
    """The body before it was encoded, the last encoding undone first. Raises ContentError."""
    if not encoding:
        return body
    names = [name.strip().lower() for name in encoding.split(b",") if name.strip()]
    for name in reversed(names):
        if name == b"identity":
            continue
        if name not in _DECODERS:
            raise ContentError(f"content-encoding {name.decode('latin-1')} is not known here")
        try:
            body = _DECODERS[name](body)
        except (zlib.error, brotli.error, zstandard.ZstdError, EOFError) as error:
            raise ContentError(f"the body is not {name.decode('latin-1')}: {error}") from error
    return body


@lru_cache(maxsize=64)  # most answers come with the head of the one before
def content_encoding(head: bytes) -> bytes | None:
    """The Content-Encoding of a raw head."""
    return header(head, b"content-encoding")


# What `json.loads` does, less its look for an encoding and for white space.
_scan: Callable[[str, int], tuple[object, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def parsed(body: bytes) -> object:
    """The JSON document in a body. Raises ValueError where it is none."""
    try:
        text = body.decode()
        document, end = _scan(text, 0)
    except (StopIteration, ValueError):
        return json.loads(body)  # white space before it, UTF-16, or no JSON at all
    return document if end == len(text) else json.loads(body)
