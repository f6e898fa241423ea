"""What watches the portal: health and metrics, without a sign-in."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from runs.models import Project, Run

pytestmark = pytest.mark.django_db


def test_a_portal_that_works_is_well(data_folder: Path) -> None:
    answer = Client().get("/healthz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "store": "ok"}


def test_a_store_that_takes_no_files_is_not_well(settings: LazySettings, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file where the data folder should be")
    settings.HEADROOM_DATA = in_the_way

    answer = Client().get("/healthz")

    assert answer.status_code == 503
    assert answer.json()["store"] == "failed"


def test_metrics_count_runs_by_processing_state(data_folder: Path) -> None:
    project = Project.objects.create(slug="shop", name="shop")
    Run.objects.create(project=project, campaign="c", started_at=timezone.now(), processing="ready")

    text = Client().get("/metrics").content.decode()

    assert 'headroom_runs{processing="ready"} 1\n' in text
    assert 'headroom_runs{processing="failed"} 0\n' in text
    assert 'headroom_queue{state="queued"} 0\n' in text


def test_a_page_sends_a_visitor_to_the_sign_in_form() -> None:
    answer = Client().get("/")

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_pages_carry_the_strict_policy_and_the_other_headers() -> None:
    headers = Client().get("/accounts/login/").headers

    policy = headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


def test_plotly_comes_from_the_installed_package() -> None:
    answer = Client().get("/static/vendor/plotly.min.js")

    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    answer.close()
    assert answer.status_code == 200
    assert b"plotly.js v" in content[:200]
