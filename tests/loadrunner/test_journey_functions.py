"""Journeys in Python, run against a real server: what they send, and what becomes of it."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from loadrunner.campaign.file import load
from loadrunner.campaign.model import Campaign
from loadrunner.execution import read_report
from loadrunner.identities import Credential
from tests.loadrunner.fault_server import OK, FaultServer, never, sends
from tests.loadrunner.processes import ROOT, loadrunner, target
from tests.loadrunner.runs_on_disk import manifest_of, samples_of
from tests.loadrunner.test_engine import carried_out

pytestmark = pytest.mark.journey

BODY = b'{"id": "a1", "items": []}'
JSON = sends(
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-One: 1\r\nX-One: 2\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(BODY), BODY)
)
NOT_FOUND = sends(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n")
BUSY = sends(b"HTTP/1.1 429 No\r\nRetry-After: 0\r\ncontent-length: 0\r\n\r\n")
LATER = sends(b"HTTP/1.1 429 No\r\nRetry-After: 900\r\ncontent-length: 0\r\n\r\n")
ZIPPED = gzip.compress(BODY)
REPLIES = {
    "/": sends(OK),
    "/json": JSON,
    "/json?q=a%20b": JSON,
    "/missing": NOT_FOUND,
    "/never": never(),
    "/busy": BUSY,
    "/later": LATER,
    "/head": sends(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"),
    "/gzip": sends(
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s"
        % (len(ZIPPED), ZIPPED)
    ),
}

FUNCTIONS = """\
import asyncio
from loadrunner.hooks import NoAnswer, Session


async def whole(session: Session) -> None:
    first = await session.get("/json", step="one", params={"q": "a b"}, headers={"X-Own": "yes"})
    assert first.ok and first.status_code == 200 and first.json()["id"] == "a1"
    assert first.headers["x-one"] == "1, 2" and first.text.startswith("{") and first.content
    await session.sleep(0.12)
    await session.post("/missing", step="two", json={"who": session.variables["who"]}, expect=[404])


async def fails(session):
    await session.get("/json", step="one")
    session.fail("the cart is empty")


async def doubts(session):
    answer = await session.get("/json", step="one")
    if not answer.json()["items"]:
        answer.fail("no items")
    await session.get("/", step="two")


async def trips(session):
    answer = await session.get("/json", step="one")
    answer.json()["nothing of the kind"]


async def trips_at_once(session):
    raise LookupError("too early")


async def trips_late(session):
    await session.get("/json", step="one")
    await session.sleep(0)
    raise LookupError("too late")


async def trips_after_an_error(session):
    answer = await session.get("/missing", step="one")
    answer.json()["id"]


async def sends_nothing(session):
    return None


async def unanswered(session):
    await session.get("/never", step="one")


async def unanswered_and_goes_on(session):
    try:
        await session.get("/never", step="one")
    except NoAnswer:
        await session.get("/", step="two")


async def impatient(session):
    try:
        async with asyncio.timeout(0.1):
            await session.get("/never", step="one")
    except TimeoutError:
        await session.get("/", step="two")


async def at_once(session):
    await asyncio.gather(*(session.get("/json", step="one") for _ in range(3)))
    await session.get("/", step="two")


async def again(session):
    assert not (await session.get("/busy", step="one")).ok


async def elsewhere(session):
    await session.get("http://127.0.0.1:1/", step="one")


async def waits(session):
    await session.get("/json", step="one")
    await asyncio.sleep(60)


async def other_answers(session):
    head = await session.head("/head", step="one")
    assert head.headers["Content-Length"] == "500" and head.content == b""
    assert (await session.request("get", "/gzip", step="two")).json()["id"] == "a1"


async def is_turned_away(session):
    assert (await session.get("/later", step="one")).status_code == 429
    await session.get("/", step="two")
"""
NAMES = [line.split("(")[0][10:] for line in FUNCTIONS.splitlines() if line.startswith("async def")]


def written(
    folder: Path,
    url: str,
    *names: str,
    more: str = "",
    load_: str = "rate: 2",
    length: str = "500ms",
) -> Path:
    """A campaign with a scenario of one journey for each of these functions."""
    (folder / "journeys.py").write_text(FUNCTIONS)
    flows = "".join(
        f"  {name}:\n"
        f"    journey: journeys.py:{name}\n"
        "    steps: [{name: one, retry: {on: [429], max: 2}}, two]\n"
        f"    load: [{{phase: plateau, duration: {length}, {load_}}}]\n{more}"
        for name in names
    )
    file = folder / "flow.yaml"
    head = f'campaign: flow\ntarget: {{base_url: "{url}", timeout: 3s}}\n'
    file.write_text(f"{head}identities: {{ops: {{bearer: secret-token}}}}\nscenarios:\n{flows}")
    return file


def campaign(folder: Path, url: str, *names: str, **more: str) -> Campaign:
    return load(written(folder, url, *names, **more), {}, {})


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """One journey of each function, all in one run."""
    folder = tmp_path_factory.mktemp("functions")
    variables = "    identity: ops\n    variables: {who: 'number ${index}'}\n"
    with FaultServer(REPLIES) as server:
        whole = campaign(folder, server.url, *NAMES, more=variables)
        lines = {"ops": Credential((b"Authorization: Bearer secret-token\r\n",))}
        found = carried_out(whole, folder / "spool", credentials=lines)
        sent = b"\n".join(server.requests)
    assert b"GET /json?q=a%20b HTTP/1.1\r\n" in sent
    assert b"X-Own: yes\r\n" in sent
    assert b'{"who":"number 0"}' in sent
    assert sent.count(b"Bearer secret-token") == sent.count(b" HTTP/1.1\r\n")
    return found


def kept(samples: pl.DataFrame, name: str) -> list[tuple[str, str, str]]:
    """Step, outcome and error of each request of a function."""
    mine = samples.filter(pl.col("scenario") == name)
    return [(step, outcome, error or "") for step, outcome, error in
            mine.select("step", "outcome", "error").rows()]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("whole", [("one", "ok", ""), ("two", "ok", "")]),
        ("fails", [("one", "check_failed", "the cart is empty")]),
        ("doubts", [("one", "check_failed", "no items"), ("two", "ok", "")]),
        ("trips", [("one", "check_failed", "trips raised KeyError (journeys.py, line 27)")]),
        (
            "trips_at_once",
            [("one", "generator_error",
              "trips_at_once raised LookupError (journeys.py, line 31)")],
        ),
        (
            "trips_late",
            [("one", "ok", ""),
             ("one", "generator_error", "trips_late raised LookupError (journeys.py, line 37)")],
        ),
        ("trips_after_an_error", [("one", "client_error", "")]),
        ("sends_nothing", [("one", "generator_error", "sends_nothing sent no request")]),
        ("unanswered", [("one", "timeout", "no whole answer within 3 s")]),
        (
            "unanswered_and_goes_on",
            [("one", "timeout", "no whole answer within 3 s"), ("two", "ok", "")],
        ),
        (
            "impatient",
            [("one", "timeout", "the journey waited no longer than 0.1 s"), ("two", "ok", "")],
        ),
        ("at_once", [("one", "ok", ""), ("one", "ok", ""), ("one", "ok", ""), ("two", "ok", "")]),
        ("again", [("one", "refused", ""), ("one", "refused", ""), ("one", "refused", "")]),
        (
            "elsewhere",
            [("one", "generator_error", "elsewhere raised MessageError (journeys.py, line 78)")],
        ),
        ("waits", [("one", "ok", "")]),
        ("other_answers", [("one", "ok", ""), ("two", "ok", "")]),
        # A retry a quarter of an hour later is beyond the run: the function is told at once.
        ("is_turned_away", [("one", "refused", ""), ("two", "ok", "")]),
    ],
)  # fmt: skip
def test_each_request_of_a_function_is_a_sample_with_an_outcome(
    name: str, expected: list[tuple[str, str, str]], samples: pl.DataFrame
) -> None:
    found = kept(samples, name)
    if name == "impatient":  # how long it waited is the clock's to say
        found = [(step, outcome, error[:38]) for step, outcome, error in found]
        expected = [(step, outcome, error[:38]) for step, outcome, error in expected]
    assert found == expected


def test_the_first_is_due_by_the_plan_and_what_follows_after_what_came_before_and_the_pause(
    samples: pl.DataFrame,
) -> None:
    first, second = samples.filter(pl.col("scenario") == "whole").rows(named=True)
    assert (first["due_by"], first["due_us"]) == ("plan", 0)
    assert second["due_by"] == "previous"
    assert second["due_us"] == first["ended_us"] + 120_000
    assert second["started_us"] >= second["due_us"]
    assert first["trace_id"] != second["trace_id"]
    assert (first["journey"], second["journey"]) == (0, 0)
    assert second["bytes_out"] > 0


def test_retries_are_attempts_of_one_request(samples: pl.DataFrame) -> None:
    attempts = samples.filter(pl.col("scenario") == "again")["attempt"].to_list()
    assert attempts == [1, 2, 3]


def test_users_of_the_closed_model_begin_anew_on_every_worker(tmp_path: Path) -> None:
    with FaultServer(REPLIES) as server:
        users = campaign(
            tmp_path, server.url, "whole", load_="users: 4, think_time: 50ms", length="2s",
            more="    variables: {who: me}\n",
        )  # fmt: skip
        found = carried_out(users, tmp_path / "spool", workers=2)
    assert set(found["user"].to_list()) == {0, 1, 2, 3}
    assert set(found["worker"].to_list()) == {0, 1}
    assert set(found["outcome"].to_list()) == {"ok"}
    assert found.filter(pl.col("step") == "one").height > 8


def test_the_summary_tells_how_many_raised_and_the_first_traceback_and_no_secret(
    tmp_path: Path,
) -> None:
    with FaultServer(REPLIES) as server:
        file = written(tmp_path, server.url, "trips", "whole", load_="rate: 20",
                       more="    variables: {who: me, password: canary-7d1}\n")  # fmt: skip
        text = (tmp_path / "journeys.py").read_text()
        leaks = 'print("in the way", answer.json()["no" + session.variables["password"]])'
        (tmp_path / "journeys.py").write_text(
            text.replace('answer.json()["nothing of the kind"]', leaks)
        )
        spool = tmp_path / "spool"
        done = loadrunner("run", file, "--out", spool)
        again = loadrunner("run", "--replay", spool, "--out", tmp_path / "again", "--quiet")
        (tmp_path / "journeys.py").write_text("# changed\n" + FUNCTIONS)
        changed = loadrunner("run", "--replay", spool, "--out", tmp_path / "changed")
    assert "10 journeys of trips ended by an error of the function. The first one:" in done.stdout
    assert "KeyError: 'no***'" in done.stdout
    written_bytes = b"".join(one.read_bytes() for one in spool.iterdir())
    assert "canary" not in done.stdout + done.stderr + written_bytes.decode("latin-1")
    assert samples_of(spool).filter(pl.col("scenario") == "whole")["outcome"].n_unique() == 1
    assert again.returncode in (0, 4), again.stderr
    assert changed.returncode == 2
    assert "journeys.py is not the file that the run of" in changed.stderr
    assert len(manifest_of(spool)["campaign"]["scripts"]["journeys.py"]) == 64


def test_a_function_that_blocks_its_worker_makes_the_run_one_not_to_be_believed(
    tmp_path: Path,
) -> None:
    with FaultServer(REPLIES) as server:
        file = written(tmp_path, server.url, "blocks", load_="rate: 20", length="2s")
        (tmp_path / "journeys.py").write_text(
            "import time\n\n\nasync def blocks(session):\n"
            '    await session.get("/", step="one")\n    time.sleep(0.1)\n'
        )
        carried_out(load(file, {}, {}), tmp_path / "spool")
    validity = read_report(tmp_path / "spool").validity
    assert validity.verdict == "invalid"
    assert "schedule_not_kept" in {reason.code for reason in validity.reasons}


def test_caps_hold_for_what_a_function_sends(tmp_path: Path) -> None:
    with FaultServer(REPLIES) as server:
        file = written(tmp_path, server.url, "many", length="30s")
        (tmp_path / "journeys.py").write_text(
            "async def many(session):\n    while True:\n"
            '        await session.get("/", step="one")\n        await session.sleep(0.001)\n'
        )
        file.write_text(f"{file.read_text()}limits: {{requests: 100}}\n")
        done = loadrunner("run", file, "--out", tmp_path / "spool")
    assert done.returncode == 5
    assert "limits.requests is 100" in done.stderr
    assert samples_of(tmp_path / "spool").height >= 100


def test_a_file_that_cannot_be_imported_ends_the_run_before_anything_is_contacted(
    tmp_path: Path,
) -> None:
    with FaultServer(REPLIES) as server:
        file = written(tmp_path, server.url, "whole", more="    variables: {who: me}\n")
        (tmp_path / "journeys.py").write_text("import no_such_module\n" + FUNCTIONS)
        fine = loadrunner("validate", file)
        done = loadrunner("run", file, "--out", tmp_path / "spool")
        assert server.connections == 0
    assert fine.returncode == 0, fine.stderr
    assert done.returncode == 2
    assert "journeys.py, line 1 cannot be imported: ModuleNotFoundError" in done.stderr
    assert not (tmp_path / "spool").exists()


def test_the_example_runs_against_the_reference_target_and_can_be_looked_at(
    tmp_path: Path,
) -> None:
    for name in ("journeys.py", "data"):
        (tmp_path / name).symlink_to(ROOT / "examples" / name)
    text = (ROOT / "examples" / "journeys.yaml").read_text().replace("duration: 5s", "duration: 1s")
    (tmp_path / "journeys.yaml").write_text(text)
    with target() as url:
        flags = (tmp_path / "journeys.yaml", "--set", f"TARGET_URL={url}")
        done = loadrunner("run", *flags, "--smoke", "--out", tmp_path / "spool")
        debug = loadrunner("run", *flags, "--debug")
    assert done.returncode in (0, 4), done.stdout + done.stderr  # 4: on a very busy machine
    names = samples_of(tmp_path / "spool").select("scenario", "step").unique().rows()
    assert {"export/submit", "export/download", "conversation/history"} <= set(map("/".join, names))
    assert debug.returncode == 0, debug.stdout
    assert "export/poll\n> GET /v1/privacy/export/exp-" in debug.stdout
    assert "> authorization: ***" in debug.stdout
