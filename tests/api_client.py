"""The API without a server, and rows for it to show."""

from datetime import UTC, datetime
from typing import Any

from django.test import Client

from runs.models import Project, Run

MONDAY = datetime(2024, 11, 18, tzinfo=UTC)


class Api:
    """The test client with a token."""

    def __init__(self, token: str) -> None:
        self.client = Client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers)

    def patch(self, path: str, body: Any) -> Any:
        return self.client.patch(
            f"/api/v1/{path}", body, content_type="application/json", headers=self.headers
        )

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}", headers=self.headers)

    def post(self, path: str, body: Any) -> Any:
        return self.client.post(
            f"/api/v1/{path}", body, content_type="application/json", headers=self.headers
        )


def add_run(**columns: Any) -> Run:
    slug = columns.pop("project", "shop")
    project, _ = Project.objects.get_or_create(slug=slug, defaults={"name": slug})
    given = {"campaign": "critical-flows", "started_at": MONDAY, "processing": "ready", **columns}
    return Run.objects.create(project=project, **given)
