"""What a campaign report is made of, before it is Markdown, HTML or a page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from runs.models import Project, Run


@dataclass(frozen=True)
class Table:
    """Cells are plain text; whoever prints them escapes them. `right` are the columns that hold
    figures."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()

    @property
    def cells(self) -> list[list[tuple[str, bool]]]:
        """Each row's cells with whether they hold a figure."""
        return [[(cell, at in self.right) for at, cell in enumerate(row)] for row in self.rows]

    @property
    def columns(self) -> list[tuple[str, bool]]:
        return [(name, at in self.right) for at, name in enumerate(self.head)]


@dataclass(frozen=True)
class Block:
    """A part of a section: a heading of its own, sentences, points, and a table, each optional."""

    title: str = ""
    words: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Section:
    """`key` is what notes are kept under, `notes` what people wrote."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    notes: str = ""


@dataclass(frozen=True)
class CampaignReport:
    """`title` answers the question of the campaign, `runs` are the oldest first."""

    project: Project
    runs: tuple[Run, ...]
    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    made_at: datetime

    @property
    def run_ids(self) -> str:
        return ",".join(str(run.pk) for run in self.runs)

    @property
    def file_name(self) -> str:
        return f"{self.project.slug}-{self.runs[-1].started_at:%Y-%m-%d}-campaign-report"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Table:
    return Table(tuple(head), tuple(tuple(row) for row in rows), frozenset(right))
