"""Compressed answers made plain again, where somebody needs to read them."""

import zlib
from collections.abc import Callable
from typing import Final

import brotli
import zstandard

from loadrunner.engine.connection import MAX_KEPT_BODY


class ContentError(Exception):
    """A body that is not what its Content-Encoding says."""


def _inflated(body: bytes) -> bytes:
    # 32 more than the window's bits: zlib tells gzip from zlib by the header.
    return zlib.decompressobj(wbits=47).decompress(body, MAX_KEPT_BODY)


def _from_zstd(body: bytes) -> bytes:
    with zstandard.ZstdDecompressor().stream_reader(body) as reader:
        return reader.read(MAX_KEPT_BODY)


_DECODERS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"gzip": _inflated,
    b"x-gzip": _inflated,
    b"deflate": _inflated,
    b"br": brotli.decompress,
    b"zstd": _from_zstd,
}


def plain(body: bytes, encoding: bytes | None) -> bytes:
    """The body before it was encoded, the last encoding undone first. Raises ContentError."""
    names = [name.strip().lower() for name in (encoding or b"").split(b",") if name.strip()]
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
