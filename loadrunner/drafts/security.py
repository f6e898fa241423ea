"""The security schemes of an OpenAPI document as identities of a campaign."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from loadrunner.drafts.draft import FILL_IN, identifier, unique, variable
from loadrunner.drafts.references import References

_FORM: Final = "application/x-www-form-urlencoded"


class Security:
    """`identities` are sections by name, for the schemes that an identity can carry."""

    def __init__(
        self, document: Mapping[str, Any], references: References, base_path: str = ""
    ) -> None:
        self.identities: dict[str, dict[str, Any]] = {}
        self._of_scheme: dict[str, str] = {}
        self._in_query: dict[str, str] = {}
        self._base_path = base_path
        self._default = document.get("security")
        for name, scheme in _schemes(document).items():
            self._add(str(name), references.followed(scheme))

    def of(self, operation: Mapping[str, Any]) -> tuple[str | None, dict[str, str]]:
        """The identity of an operation, and the query parameters that it needs besides."""
        wanted = operation.get("security", self._default)
        for requirement in wanted if isinstance(wanted, list) else ():
            if not isinstance(requirement, dict):
                continue
            if not requirement:
                return None, {}  # it may be called by anybody
            names = [str(name) for name in requirement]
            found = [self._of_scheme[name] for name in names if name in self._of_scheme]
            query = {
                self._in_query[name]: variable(identifier(name, "api_key"), FILL_IN)
                for name in names
                if name in self._in_query
            }
            if found or query:
                return (found[0] if found else None), query
        return None, {}

    def _add(self, scheme_name: str, scheme: Any) -> None:
        if not isinstance(scheme, dict):
            return
        if scheme.get("type") == "apiKey" and scheme.get("in") == "query":
            self._in_query[scheme_name] = str(scheme.get("name", "api_key"))
            return
        section = _section(scheme_name, scheme, self._base_path)
        if section is not None:
            name = unique(identifier(scheme_name, "identity"), self.identities)
            self.identities[name] = section
            self._of_scheme[scheme_name] = name


def _schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    schemes = schemes or document.get("securityDefinitions")
    return schemes if isinstance(schemes, dict) else {}


def _section(name: str, scheme: Mapping[str, Any], base_path: str) -> dict[str, Any] | None:
    """What an identity of this scheme holds; None for what cannot be one (client certificates)."""
    kind, prefix = scheme.get("type"), identifier(name, "api")
    if kind == "basic" or (kind == "http" and str(scheme.get("scheme")).lower() == "basic"):
        return {"basic": _user_and_password(prefix)}
    if kind == "apiKey" and scheme.get("in") == "cookie":
        value = f"{scheme.get('name', 'session')}={variable(f'{prefix}_cookie', FILL_IN)}"
        return {"header": "Cookie", "value": value}
    if kind == "apiKey":
        value = variable(f"{prefix}_api_key", FILL_IN)
        return {"header": str(scheme.get("name", "X-API-Key")), "value": value}
    if kind == "oauth2" and (url := _password_flow(scheme)):
        return _login(prefix, urlsplit(url).path.removeprefix(base_path))
    if kind in ("http", "oauth2", "openIdConnect"):
        return {"bearer": variable(f"{prefix}_token", FILL_IN)}
    return None


def _user_and_password(prefix: str) -> dict[str, str]:
    return {
        "user": variable(f"{prefix}_user", "load"),
        "password": variable(f"{prefix}_password", FILL_IN),
    }


def _password_flow(scheme: Mapping[str, Any]) -> str | None:
    """Where a user name and a password are given for a token, in 3.x and in 2.0."""
    flows = scheme.get("flows")
    flow = flows.get("password") if isinstance(flows, dict) else None
    if flow is None and scheme.get("flow") == "password":
        flow = scheme
    url = flow.get("tokenUrl") if isinstance(flow, dict) else None
    return url if isinstance(url, str) else None


def _login(prefix: str, path: str) -> dict[str, Any]:
    who = _user_and_password(prefix)
    body = f"grant_type=password&username={who['user']}&password={who['password']}"
    return {
        "login": {
            "method": "POST",
            "path": path if path.startswith("/") else f"/{path}",
            "headers": {"Content-Type": _FORM},
            "body": body,
        },
        "token": "$.access_token",
        "count": 1,
    }
