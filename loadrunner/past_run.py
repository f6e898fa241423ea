"""A run that was made, as its spool remembers it: to send its schedule again, or to undo it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from loadrunner.campaign.abort import of_those
from loadrunner.campaign.criteria import catalogue
from loadrunner.campaign.limits import exceeded
from loadrunner.campaign.model import Campaign, Load, Scenario
from loadrunner.errors import UsageError
from runs.analysis.criteria import check, parse
from runs.analysis.errors import CriterionError
from runs.formats import spool
from runs.formats.manifest import Manifest, PhaseEntry


@dataclass(frozen=True)
class PastRun:
    folder: Path
    manifest: Manifest

    @property
    def base_url(self) -> str | None:
        """Where the load went, where the spool says so."""
        target = (self.manifest.model_extra or {}).get("target")
        return target.get("base_url") if isinstance(target, dict) else None

    def campaign_file(self, given: Path | None) -> Path:
        """The campaign file: the one that is named now, or the one that the run was made with."""
        if given is not None:
            return given
        told = (self.manifest.campaign.model_extra or {}).get("file")
        if not told:
            raise UsageError(
                f"{self.folder} does not say which campaign file its run was made with. Name it."
            )
        if not Path(told).is_file():
            raise UsageError(
                f"The run of {self.folder} was made with {told}, which is not there"
                f" (from {Path.cwd()}). Name the campaign file."
            )
        return Path(told)

    def check_same(self, campaign: Campaign, *, force: bool) -> None:
        """Raise a UsageError where the campaign file is not what it was, unless that is meant."""
        if campaign.sha256 != self.manifest.campaign.sha256 and not force:
            raise UsageError(
                f"{campaign.file} is not the file that the run of {self.folder} was made with: its"
                " SHA-256 differs. Use that file, or --force to go on with this one."
            )
        told = (self.manifest.campaign.model_extra or {}).get("scripts") or {}
        for name, sha256 in campaign.scripts.items():
            if told.get(name, sha256) != sha256 and not force:
                raise UsageError(
                    f"{name} is not the file that the run of {self.folder} was made with: its"
                    " SHA-256 differs. Use that file, or --force to go on with this one."
                )

    def schedule(self, campaign: Campaign) -> Campaign:
        """The campaign with the phases, criteria and peaks of the past run in place of its own.

        With the run's seed it sends the same journeys at the same times with the same data.
        """
        scenarios = tuple(self._scenarios(campaign))
        again = replace(
            campaign,
            scenarios=scenarios,
            abort=of_those(campaign.abort, scenarios),
            criteria=tuple(self.manifest.criteria),
            peak_jps=dict(self.manifest.peak_jps),
            growth_per_year=self.manifest.growth_per_year,
            skipped={},
            notes=(*campaign.notes, *self._notes(campaign)),
        )
        self._check(again)
        return again

    def _scenarios(self, campaign: Campaign) -> Iterator[Scenario]:
        """In the run's order, on which the arrivals of each depend."""
        known = {one.name: one for one in campaign.scenarios}
        for name, phases in groupby(self.manifest.phases, key=lambda phase: phase.scenario):
            if name not in known:
                reason = campaign.skipped.get(name, "it is not there any more")
                raise UsageError(
                    f"The run of {self.folder} had the scenario {name}, which {campaign.file} does"
                    f" not give now: {reason}."
                )
            yield replace(known[name], load=tuple(_load(phase) for phase in phases))

    def _notes(self, campaign: Campaign) -> Iterator[str]:
        here = campaign.target.base_url
        if self.base_url is not None and self.base_url != here:
            yield f"The run that is replayed went to {self.base_url}; this one goes to {here}."

    def _check(self, again: Campaign) -> None:
        """What the file said of its own plan must hold for this one too."""
        for key, found, allowed in exceeded(again):
            raise UsageError(
                f"The replay has {found}; {again.file} allows at most {allowed} (limits.{key})."
            )
        known = catalogue(again.scenarios, again.probes)
        for text in again.criteria:
            try:
                check(parse(text), known)
            except CriterionError as error:
                raise UsageError(
                    f"The criterion '{text}' of the run that is replayed does not fit"
                    f" {again.file} any more: {error.message}"
                ) from error


def past_run(folder: Path) -> PastRun:
    """Raises SpoolError or ManifestError for what is no spool."""
    return PastRun(folder, spool.read_manifest(folder))


def _load(phase: PhaseEntry) -> Load:
    return Load(
        phase=phase.phase,
        start_s=phase.start_us / 1e6,
        duration_s=(phase.end_us - phase.start_us) / 1e6,
        model=phase.model,
        rate_from=phase.rate_from,
        rate_to=phase.rate_to,
        users=phase.users,
        users_from=phase.users_from,
        users_to=phase.users_to,
        think_time_s=phase.think_time_s or 0.0,
        warm_up_s=(phase.warm_up_us or 0) / 1e6,
    )
