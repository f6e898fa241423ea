"""Whatever is sent, the API answers in its one shape and never with a fault of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from portal.api import api
from tests.builders import write_spool
from tests.portals import Portal, prepare, send

pytestmark = pytest.mark.journey
schema = schemathesis.openapi.from_dict(api.get_openapi_schema())


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal of its own: what is sent to it makes no sense."""
    portal = prepare(tmp_path_factory.mktemp("fuzzed"))
    portal.start()
    yield portal
    portal.remove()


@pytest.fixture(scope="module")
def known(fuzzed: Portal, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One of everything, so that calls go further than 'there is no such thing'."""
    spool = write_spool(tmp_path_factory.mktemp("spools") / "run")
    with fuzzed.client() as client:
        run_id = send(client, spool)
        ready = client.get(f"runs/{run_id}/verdict", params={"wait": 60}).json()
        action = client.post(
            "projects/shop/actions", json={"title": "x", "evidence": [run_id], "baseline": run_id}
        ).json()
    assert ready["processing"] == "ready"
    return {"project": "shop", "run_id": run_id, "action_id": action["id"], "name": "manifest.json"}


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_call_ends_in_a_fault_of_the_portal(
    case: Any, fuzzed: Portal, known: dict[str, Any]
) -> None:
    path: dict[str, Any] = case.path_parameters
    # Two of three calls are about what is there; the own token must not be revoked.
    if len(str(case.query)) % 3:
        path.update({name: one for name, one in known.items() if name in path})
    if case.method == "DELETE" and "token_id" in path:
        path["token_id"] = 1_000_000
    if "wait" in (case.query or {}):
        case.query["wait"] = 0

    answer = case.call(fuzzed.address, headers={"Authorization": f"Bearer {fuzzed.token}"})

    case.validate_response(answer, checks=[not_a_server_error])
    # 414 is gunicorn's own, before the portal hears of it.
    if answer.status_code >= 400 and answer.status_code != 414:
        assert set(answer.json()) == {"code", "detail", "errors"}


def test_nothing_of_it_has_left_the_portal_unwell(fuzzed: Portal) -> None:
    assert "Internal Server Error" not in fuzzed.log.read_text(encoding="utf-8")
    assert Path(fuzzed.data / "incoming").exists()
    assert fuzzed.manage("doctor", "--at-rest") == "Files, rows and the queue agree."
