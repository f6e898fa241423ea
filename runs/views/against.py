"""A run held against its baseline, as its page says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runs import reports
from runs.analysis import wording
from runs.models import Run
from runs.views import comparison_rows
from runs.views.comparison_rows import ShownRow


@dataclass(frozen=True)
class Against:
    """`rows` are the figures that are better or worse, of `compared` in all."""

    baseline: Run
    rows: Sequence[ShownRow]
    compared: int
    not_comparable: Sequence[str]
    whole: Mapping[str, Any] | None

    @property
    def sentence(self) -> str:
        worse = sum(_verdict(row) == "worse" for row in self.rows)
        better = len(self.rows) - worse
        if not self.rows:
            return f"No difference beyond noise in {wording.plural(self.compared, 'figure')}"
        return (
            f"{wording.plural(worse, 'figure')} worse, {better} better, of {self.compared} compared"
        )

    def words(self, column: str, group: str = "") -> str:
        """'baseline 488 ms' for a figure of the whole run; empty where it is not known."""
        if self.whole is None:
            return ""
        value = self.whole[group][column] if group else self.whole[column]
        if value is None:
            return ""
        if group:
            return f"baseline {wording.milliseconds(value)}"
        share = column.endswith("_rate")
        return f"baseline {wording.percent(value) if share else wording.per_second(value)}"


def baseline_of(run: Run) -> Run | None:
    """The newest baseline of the run's project and campaign, with its report."""
    found = Run.objects.filter(
        project=run.project_id,
        campaign=run.campaign,
        is_baseline=True,
        processing=Run.Processing.READY,
    )
    others = found.exclude(pk=run.pk).exclude(validity=Run.Validity.INVALID)
    return others.defer("manifest", "timeline", "curves").first()


def against(run: Run, baseline: Run) -> Against:
    found = reports.compare([baseline, run])
    rows = [comparison_rows.shown(row) for row in found.rows]
    return Against(
        baseline=baseline,
        rows=[row for row in rows if row.is_told],
        compared=sum(any(row.changes) for row in rows),
        not_comparable=found.not_comparable,
        whole=_whole(baseline.report or {}),
    )


def _verdict(row: ShownRow) -> str:
    change = row.changes[0]
    return change.verdict if change else ""


def _whole(report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    rows = report.get("series") or []
    return next((r for r in rows if r["scenario"] is r["step"] is r["phase"] is None), None)
