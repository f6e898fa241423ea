"""Every address that a portal answers by GET: its pages by name, its API by its own description."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx

API: Final = "/api/v1/"
_PROJECT: Final = "/projects/{project}/"
_PAGES: Final = {
    "projects": "/",
    "runs": _PROJECT,
    "runs, last page": _PROJECT + "?page=200",
    "runs, filtered": _PROJECT + "?verdict=fail&branch=main",
    "runs, searched": _PROJECT + "?q=build",
    "runs, by label": _PROJECT + "?label=env:staging",
    "runs, deleted": _PROJECT + "deleted/",
    "trends": _PROJECT + "trends/",
    "trends, p95 of all": _PROJECT + "trends/?statistic=p95(*)",
    "trends, p95 of all, 200 runs": _PROJECT + "trends/?statistic=p95(*)&runs=200",
    "trends, one step": _PROJECT + "trends/?statistic=p95(billing/usage@plateau)",
    "trends, headroom": _PROJECT + "trends/?statistic=headroom(*)",
    "actions": _PROJECT + "actions/",
    "action, new": _PROJECT + "actions/new/",
    "plan of a campaign": _PROJECT + "plan/",
    "actions as a list": _PROJECT + "actions/?view=list",
    "ledger": _PROJECT + "ledger/",
    "campaign reports": _PROJECT + "report/",
    "campaign report": _PROJECT + "report/?runs={run_id}",
    "settings": _PROJECT + "settings/",
    "audit": _PROJECT + "audit/",
    "tokens": _PROJECT + "tokens/",
    "run": "/runs/{run_id}/",
    "run, its samples": "/runs/{run_id}/part/samples/",
    "run, its distribution": "/runs/{run_id}/part/distribution/",
    "run, its plan": "/runs/{run_id}/plan/",
    "run, report": "/runs/{run_id}/report.html",
    "run, live": "/runs/{live}/",
    "run, live, its progress": "/runs/{live}/live/",
    "compare two": "/compare/?runs={run_id},{other}",
    "compare two, every row": "/compare/?runs={run_id},{other}&show=all",
    "compare six": "/compare/?runs={run_id},{six}",
    "action": "/actions/{action_id}/",
    "action, edit": "/actions/{action_id}/edit/",
    "help": "/help/",
    "help, glossary": "/help/glossary/",
}
# What a call needs beside its path.
_QUERIES: Final = {
    "compare": "runs={run_id},{other}",
    "projects/{project}/trends": "statistic=p95(billing/usage@plateau)",
    "projects/{project}/campaign-report": "runs={run_id}",
}
# Calls that are worth asking in more than one way.
_MORE_CALLS: Final = {
    "runs by scenario": "runs?scenario=chat",
    "runs by label": "runs?label=env:staging",
    "runs searched": "runs?q=production",
    "runs of a project": "runs?project={project}",
    "verdict against a baseline": "runs/{run_id}/verdict?baseline={run_id}",
    "compare six": "compare?runs={run_id},{six}",
    "capacity over time": "projects/{project}/trends?statistic=capacity(*)",
}
# Another tool's file of every sample: it takes as long as there are samples, not runs.
_LEFT_OUT: Final = ("runs/{run_id}/export",)
_PLACE: Final = re.compile(r"{(\w+)}")


def pages(known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and paths; `known` says what stands for `run_id`, `project` and the others."""
    for name, path in _PAGES.items():
        yield f"page: {name}", path.format(**known)


def calls(api: httpx.Client, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each GET of openapi.json whose path can be filled in."""
    document = api.get("openapi.json").raise_for_status().json()
    for path, operations in document["paths"].items():
        short = path.removeprefix(API)
        can_be_asked = short not in _LEFT_OUT and set(_PLACE.findall(short)) <= set(known)
        if "get" in operations and can_be_asked:
            query = _QUERIES.get(short, "")
            asked = f"{short}?{query}" if query else short
            yield f"api: {short}", asked.format(**known)
    for name, path in _MORE_CALLS.items():
        yield f"api: {name}", path.format(**known)


def known(api: httpx.Client, run_id: str, live: str) -> dict[str, str]:
    """What stands for the names of paths: `run_id` has files, `live` is still coming in."""
    newest = api.get("runs", params={"per_page": 20, "processing": "ready"}).json()["items"]
    others = [one["id"] for one in newest if one["id"] != run_id]
    project = newest[0]["project"]
    webhook = {"url": "http://127.0.0.1:9/", "events": ["run.verdict"]}
    return {
        "project": project,
        "run_id": run_id,
        "live": live,
        "other": others[0],
        "six": ",".join(others[:5]),
        "action_id": _first(api, f"projects/{project}/actions"),
        "table": "series",
        "kind": "csv",
        "name": api.get(f"runs/{run_id}/files").json()[0]["name"],
        "webhook_id": str(api.post(f"projects/{project}/webhooks", json=webhook).json()["id"]),
    }


def _first(api: httpx.Client, path: str) -> str:
    found: Any = api.get(path, params={"per_page": 1}).json()["items"][0]["id"]
    return str(found)
