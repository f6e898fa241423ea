"""What every answer says to browsers: a strict policy, nothing to third parties, ETags."""

import pytest
from django.conf import settings
from django.test import Client

from tests.portal_pages import records

pytestmark = pytest.mark.django_db
PAGES = ["/", "/projects/backend/", "/projects/backend/trends/", "/projects/backend/settings/",
         "/help/portal/", "/accounts/login/", "/projects/nothing/"]  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_strict(visitor: Client, path: str) -> None:
    records.run(records.project())
    headers = visitor.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "*" not in policy
    for part in ("default-src 'self'", "script-src 'self'", "style-src 'self'", "base-uri 'none'",
                 "object-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):  # fmt: skip
        assert part in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "private" in headers["Cache-Control"]


def test_the_session_is_for_the_server_alone() -> None:
    assert settings.SESSION_COOKIE_HTTPONLY is True
    assert settings.SESSION_COOKIE_SAMESITE == "Lax"


def test_pictures_of_the_help_are_there_and_nothing_else_is(visitor: Client) -> None:
    page = visitor.get("/help/portal/").content.decode()
    assert 'src="/help/img/run.png"' in page
    answer = visitor.get("/help/img/run.png")
    assert answer.headers["Content-Type"] == "image/png"
    assert visitor.get("/help/img/nothing.png").status_code == 404
    assert visitor.get("/help/img/..%2f..%2fREADME.png").status_code == 404
