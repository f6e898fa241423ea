"""What operators type: users, tokens, recalculation."""

from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from ingest import tokens
from ingest.models import ApiToken
from runs import processing, store
from runs.models import Project, Run
from tests.builders import STARTED_AT, write_spool

pytestmark = pytest.mark.django_db


def test_a_user_is_made_once_and_then_brought_up_to_date() -> None:
    call_command("ensure_user", username="ada", password="first-password")
    call_command("ensure_user", username="ada", password="second-password", staff=True)

    user = User.objects.get()
    assert user.check_password("second-password")
    assert user.is_staff


def test_a_token_is_printed_alone_so_that_a_script_can_take_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("token", "create", name="CI", project="shop", scope=["upload", "read"])

    out, err = capsys.readouterr()
    access = tokens.access_of(out.strip())
    assert access is not None
    assert access.project_id == Project.objects.get(slug="shop").pk
    assert access.scopes == {"upload", "read"}
    assert "shown this once" in err


def test_a_token_is_listed_by_its_prefix_and_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    text, token = tokens.create("CI", ["read"])

    call_command("token", "list")
    listed = capsys.readouterr().out
    call_command("token", "revoke", token.prefix)

    assert token.prefix in listed
    assert text not in listed
    assert tokens.access_of(text) is None
    with pytest.raises(CommandError, match="0 tokens"):
        call_command("token", "revoke", "hr_nothing")


def test_a_project_that_cannot_be_named_so_is_refused() -> None:
    with pytest.raises(CommandError, match="cannot name a project"):
        call_command("token", "create", name="CI", project="My Shop")

    assert not ApiToken.objects.exists()


@pytest.fixture
def run(data_folder: Path) -> Run:
    project = Project.objects.create(slug="shop", name="shop")
    run = Run.objects.create(project=project, campaign="critical-flows", started_at=STARTED_AT)
    write_spool(store.spool_of(run.pk), run_id=str(run.pk), criteria=["p95(billing/usage) < 400ms"])
    processing.process(run.pk, lambda _stage: None)
    Run.objects.update(processing="ready")
    return run


def test_recalculation_says_which_verdicts_changed(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    Run.objects.update(verdict="fail", calculation_version=0)

    call_command("recalculate")
    first = capsys.readouterr().out
    call_command("recalculate", outdated=True)
    second = capsys.readouterr().out

    assert f"[1/1] {run.pk} CHANGED from fail" in first
    assert "1 runs, 1 verdicts changed, 0 unreadable" in first
    assert "0 runs, 0 verdicts changed" in second
    run.refresh_from_db()
    assert (run.verdict, run.calculation_version) == ("pass", processing.CALCULATION_VERSION)


def test_recalculation_names_a_run_whose_raw_files_cannot_be_read_and_keeps_its_figures(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    store.raw_file(run.pk, "manifest.json").write_text("{")

    with pytest.raises(CommandError, match="1 runs kept"):
        call_command("recalculate")

    assert f"{run.pk} cannot be read" in capsys.readouterr().err
    run.refresh_from_db()
    assert run.verdict == "pass"


def test_recalculation_of_a_run_that_is_not_there_says_so() -> None:
    with pytest.raises(CommandError, match="No such run that is ready"):
        call_command("recalculate", str(UUID(int=1)))
