"""docs/api.md keeps its promises: it names every call, and its commands work as they stand."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from portal.api import api
from tests.builders import write_spool
from tests.portals import ROOT, send

DOCUMENT = (ROOT / "docs" / "api.md").read_text("utf-8")
COMMANDS = re.findall(r"```bash\n(.*?)```", DOCUMENT, re.DOTALL)


def test_every_call_is_in_the_document() -> None:
    text = re.sub(
        r"\$(RUN|OTHER|HOOK|DELIVERY|MARKER)|/(shop|1)\b|\$\(basename \"\$FILE\"\)", "/{}", DOCUMENT
    )
    shown = set(re.findall(r"\$PORTAL(/api/v1/[^\s\"?]+)", re.sub(r"/+\{\}", "/{}", text)))

    calls = {re.sub(r"\{\w+\}", "{}", path) for path in api.get_openapi_schema()["paths"]}

    shown = {re.sub(r"samples-00000.ndjson.zst|(?<=tokens/)2", "{}", one) for one in shown}
    shown = {re.sub(r"(?<=/)\w+\.(csv|parquet)$", "{}.{}", one) for one in shown}

    assert calls - shown == set()


@pytest.mark.journey
@pytest.mark.skipif(
    not all(map(shutil.which, ("bash", "curl", "openssl", "base64"))),
    reason="bash, curl, openssl and base64 are needed to run the commands of docs/api.md",
)
def test_the_commands_work_as_they_stand_there(make_portal: Any, tmp_path: Path) -> None:
    portal = make_portal()
    portal.start()
    write_spool(tmp_path / "spool", segments=2)
    with portal.client() as client:
        other = send(client, write_spool(tmp_path / "other"))
    strict = 'set -eu\ncurl() { command curl -sS --fail-with-body "$@" && echo; }\n'
    ready = 'curl "$PORTAL/api/v1/runs/$RUN/verdict?wait=60" -H "$AUTH"'
    # A run that succeeded cannot be tried again, which is what the answer 409 says.
    script = "\n".join(COMMANDS).replace('/retry" -H "$AUTH"', '/retry" -H "$AUTH" || true')
    script = script.replace("PORTAL=http://127.0.0.1:8000", f"PORTAL={portal.address}")
    assert script.index(ready) < script.index("/report")

    done = subprocess.run(
        ["bash", "-c", strict + f"OTHER={other}\n" + script],
        env={**os.environ, "HEADROOM_TOKEN": portal.token},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr}"
    assert '"processing": "ready"' in done.stdout
    assert '"state": "implemented"' in done.stdout
