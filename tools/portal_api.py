"""The few calls of the portal's API that the demo makes."""

import json
import urllib.error
import urllib.request
from typing import Any

from tools.errors import ToolError


class PortalApi:
    def __init__(self, portal: str, token: str) -> None:
        self._base = f"{portal}/api/v1/"
        self._token = token

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def post(self, path: str, document: dict[str, Any]) -> Any:
        return self._call("POST", path, document)

    def patch(self, path: str, document: dict[str, Any]) -> Any:
        return self._call("PATCH", path, document)

    def _call(self, method: str, path: str, document: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=None if document is None else json.dumps(document).encode(),
            headers={
                "authorization": f"Bearer {self._token}",
                "content-type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            told = error.read().decode(errors="replace")[:500]
            raise ToolError(f"{method} {path} answered {error.code}: {told}") from error
        except OSError as error:
            raise ToolError(f"{method} {path}: {error}") from error
