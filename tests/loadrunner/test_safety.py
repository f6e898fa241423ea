"""What keeps a campaign from hurting anybody: hosts, addresses, confirmation, caps, stop files."""

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from loadrunner.campaign.model import Target
from loadrunner.campaign.safety import check_addresses, check_allowed
from loadrunner.cli import main
from loadrunner.errors import CampaignError, SafetyError
from tests.loadrunner.campaign_files import SHOP, changed, read
from tests.loadrunner.fault_server import OK, FaultServer, sends
from tests.loadrunner.processes import LOADRUNNER, free_port, loadrunner, started, wait_until
from tests.loadrunner.runs_on_disk import at_rate, manifest_of, samples_of, written

# 203.0.113.7, which nobody has (RFC 5737), as one number: a name that needs no DNS to resolve.
FAR, FAR_ADDRESS = "3405803783", "203.0.113.7"
# The same way of writing 127.0.0.1.
NEAR = "2130706433"


@pytest.mark.parametrize(
    ("host", "allow"),
    [
        ("10.1.2.3", ("10.1.0.0/16",)),
        ("shop.example", ("SHOP.example.",)),
        ("[2001:db8::1]", ("2001:db8:0::1",)),
        ("[2001:db8::1]", ("2001:db8::/32",)),
    ],
)
def test_a_host_is_allowed_by_name_address_or_network(host: str, allow: tuple[str, ...]) -> None:
    check_allowed(Target(f"http://{host}:80", allow))


def test_a_network_does_not_allow_a_name() -> None:
    with pytest.raises(SafetyError, match=r"The host shop\.example of target\.base_url may not"):
        check_allowed(Target("http://shop.example", ("0.0.0.0/0",)))


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.31.255.255", "192.168.1.1", "169.254.0.9"),
        *("::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1", "203.0.113.7", "198.51.100.200"),
    ],
)
def test_an_allowed_name_may_stand_for_what_is_near_or_allowed_itself(address: str) -> None:
    allow = ("shop.example", "203.0.113.7", "198.51.100.0/24")
    check_addresses(Target("http://shop.example", allow), [address])


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.32.0.1", "192.169.0.1", "203.0.113.8", "2606:4700::1", "::ffff:8.8.8.8"],
)
def test_an_allowed_name_that_stands_for_anything_else_is_refused(address: str) -> None:
    target = Target("http://shop.example", ("shop.example", "203.0.113.7"))
    with pytest.raises(SafetyError) as caught:
        check_addresses(target, ["10.0.0.1", address])
    assert str(caught.value) == (
        f"The host shop.example is allowed, but it stands for {address}, which is neither loopback"
        " nor private and is not allowed itself. Nothing was sent. If you may load it,"
        f" add {address} to target.allow in the campaign file."
    )


LIMIT_LINE = 32


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ("rate: 39/s", "limits.rate: found a plan of up to 40 requests/s, allowed: at most 39/s"),
        (
            "requests: 1009",
            "limits.requests: found a plan of 1,010 requests, allowed: at most 1,009",
        ),
        ("duration: 29s", "limits.duration: found a plan of 30 s, allowed: at most 29 s"),
    ],
)
def test_a_plan_beyond_its_own_cap_is_an_error_of_the_file(
    tmp_path: Path, limits: str, message: str
) -> None:
    with pytest.raises(CampaignError) as caught:
        read(tmp_path, f"{SHOP}limits: {{{limits}}}\n")
    assert str(caught.value).endswith(f"line {LIMIT_LINE}, key {message} by this limit")


def test_a_plan_at_its_caps_is_right(tmp_path: Path) -> None:
    limits = "limits: {rate: 40/s, requests: 1010, bytes: 5GB, duration: 30s}\n"
    caps = read(tmp_path, f"{SHOP}{limits}").limits
    assert (caps.rate_rps, caps.requests, caps.bytes, caps.duration_s) == (40, 1010, 5 * 10**9, 30)


def test_a_stop_file_is_relative_to_the_campaign(tmp_path: Path) -> None:
    text = changed("  timeout: 10s", "  stop_file: STOP")
    assert read(tmp_path, text).target.stop_file == tmp_path / "STOP"


journey = pytest.mark.journey


def far(folder: Path, allow: str) -> Path:
    """A campaign for the far host. Its stop file is there and is the last guard before anything
    is connected to, so that no test sends a byte out of this machine, whichever guard breaks."""
    (folder / "STOP").touch()
    target = f", allow: [{allow}], stop_file: STOP"
    return written(folder, f"http://{FAR}:9", at_rate(1), target=target)


PASSED = "STOP is there, so that nothing was sent."


@journey
def test_a_name_that_stands_for_a_foreign_address_ends_with_5(tmp_path: Path) -> None:
    file = far(tmp_path, f"'{FAR}'")
    done = loadrunner("run", file, "--confirm-host", FAR, "--out", tmp_path / "spool")
    assert done.returncode == 5
    assert f"it stands for {FAR_ADDRESS}, which is neither" in done.stderr
    assert not (tmp_path / "spool").exists()


@journey
@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), f"there is no terminal to confirm it on. Nothing was sent. If it is meant, add"
         f" --confirm-host {FAR}."),
        (("--debug",), f"add --confirm-host {FAR}."),
        (("--confirm-host", "another.example"), "what was confirmed is 'another.example'."),
        (("--confirm-host", FAR), PASSED),
    ],
)  # fmt: skip
def test_a_host_beyond_private_networks_needs_the_flag_where_there_is_no_terminal(
    tmp_path: Path, flags: tuple[str, ...], told: str
) -> None:
    file = far(tmp_path, f"'{FAR}', {FAR_ADDRESS}")
    done = loadrunner("run", file, *flags, "--out", tmp_path / "spool")
    assert done.returncode == 5
    assert told in done.stderr
    assert not (tmp_path / "spool").exists()


@journey
@pytest.mark.parametrize(
    ("typed", "told"), [(FAR, PASSED), ("yes", "what was confirmed is 'yes'.")]
)
def test_on_a_terminal_the_hosts_name_is_typed(tmp_path: Path, typed: str, told: str) -> None:
    file = far(tmp_path, f"'{FAR}', {FAR_ADDRESS}")
    ours, theirs = pty.openpty()
    command = [str(LOADRUNNER), "run", str(file), "--out", str(tmp_path / "spool")]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        shown = _read_until(ours, "Type the host's name to go on:")
        os.write(ours, f"{typed}\n".encode())
        shown += _read_until(ours, told)
        assert process.wait(timeout=30) == 5
    os.close(theirs)
    os.close(ours)
    assert f"The load goes to {FAR} ({FAR_ADDRESS})" in shown


def _read_until(terminal: int, text: str) -> str:
    shown = ""
    while text not in " ".join(shown.split()):
        shown += os.read(terminal, 1000).decode()
    return shown


@journey
def test_a_name_that_stands_for_this_machine_needs_no_confirmation(tmp_path: Path) -> None:
    with FaultServer({"/": sends(OK)}) as server:
        url = server.url.replace("127.0.0.1", NEAR)
        file = written(tmp_path, url, at_rate(10), target=f", allow: ['{NEAR}']")
        done = loadrunner("run", file, "--out", tmp_path / "spool")
        assert done.returncode == 0, done.stderr
        hosts = {
            request.split(b"\r\nhost: ")[1].split(b"\r\n")[0] for request in server.requests[1:]
        }
    assert hosts == {f"{NEAR}:{server.port}".encode()}  # the name went along, not the address


@journey
def test_hit_loads_another_host_only_where_a_flag_allows_it() -> None:
    url = f"http://{NEAR}:{free_port()}/"
    done = loadrunner("hit", url)
    assert done.returncode == 5
    assert "name it with --allow" in done.stderr
    assert loadrunner("hit", url, "--allow", NEAR).returncode == 6


@journey
@pytest.mark.parametrize(
    ("limits", "told", "most"),
    [
        ("requests: 300", "requests were sent; the campaign's limits.requests is 300.", 900),
        ("bytes: 50kB", "went over the wire; the campaign's limits.bytes is 50 kB.", 2000),
        ("rate: 50/s", "requests/s were sent over 5 s; the campaign's limits.rate is 50/s.", 9000),
    ],
)
def test_a_cap_that_closed_users_reach_ends_the_run_at_once_with_5(
    tmp_path: Path, limits: str, told: str, most: int
) -> None:
    load = "{phase: plateau, duration: 60s, users: 2, think_time: 4ms}"
    out = tmp_path / "spool"
    with FaultServer({"/": sends(OK)}) as server:
        file = written(tmp_path, server.url, load, more=f"limits: {{{limits}}}")
        began_s = time.monotonic()
        done = loadrunner("run", file, "--out", out)
    assert done.returncode == 5, done.stdout + done.stderr
    assert time.monotonic() - began_s < 20
    assert told in done.stderr
    manifest = manifest_of(out)
    assert manifest["state"] == "interrupted"
    assert told in manifest["aborted"]
    assert 200 <= samples_of(out).height <= most


@journey
@pytest.mark.parametrize("by_flag", [True, False])
def test_a_stop_file_that_appears_ends_the_run_in_order_with_5(
    tmp_path: Path, by_flag: bool
) -> None:
    out, stop = tmp_path / "spool", tmp_path / "STOP"
    with FaultServer({"/": sends(OK)}) as server:
        target = "" if by_flag else ", stop_file: STOP"
        flags = ("--stop-file", stop) if by_flag else ()
        file = written(tmp_path, server.url, at_rate(50, "60s"), target=target)
        with started("run", file, "--out", out, *flags) as process:
            wait_until((out / "manifest.json").exists)
            time.sleep(1)
            stop.touch()
            _, told = process.communicate(timeout=20)
        assert process.returncode == 5, told
        assert f"loadrunner: The run was stopped. The stop file {stop} appeared." in told
        assert manifest_of(out)["state"] == "interrupted"
        assert set(samples_of(out)["outcome"]) == {"ok"}
        again = loadrunner("run", file, "--out", tmp_path / "again", *flags)
    assert again.returncode == 5
    assert f"The stop file {stop} is there, so that nothing was sent." in again.stderr
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("seed", ["-3", "x", "99999999999999999999"])
def test_a_seed_that_no_arrivals_can_be_drawn_from_is_bad_usage(
    seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", "campaign.yaml", "--seed", seed])
    assert caught.value.code == 2
    assert f"'{seed}' is not a seed: a whole number from 0 to 2147483647" in capsys.readouterr().err
