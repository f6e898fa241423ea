"""What answers under which address."""

from django.contrib.auth import views as accounts
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from ingest import token_pages
from portal import health
from portal.api import api_urls

urlpatterns = [
    path("accounts/login/", accounts.LoginView.as_view(), name="login"),
    path("accounts/logout/", accounts.LogoutView.as_view(), name="logout"),
    path("api/v1/", api_urls()),
    path("healthz", login_not_required(health.healthz), name="healthz"),
    path("metrics", login_not_required(health.metrics), name="metrics"),
    path("projects/<slug:slug>/tokens/", token_pages.token_page, name="tokens"),
    path("projects/<slug:slug>/tokens/make/", token_pages.make_token, name="token-make"),
    path(
        "projects/<slug:slug>/tokens/<int:token_id>/revoke/",
        token_pages.revoke_token,
        name="token-revoke",
    ),
    path("", include("runs.urls")),
]
