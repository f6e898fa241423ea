"""The commands of the README and of docs/ci.md do what they say there."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loadrunner.processes import ROOT, loadrunner, target
from tests.portals import Portal

pytestmark = pytest.mark.journey


def commands(document: str) -> list[list[str]]:
    """Every `loadrunner` call of a document's shell blocks, as words."""
    text = (ROOT / document).read_text()
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line and line[0] == ".venv/bin/loadrunner"]


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    with target() as url:
        yield url


def test_every_document_has_commands_to_try() -> None:
    assert len(commands("README.md")) == 6
    assert len(commands("docs/ci.md")) >= 2


@pytest.mark.parametrize("document", ["README.md", "docs/ci.md"])
def test_the_commands_of_the_documents_work(
    document: str, service: str, portal: Portal, tmp_path: Path
) -> None:
    """Against servers of our own, in a folder of our own; whole campaigns as their smoke."""
    spool = tmp_path / "first"
    for number, words in enumerate(commands(document)):
        words = [_here(word, service, portal.address, spool, tmp_path) for word in words]
        if words[0] in ("run", "hit"):
            words += ["--out", str(spool if number == 0 else tmp_path / f"spool-{number}")]
        if words[0] == "run":
            words += [] if "--smoke" in words else ["--smoke"]
        env = {"TARGET_URL": service, "HEADROOM_TOKEN": portal.token, "BRANCH": "main"}
        done = loadrunner(*words, env=env)
        assert done.returncode == 0, (words, done.stdout, done.stderr)


def _here(word: str, service: str, portal: str, spool: Path, folder: Path) -> str:
    """A word of the documents with its addresses and paths put in this test's place."""
    word = word.replace("http://127.0.0.1:8900", service)
    word = re.sub(r"http://127\.0\.0\.1:8000|https://headroom\.example", portal, word)
    word = word.replace("examples/", f"{ROOT}/examples/").replace("$BRANCH", "main")
    return word.replace("runs-local/SPOOL", str(spool)).replace("results/", f"{folder}/results/")
