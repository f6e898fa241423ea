"""A run's data for others: tables and other tools' formats hold what came, to the last digit."""

import csv
import io
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from ingest import tokens
from runs import processing, store
from runs.analysis import histogram
from runs.models import Run
from tests.api_client import Api, add_run
from tests.builders import STARTED_AT, manifest_of, sample, write_spool

pytestmark = pytest.mark.django_db
START_MS = int(STARTED_AT.timestamp() * 1000)


@pytest.fixture
def api() -> Api:
    return Api(tokens.create("tests", ["read"])[0])


@pytest.fixture
def run(data_folder: Path) -> Run:
    """Three answers, of which one is an error, and one request that was never sent."""
    run = add_run(started_at=STARTED_AT)
    lines = [
        sample(0.0, 20.0, user=3),
        sample(0.5, 31.5, step="invoice, pdf"),
        sample(1.0, 40.0, outcome="server_error", status=500, error="HTTP 500"),
        sample(1.5, outcome="dropped", status=None),
    ]
    spool = write_spool(store.spool_of(run.pk), lines, run_id=str(run.pk))
    Run.objects.update(manifest=manifest_of(spool))
    processing.process(run.pk, lambda _stage: None)
    return run


def body(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def test_samples_come_as_parquet_and_as_csv_with_the_same_rows(api: Api, run: Run) -> None:
    parquet = api.get(f"runs/{run.pk}/samples.parquet")
    rows = pl.read_parquet(io.BytesIO(body(parquet)))
    text = body(api.get(f"runs/{run.pk}/samples.csv")).decode()

    assert parquet.headers["Content-Disposition"].endswith(f'"{run.pk}-samples.parquet"')
    assert rows["outcome"].to_list() == ["ok", "ok", "server_error", "dropped"]
    as_csv = list(csv.DictReader(io.StringIO(text)))
    assert [row["step"] for row in as_csv] == ["usage", "invoice, pdf", "usage", "usage"]
    assert [row["ended_us"] for row in as_csv] == ["20000", "531500", "1040000", "1520000"]


def test_series_come_flat_as_the_report_says_them(api: Api, run: Run) -> None:
    text = body(api.get(f"runs/{run.pk}/series.csv")).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    parquet = pl.read_parquet(io.BytesIO(body(api.get(f"runs/{run.pk}/series.parquet"))))

    report = api.get(f"runs/{run.pk}/report").json()["series"]
    assert len(rows) == len(report) == parquet.height
    invoice = next(row for row in rows if row["step"] == "invoice, pdf" and row["phase"])
    assert (invoice["response_p50_ms"], invoice["ok_max_ms"]) == ("31.5", "31.5")
    usage = parquet.filter(step="usage", phase="plateau").to_dicts()[0]
    assert (usage["count"], usage["ok_mean_ms"]) == (3, 20.0)


def test_seconds_and_histograms_are_kept_and_given_out(api: Api, run: Run) -> None:
    seconds = pl.read_parquet(io.BytesIO(body(api.get(f"runs/{run.pk}/seconds.parquet"))))
    bins = pl.read_parquet(io.BytesIO(body(api.get(f"runs/{run.pk}/histograms.parquet"))))

    assert seconds.filter(step="usage")["due"].to_list() == [1, 2]
    found = histogram.from_table(bins.filter(kind="ok"))
    assert found.count == 2
    assert found.quantile_us(0.5) == pytest.approx(20_000, rel=0.0005)


def test_k6_gets_three_points_a_request_stamped_with_its_end(api: Api, run: Run) -> None:
    answer = api.get(f"runs/{run.pk}/export", to="k6")
    lines = [json.loads(line) for line in body(answer).decode().splitlines()]

    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert [line["type"] for line in lines] == ["Metric"] * 3 + ["Point"] * 9
    durations = [
        line["data"]
        for line in lines
        if (line["metric"], line["type"]) == ("http_req_duration", "Point")
    ]
    assert [one["value"] for one in durations] == [20.0, 31.5, 40.0]
    assert durations[0]["time"] == "2024-11-23T09:00:00.020000Z"
    assert durations[2]["tags"] == {
        "scenario": "billing",
        "name": "billing/usage",
        "phase": "plateau",
        "status": "500",
        "expected_response": "false",
        "error": "HTTP 500",
    }


def test_jmeter_gets_its_csv_stamped_with_the_start(api: Api, run: Run) -> None:
    text = body(api.get(f"runs/{run.pk}/export", to="jtl")).decode()
    rows = list(csv.DictReader(io.StringIO(text)))

    assert len(rows) == 3
    assert (rows[0]["timeStamp"], rows[0]["elapsed"]) == (str(START_MS), "20")
    assert (rows[0]["threadName"], rows[0]["success"]) == ("billing 1-4", "true")
    assert rows[1]["label"] == "billing/invoice, pdf"
    assert (rows[2]["responseCode"], rows[2]["failureMessage"]) == ("500", "HTTP 500")


@pytest.mark.parametrize("path", ["samples.csv", "series.csv", "export?to=k6"])
def test_a_run_that_is_not_ready_gives_nothing_out(api: Api, path: str) -> None:
    run = add_run(processing="processing")

    assert api.get(f"runs/{run.pk}/{path}").status_code == 409


@pytest.mark.parametrize(
    ("path", "status"),
    [("samples.xlsx", 422), ("secrets.csv", 422), ("export?to=gatling", 422), ("export", 422)],
)
def test_what_cannot_be_given_out_is_refused(api: Api, run: Run, path: str, status: int) -> None:
    assert api.get(f"runs/{run.pk}/{path}").status_code == status


def test_a_table_that_an_older_version_did_not_make_is_named_with_what_makes_it(
    api: Api, run: Run
) -> None:
    store.current().table(run.pk, "seconds").unlink()

    answer = api.get(f"runs/{run.pk}/seconds.csv")

    assert answer.status_code == 404
    assert f"recalculate {run.pk}" in answer.json()["detail"]


def test_nothing_of_an_export_stays_on_the_disk(api: Api, run: Run, data_folder: Path) -> None:
    body(api.get(f"runs/{run.pk}/samples.csv"))

    assert list((data_folder / "incoming").iterdir()) == []


def test_an_unknown_run_is_404(api: Api) -> None:
    assert api.get(f"runs/{UUID(int=3)}/samples.csv").status_code == 404
