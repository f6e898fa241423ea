"""A real limit, a real client: `loadrunner` finds what nginx is configured to admit."""

import os
import shutil
import socket

import pytest

from benchmarks import _real_servers, real_servers

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


@pytest.mark.skipif(
    NGINX is None and not os.environ.get("CI"),
    reason="nginx is not installed (Debian: nginx-light)",
)
def test_the_limit_of_nginx_is_found_with_its_cause() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with _real_servers.nginx(port, rate=50) as server:
        found = real_servers.answer(server, seconds=1.5)
    assert (found.verdict, found.cause) == ("reached", "rate_limit")
    assert found.error == pytest.approx(0, abs=0.03)
    assert found.is_inside
