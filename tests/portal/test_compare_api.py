"""Comparing runs and groups of repeats over the API, with the noise that repeats have taught."""

from pathlib import Path
from typing import Any

import pytest

from ingest import tokens
from runs.models import Run
from tests.api_client import Api
from tests.portal.test_trends import measured

pytestmark = pytest.mark.django_db


@pytest.fixture
def api() -> Api:
    return Api(tokens.create("tests", ["read"])[0])


def p50(found: dict[str, Any]) -> dict[str, Any]:
    rows = [one for one in found["rows"] if one["statistic"] == "p50"]
    row: dict[str, Any] = next(one for one in rows if one["phase"] == "plateau")
    return row


def source(found: dict[str, Any]) -> str:
    return next(str(one["source"]) for one in found["noise"] if one["statistic"] == "p50")


def test_without_repeats_the_noise_is_assumed(api: Api, data_folder: Path) -> None:
    found = api.get("compare", runs=f"{measured(1, 20).pk},{measured(2, 30).pk}").json()
    assert source(found) == "assumed"
    assert p50(found)["changes"][0]["verdict"] == "worse"


def test_the_projects_own_repeats_teach_the_noise(api: Api, data_folder: Path) -> None:
    """Runs of one commit that differ by 20 %: then 15 % more is nothing to speak of."""
    for day, took in enumerate((16, 20, 24, 20, 16, 24)):
        measured(10 + day, took, commit="c0ffee")
    old, new = measured(1, 20), measured(2, 23)
    found = api.get("compare", runs=f"{old.pk},{new.pk}").json()
    assert source(found) == "history"
    assert p50(found)["changes"][0]["verdict"] == "inconclusive"


def test_repeats_are_named_with_colons_and_compared_as_one(api: Api, data_folder: Path) -> None:
    old = [measured(day, took).pk for day, took in enumerate((20, 20.2, 19.9))]
    new = [measured(10 + day, took).pk for day, took in enumerate((22.4, 22.6, 22.2))]
    sides = ",".join(":".join(str(pk) for pk in side) for side in (old, new))
    found = api.get("compare", runs=sides).json()
    assert [len(group) for group in found["groups"]] == [3, 3]
    assert source(found) == "given"
    change = p50(found)["changes"][0]
    assert (change["verdict"], change["ratio"]) == ("worse", pytest.approx(1.12, rel=0.01))


def test_a_side_must_be_a_run_and_there_must_be_two(api: Api, data_folder: Path) -> None:
    run = measured(1, 20)
    assert api.get("compare", runs=f"{run.pk}:{run.pk}").status_code == 422
    assert api.get("compare", runs=f"{run.pk},{run.pk}:nonsense").json()["code"] == "run_id"
    assert Run.objects.count() == 1
