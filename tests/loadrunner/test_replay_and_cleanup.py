"""What a spool is good for afterwards: the same schedule again, and undoing what was made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loadrunner.fault_server import OK, FaultServer, sends
from tests.loadrunner.processes import loadrunner
from tests.loadrunner.runs_on_disk import manifest_of, samples_of

pytestmark = pytest.mark.journey

SHOP = """\
campaign: shop
target: {base_url: "${TARGET_URL}"}
identities:
  ops: {bearer: "${OPS_TOKEN:-canary-token-55de}"}
scenarios:
  browse:
    arrivals: poisson
    steps: [{name: get, request: {path: "/?n=${index}"}}]
    load:
      - {phase: ramp, duration: 700ms, rate: {from: 5, to: 60}}
      - {phase: plateau, duration: 800ms, rate: 60}
  order:
    steps: [{name: get, request: {path: /order}}]
    load: [{phase: plateau, duration: 1s, rate: 10}]
criteria: ["p50(order) < 2s"]
smoke: {duration: 1s, rate: 7, criteria: ["p50(*) < 3s"]}
cleanup:
  - {name: orders, request: {method: DELETE, path: "/orders?run=${run_id}"}, identity: ops}
  - {name: sessions, request: {method: DELETE, path: /sessions}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[FaultServer]:
    replies = {f"/?n={number}": sends(OK) for number in range(200)}
    failing = sends(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")
    fine = {"/": sends(OK), "/order": sends(OK), "/sessions": sends(OK), "/broken": failing}
    with FaultServer({**replies, **fine}) as running:
        yield running


def shop(folder: Path, text: str = SHOP) -> Path:
    file = folder / "shop.yaml"
    file.write_text(text)
    return file


def made(file: Path, out: Path, server: FaultServer, *flags: str) -> Path:
    done = loadrunner("run", file, "--set", f"TARGET_URL={server.url}", "--out", out, *flags)
    # 4: on a busy machine so short a run may come out as not valid; its schedule is what it is.
    assert done.returncode in (0, 4), done.stdout + done.stderr
    return out


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory, server: FaultServer) -> Path:
    """The spool of a run of `order` that was made with SHOP."""
    folder = tmp_path_factory.mktemp("past")
    return made(shop(folder), folder / "spool", server, "--scenario", "order")


def arrivals(spool: Path) -> list[tuple[str, str, int, int]]:
    frame = samples_of(spool).select("scenario", "phase", "due_us", "journey")
    return sorted(frame.rows())


def test_a_replay_sends_the_same_arrivals_by_the_same_seed_phases_and_labels(
    tmp_path: Path, server: FaultServer
) -> None:
    file = shop(tmp_path)
    first = made(file, tmp_path / "first", server, "--label", "branch=main", "--label", "a=1")
    flags = ("--replay", str(first), "--set", f"TARGET_URL={server.url}", "--label", "a=2")
    again = tmp_path / "again"
    done = loadrunner("run", *flags, "--out", again)  # the spool knows the campaign file
    assert done.returncode in (0, 4), done.stderr
    assert arrivals(again) == arrivals(first)
    before, after = manifest_of(first), manifest_of(again)
    assert after["seed"] == before["seed"]
    assert after["phases"] == before["phases"]
    assert after["labels"] == {"branch": "main", "a": "2"}
    assert after["replay_of"] == before["run_id"] != after["run_id"]


def test_a_replay_of_a_smoke_is_a_smoke(tmp_path: Path, server: FaultServer) -> None:
    file = shop(tmp_path)
    first = made(file, tmp_path / "first", server, "--smoke", "--scenario", "order")
    again = made(file, tmp_path / "again", server, "--replay", str(first))
    assert samples_of(again).height == 7
    assert manifest_of(again)["criteria"] == ["p50(*) < 3s"]


def test_a_replay_with_another_file_is_refused_unless_it_is_meant(
    tmp_path: Path, server: FaultServer
) -> None:
    file = shop(tmp_path)
    first = made(file, tmp_path / "first", server)
    shop(tmp_path, SHOP.replace("60}", "600}").replace("rate: 60", "rate: 600"))
    flags = ("--replay", first, "--set", f"TARGET_URL={server.url}", "--out", tmp_path / "again")
    refused = loadrunner("run", *flags)
    assert refused.returncode == 2
    assert f"{file} is not the file that the run of {first} was made with" in refused.stderr
    assert "--force" in refused.stderr
    assert loadrunner("run", *flags, "--force").returncode in (0, 4)
    assert arrivals(tmp_path / "again") == arrivals(first)  # the schedule is the past run's


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("order", "ordeal", "had the scenario order, which"),
        ("cleanup:", "limits: {rate: 1/s}\ncleanup:", "key limits.rate: found a plan of up to"),
        ("smoke:", "peak: {browse: nothing}\nsmoke:", "key peak.browse: found 'nothing'"),
    ],
)
def test_a_replay_that_no_longer_fits_the_file_says_why(
    tmp_path: Path, server: FaultServer, past: Path, old: str, new: str, told: str
) -> None:
    file, out = shop(tmp_path, SHOP.replace(old, new)), tmp_path / "again"
    flags = ("--replay", past, "--force", "--set", f"TARGET_URL={server.url}", "--out", out)
    done = loadrunner("run", file, *flags)
    assert done.returncode == 2
    assert told in done.stderr
    assert not out.exists()


@pytest.mark.parametrize("flag", [("--smoke",), ("--scenario", "order"), ("--seed", "3")])
def test_what_a_replay_repeats_cannot_be_asked_for_as_well(
    past: Path, flag: tuple[str, ...]
) -> None:
    done = loadrunner("run", "--replay", past, *flag)
    assert done.returncode == 2
    assert f"{flag[0]} has no place beside --replay" in done.stderr


def test_cleanup_sends_each_request_as_who_it_names_with_the_id_of_the_run(
    server: FaultServer, past: Path
) -> None:
    run_id = manifest_of(past)["run_id"]
    server.replies[f"/orders?run={run_id}"] = sends(OK)
    server.requests.clear()
    done = loadrunner("cleanup", past, "--set", f"TARGET_URL={server.url}")
    assert (done.returncode, done.stdout) == (0, "Done: orders\nDone: sessions\n"), done.stderr
    _, orders, sessions = server.requests  # after the pre-flight's
    assert orders.startswith(f"DELETE /orders?run={run_id} HTTP/1.1\r\n".encode())
    assert b"Bearer canary-token-55de" in orders
    assert sessions.startswith(b"DELETE /sessions ")
    assert b"canary" not in sessions


def test_a_cleanup_that_fails_goes_on_and_ends_with_1(
    tmp_path: Path, server: FaultServer, past: Path
) -> None:
    file = shop(tmp_path, SHOP.replace("/orders?run=${run_id}", "/broken"))
    flags = ("--campaign", file, "--force", "--set", f"TARGET_URL={server.url}")
    done = loadrunner("cleanup", past, *flags)
    assert (done.returncode, done.stdout) == (1, "Done: sessions\n")
    assert "cleanup orders: DELETE /broken answered 500, a 2xx is needed." in done.stderr
    assert f"Something of run {manifest_of(past)['run_id']} may be left." in done.stderr


def test_cleanup_never_goes_to_another_target_than_the_run_did(
    tmp_path: Path, server: FaultServer, past: Path
) -> None:
    server.requests.clear()
    elsewhere = server.url.replace("127.0.0.1", "localhost")
    done = loadrunner("cleanup", past, "--set", f"TARGET_URL={elsewhere}")
    assert done.returncode == 2
    assert f"The run went to {server.url}, and the campaign means {elsewhere} now." in done.stderr
    changed = ("--campaign", shop(tmp_path, SHOP + "# changed\n"))
    done = loadrunner("cleanup", past, *changed, "--set", f"TARGET_URL={server.url}")
    assert done.returncode == 2
    assert "its SHA-256 differs" in done.stderr
    assert server.requests == []


def test_a_campaign_without_a_cleanup_section_says_that_nothing_was_sent(
    tmp_path: Path, server: FaultServer, past: Path
) -> None:
    server.requests.clear()
    file = shop(tmp_path, SHOP[: SHOP.index("cleanup:")])
    flags = ("--campaign", file, "--force", "--set", f"TARGET_URL={server.url}")
    done = loadrunner("cleanup", past, *flags)
    assert done.returncode == 0
    assert done.stdout == f"{file} has no cleanup section: nothing was sent.\n"
    assert server.requests == []
