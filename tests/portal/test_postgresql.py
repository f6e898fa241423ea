"""The cluster on which the portal's tests run a second time."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from tools import postgresql

pytestmark = pytest.mark.skipif(
    postgresql.binaries() is None and os.environ.get("CI") != "true",
    reason="PostgreSQL is not installed (Debian: apt install postgresql)",
)


def test_a_cluster_answers_while_it_is_wanted_and_leaves_nothing_behind() -> None:
    with postgresql.cluster() as url:
        folder = Path(parse_qs(urlsplit(url).query)["host"][0])
        with psycopg.connect(url) as connection:
            row = connection.execute("SELECT current_database(), 6 * 7").fetchone()
        mode = folder.stat().st_mode & 0o777

    assert row == ("headroom", 42)
    assert mode == 0o700
    assert not folder.exists()
