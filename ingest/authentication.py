"""Who calls the API: the holder of a token, or a person who is signed in."""

from django.http import HttpRequest
from ninja.errors import AuthenticationError, AuthorizationError
from ninja.security.apikey import APIKeyCookie
from ninja.security.base import AuthBase
from ninja.utils import check_csrf

from ingest import throttle, tokens
from runs.access import Access


class TokenAuth(AuthBase):
    """`Authorization: Bearer …`. A token that is there and wrong is refused, whoever signed in;
    one that calls too often is told when to come again."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> Access | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        kind, _, text = header.partition(" ")
        access = tokens.access_of(text.strip()) if kind.lower() == "bearer" else None
        if access is None:
            raise AuthenticationError(
                message="This token is unknown, has expired or was revoked. Send "
                "`Authorization: Bearer TOKEN`; `manage.py token create` makes one."
            )
        throttle.admit(text)
        return access


class SessionAuth(APIKeyCookie):
    """The browser's session; whatever changes something needs the CSRF token as well."""

    param_name = "sessionid"

    def __call__(self, request: HttpRequest) -> Access | None:
        if not request.user.is_authenticated:
            return None
        if check_csrf(request) is not None:
            raise AuthorizationError(
                message="The CSRF token is missing or wrong. Reload the page and try again."
            )
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, _key: str | None) -> Access | None:
        user = request.user
        return Access.of_user(user) if user.is_authenticated else None
