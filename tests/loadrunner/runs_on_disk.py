"""Campaign files of one scenario for real runs, and what their spools hold."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from runs.formats import spool


def written(
    folder: Path, url: str, load: str, path: str = "/", target: str = "", more: str = ""
) -> Path:
    """A campaign `flow` of one GET; `load` is its phases, `more` further sections."""
    file = folder / "flow.yaml"
    file.write_text(
        f"""\
campaign: flow
target: {{base_url: "{url}", timeout: 3s{target}}}
scenarios:
  flow:
    steps: [{{name: get, request: {{path: {path}}}}}]
    load: [{load}]
{more}
"""
    )
    return file


def at_rate(rate: float, duration: str = "1s") -> str:
    return f"{{phase: plateau, duration: {duration}, rate: {rate}}}"


def manifest_of(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
    return manifest


def samples_of(folder: Path) -> pl.DataFrame:
    return spool.read(folder).samples
