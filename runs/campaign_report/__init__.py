"""The campaign report: what a team keeps of one run or of several, with its own notes beside."""

from runs.campaign_report.document import Block, CampaignReport, Section, Table
from runs.campaign_report.html import render as html
from runs.campaign_report.markdown import render as markdown
from runs.campaign_report.report import MOST_RUNS, ids_of, kept, of, write_notes

__all__ = [
    "MOST_RUNS",
    "Block",
    "CampaignReport",
    "Section",
    "Table",
    "html",
    "ids_of",
    "kept",
    "markdown",
    "of",
    "write_notes",
]
