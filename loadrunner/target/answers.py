"""Answers as bytes: status lines, JSON bodies, and the one shape of errors."""

import email.utils
import functools
import http
import json
import time
from collections.abc import Mapping
from typing import Any

JSON = "application/json"

_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\nServer: headroom-target\r\n"
    for status in http.HTTPStatus
}


@functools.lru_cache(maxsize=2)
def _date(second: int) -> str:
    return f"Date: {email.utils.formatdate(second, usegmt=True)}\r\n"


def head(status: int, fields: Mapping[str, str]) -> bytes:
    """The status line and all header fields, with the empty line at their end."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    text = f"{_STATUS_LINES[status]}{_date(int(time.time()))}{lines}\r\n"
    return text.encode("latin-1")


def json_body(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def problem(code: str, detail: str) -> bytes:
    return json_body({"code": code, "detail": detail, "errors": []})
