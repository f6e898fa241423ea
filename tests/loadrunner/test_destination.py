"""Where a run is sent to: what the flags and the environment say, and answers of no portal."""

import argparse
import uuid
from pathlib import Path

import pytest

from loadrunner.commands.destination import door_of
from loadrunner.errors import UploadError, UsageError
from loadrunner.portal_client import Door, upload
from tests.builders import write_spool
from tests.loadrunner.fault_server import FaultServer, sends


def flags(portal: str = "http://127.0.0.1:1") -> argparse.Namespace:
    return argparse.Namespace(portal=portal, project="shop", wait=False)


@pytest.mark.parametrize("portal", ["http://", "http://[::1", "http://127.0.0.1:99x", "ftp://a"])
def test_what_is_no_address_is_refused_at_once(
    portal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_TOKEN", "hr_token")
    with pytest.raises(UsageError, match="--portal"):
        door_of(flags(portal))


def test_a_token_may_have_come_with_its_line_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADROOM_TOKEN", "hr_token\n")
    door = door_of(flags())
    assert door is not None
    assert door.token == "hr_token"


@pytest.mark.parametrize("token", ["", " \n", "hr_tökén", "hr_to\x01ken"])
def test_what_is_no_token_is_refused_and_not_shown(
    token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADROOM_TOKEN", token)
    with pytest.raises(UsageError, match="HEADROOM_TOKEN") as refused:
        door_of(flags())
    assert "hr_" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b'["no", "portal"]'), (404, b"\xff\xfe\xfd"), (400, b'"no"'), (200, b"\xff\xfe\xfd")],
)
def test_answers_of_something_else_are_told_of(tmp_path: Path, status: int, body: bytes) -> None:
    run_id = str(uuid.uuid4())
    write_spool(tmp_path, [], run_id=run_id)
    head = b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
    with (
        FaultServer({"/api/v1/projects/shop/runs": sends(head + body)}) as server,
        pytest.raises(UploadError, match=f"{status}|like a Headroom portal"),
    ):
        upload(tmp_path, Door(server.url, "shop", "hr_token"), {})
