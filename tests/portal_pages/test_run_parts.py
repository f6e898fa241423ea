"""Parts of a run's page that are made of its samples, and first figures of one that comes in."""

import re
from pathlib import Path
from typing import Any

import pytest
import zstandard
from django.test import Client

from runs import processing, store
from runs.models import Project, Run, RunFile
from tests.api_client import add_run
from tests.builders import Line, manifest_of, phase, sample, steady, write_spool
from tests.portal_pages import records

pytestmark = pytest.mark.django_db
HOSTILE = records.HOSTILE


@pytest.fixture
def visitor(client: Client, data_folder: Path) -> Client:
    client.force_login(records.user())
    return client


def stored(lines: list[Line], **more: Any) -> Run:
    """A run whose spool lies in the store, as it came."""
    run = add_run()
    folder = store.spool_of(run.pk)
    spool = write_spool(folder, lines, run_id=str(run.pk), **more)
    run.manifest = manifest_of(spool)
    run.save(update_fields=["manifest"])
    return run


@pytest.fixture
def ready(data_folder: Path) -> Run:
    """Ten seconds of billing/usage at 20/s: one in ten fails with a text, one is very slow."""
    lines = []
    for number, line in enumerate(steady(20, 10)):
        if number % 10 == 3:
            line |= {"outcome": "server_error", "status": 500, "error": f"pool is empty {HOSTILE}"}
        lines.append(line | {"trace_id": f"trace/{number}?x"})
    lines.append(sample(9.9, 4321.0, trace_id="slowest one"))
    run = stored(lines, phases=[phase(10, 20)])
    processing.process(run.pk, lambda _stage: None)
    return Run.objects.get(pk=run.pk)


def part(visitor: Client, run: Run, name: str, query: str = "") -> str:
    answer = visitor.get(f"/runs/{run.pk}/part/{name}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_errors_are_grouped_by_text_with_a_sample_of_each(visitor: Client, ready: Run) -> None:
    page = part(visitor, ready, "samples")
    assert "<script>alert" not in page
    assert "pool is empty &lt;script&gt;" in page
    assert "server error 500" in text(page)
    assert re.search(r"billing/usage 20 (9\.9\d?|10(\.0)?) % 0\.\d s 9\.\d s plateau", text(page))


def test_the_slowest_requests_come_first_with_their_traces(visitor: Client, ready: Run) -> None:
    page = part(visitor, ready, "samples")
    slowest = page[page.index("slowest-title") :]
    assert "4.32 s billing/usage plateau 9.9 s ok 200" in text(slowest)
    assert "Trace ids become links" in slowest
    Project.objects.update(trace_url="https://traces.example/t/{trace_id}?view=full")
    linked = part(visitor, ready, "samples")
    assert 'href="https://traces.example/t/slowest%20one?view=full"' in linked
    assert 'href="https://traces.example/t/trace%2F3%3Fx?view=full"' in linked


def test_the_distribution_is_drawn_from_the_samples(visitor: Client, ready: Run) -> None:
    page = part(visitor, ready, "distribution", "?scenario=billing")
    assert 'id="figure-heatmap"' in page
    assert 'id="figure-spectrum"' in page
    assert "Percentile spectrum" in page
    for document in re.findall(r'type="application/json">(.*?)</script>', page):
        assert len(document) < 200_000


def test_a_part_is_asked_for_once_and_kept_until_it_is_calculated_anew(
    visitor: Client, ready: Run
) -> None:
    address = f"/runs/{ready.pk}/part/samples/"
    tag = visitor.get(address).headers["ETag"]
    again = visitor.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    Run.objects.filter(pk=ready.pk).update(calculation_version=99)
    assert visitor.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_a_run_without_samples_says_so(visitor: Client) -> None:
    run = records.run(records.project())
    assert "are not in the store" in part(visitor, run, "samples")
    assert "are not in the store" in part(visitor, run, "distribution")


def test_an_unknown_part_is_a_404(visitor: Client, ready: Run) -> None:
    assert visitor.get(f"/runs/{ready.pk}/part/nonsense/").status_code == 404


def coming_in(segments: int, come: int) -> Run:
    """Ten seconds at 20/s in so many segments, of which the first ones have come; the plan goes on
    for twenty."""
    run = stored(steady(20, 10), phases=[phase(20, 20)], segments=segments, seconds=20)
    Run.objects.filter(pk=run.pk).update(processing="receiving", state="running")
    for number, path in enumerate(sorted(store.spool_of(run.pk).glob("samples-*"))):
        if number < come:
            size, digest = path.stat().st_size, f"{number:064d}"
            RunFile.objects.create(run=run, name=path.name, bytes=size, sha256=digest)
    return run


def test_a_run_that_comes_in_shows_how_far_it_is_and_its_first_figures(
    visitor: Client, data_folder: Path
) -> None:
    run = coming_in(segments=2, come=1)
    assert f'hx-get="/runs/{run.pk}/live/"' in visitor.get(f"/runs/{run.pk}/").content.decode()
    first = text(visitor.get(f"/runs/{run.pk}/live/").content.decode())
    assert "5.0 s of 20.0 s" in first
    assert "billing 100 100 20.0 ms 20.0 ms 0 % 0 %" in first


def test_a_segment_that_can_not_be_read_is_no_fault_of_the_page(
    visitor: Client, data_folder: Path
) -> None:
    run = coming_in(segments=1, come=1)
    path = store.raw_file(run.pk, "samples-00000.ndjson.zst")
    path.write_bytes(zstandard.ZstdCompressor().compress(b'{"scenario": 1}\n'))
    assert "No sample has come yet" in visitor.get(f"/runs/{run.pk}/live/").content.decode()


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_a_page_that_waits_is_told_when_the_run_is_there(visitor: Client, state: str) -> None:
    more: dict[str, Any] = {"processing": state}
    run = records.run(records.project(), **more)
    assert visitor.get(f"/runs/{run.pk}/live/").headers["HX-Refresh"] == "true"
