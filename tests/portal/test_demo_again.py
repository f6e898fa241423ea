"""`make demo` a second time, where the first one's second run was not valid and judged nothing."""

from pathlib import Path

import pytest

from tests.builders import write_spool
from tests.portals import Portal, send
from tools.demo import implement
from tools.portal_api import PortalApi

pytestmark = pytest.mark.journey


def test_an_action_that_is_implemented_already_is_left_so(portal: Portal, tmp_path: Path) -> None:
    with portal.client() as client:
        send(client, write_spool(tmp_path / "run"), "again")
    api = PortalApi(portal.address, portal.token)
    action = api.post("projects/again/actions", {"title": "Raise it", "state": "accepted"})
    for _ in range(2):
        implement(api, api.get(f"actions/{action['id']}"))
    assert api.get(f"actions/{action['id']}")["state"] == "implemented"
