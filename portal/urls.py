"""What answers under which address."""

from django.contrib.auth import views as accounts
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path

from portal import health
from portal.api import api_urls

urlpatterns = [
    path("accounts/login/", accounts.LoginView.as_view(), name="login"),
    path("accounts/logout/", accounts.LogoutView.as_view(), name="logout"),
    path("api/v1/", api_urls()),
    path("healthz", login_not_required(health.healthz), name="healthz"),
    path("metrics", login_not_required(health.metrics), name="metrics"),
    path("", include("runs.urls")),
]
