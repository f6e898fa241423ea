"""Repeats by design: a campaign that is run again until each of its criteria is decided.

The criteria are judged on all valid runs so far, taken as one (`criteria.repeats`). Runs that are
not valid are kept and count nowhere.
"""

from collections.abc import Sequence
from dataclasses import replace

from runs.analysis import report
from runs.analysis.criteria import Bench, By, Figures, Judgement, Remembered, Repeats
from runs.analysis.report import Report
from runs.analysis.run_data import RunData


class Designed:
    """The repeats so far. `by` is what holds where a criterion does not say it; relative limits
    are held against `baseline`, which may go on growing too."""

    def __init__(
        self, texts: Sequence[str], by: By | None, baseline: "Designed | None" = None
    ) -> None:
        self.texts, self.by, self.baseline = tuple(texts), by, baseline
        self.reports: list[Report] = []
        self._valid: list[Remembered] = []

    def add(self, data: RunData, built: Report) -> None:
        """A run that is over, with its report. Of its samples nothing is kept."""
        self.reports.append(built)
        if built.validity.verdict == "invalid":
            return
        run = Remembered(Figures(data, built.saturation))
        self._valid.append(run)
        self.judgements()  # asks the run for what the criteria need
        run.forget()

    def judgements(self) -> tuple[Judgement, ...]:
        """On all valid runs; empty before the first."""
        if not self._valid:
            return ()
        before = self.baseline.measures if self.baseline is not None else None
        bench = Bench(Repeats(self._valid), before, self.by)
        return tuple(bench.judge_text(text) for text in self.texts)

    @property
    def measures(self) -> Repeats | None:
        """What the valid runs measured, as far as the criteria asked for it."""
        return Repeats(self._valid) if self._valid else None

    @property
    def valid_reports(self) -> list[Report]:
        return [one for one in self.reports if one.validity.verdict != "invalid"]

    @property
    def is_decided(self) -> bool:
        """Whether there is a valid run and no verdict is open."""
        found = self.judgements()
        return bool(self._valid) and all(one.verdict != "inconclusive" for one in found)

    def report(self) -> Report:
        """The last valid run's report with the verdicts of all of them; where none is valid the
        last one's as it is. There must be one."""
        if not self.valid_reports:
            return self.reports[-1]
        last, judged = self.valid_reports[-1], self.judgements()
        return replace(last, criteria=judged, verdict=report.verdict(last.validity, judged))
