"""Requests that are no HTTP: gunicorn refuses them before Django sees them, in our shape."""

import json
import socket
from typing import Any

from gunicorn import util


def refuse_as_json(_worker: Any) -> None:
    """A hook of gunicorn's: what it would say as a page of HTML is an error as the API has them."""
    util.write_error = _write_error


def _write_error(sock: socket.socket, status: int, reason: str, message: str) -> None:
    code = reason.lower().replace(" ", "_")
    detail = f"{reason}: {message}" if message else reason
    body = json.dumps({"code": code, "detail": detail, "errors": []}).encode()
    head = (
        f"HTTP/1.1 {status} {reason}\r\n"
        "Connection: close\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    util.write_nonblock(sock, head.encode("latin-1") + body)
