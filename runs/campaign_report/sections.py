"""The sections of a campaign report, each from the reports of its runs as they are kept."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import Q

from runs.analysis import wording
from runs.campaign_report.document import Block, Table, table
from runs.models import Action, ActionEvent, Retest, Run
from runs.tuning.proposals import Planned, Proposed

Blocks = list[Block]


def conclusions(planned: Planned) -> Blocks:
    """Where each scenario stands by the newest run; people write the rest."""
    if not planned.runs:
        return []
    points = _document(planned.runs[0])["saturation"]
    return [Block(points=tuple(wording.capacity(one) + "." for one in points))]


def runs(some: Sequence[Run]) -> Blocks:
    head = ("Run", "Started (UTC)", "Commit", "Labels", "Samples", "Validity", "Verdict")
    rows = [
        (
            run.short_id,
            f"{run.started_at:%Y-%m-%d %H:%M}",
            run.commit[:10] or wording.UNKNOWN,
            _labels(run),
            wording.number(run.samples),
            run.validity,
            wording.name(run.verdict or "none"),
        )
        for run in some
    ]
    found = [Block(table=table(head, rows, right=(4,)))]
    for run in some:
        document = _document(run)
        reasons = [_reason(one) for one in document["validity"]["reasons"]]
        judged = [_judgement(one) for one in document["criteria"]]
        if reasons or judged:
            found.append(
                Block(f"Run {run.short_id}", points=tuple(reasons), table=_criteria(judged))
            )
    return found


def _labels(run: Run) -> str:
    return ", ".join(f"{key}={value}" for key, value in run.labels.items()) or wording.UNKNOWN


def _reason(one: Mapping[str, Any]) -> str:
    return f"{one['detail']} ({one['phase']})" if one.get("phase") else str(one["detail"])


def _judgement(one: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        wording.name(one["verdict"]),
        str(one["text"]),
        wording.measured(one.get("measured"), one.get("unit")),
        wording.measured(one.get("limit"), one.get("unit")),
        str(one.get("reason") or ""),
    )


def _criteria(rows: Sequence[tuple[str, ...]]) -> Any:
    if not rows:
        return None
    return table(("Verdict", "Criterion", "Measured", "Limit", "Why"), rows, right=(2, 3))


def load(some: Sequence[Run]) -> Blocks:
    """Profiles as the runs were planned; runs with the same plan share one table."""
    found: dict[tuple[tuple[str, ...], ...], list[Run]] = {}
    for run in some:
        found.setdefault(tuple(_profiles(run)), []).append(run)
    blocks = []
    head = ("Scenario", "Phase", "From", "Length", "Load", "Warm-up")
    for rows, alike in found.items():
        names = ", ".join(run.short_id for run in alike)
        title = f"{alike[0].campaign}, as run by {names}"
        blocks.append(Block(title, table=table(head, rows, right=(2, 3, 4, 5))))
    return blocks


def _profiles(run: Run) -> Iterator[tuple[str, ...]]:
    for one in run.manifest.get("phases", []):
        start, end = one["start_us"] / 1e6, one["end_us"] / 1e6
        warm_up = (one.get("warm_up_us") or 0) / 1e6
        yield (
            wording.name(one["scenario"]),
            one["phase"],
            wording.duration(start),
            wording.duration(end - start),
            _load(one),
            wording.duration(warm_up) if warm_up else wording.UNKNOWN,
        )


def _load(phase: Mapping[str, Any]) -> str:
    if phase.get("model") == "closed":
        ends = phase.get("users_from"), phase.get("users_to")
        return f"{wording.users(phase.get('users'), *ends)} (closed model)"
    first, last = phase.get("rate_from"), phase.get("rate_to")
    if first == last:
        return wording.per_second(last)
    return f"{wording.number(first)} to {wording.per_second(last)}"


def environment(some: Sequence[Run]) -> Blocks:
    rows = []
    for run in some:
        host, tool = run.manifest.get("host") or {}, run.manifest.get("tool") or {}
        git = run.manifest.get("git") or {}
        rows.append(
            (
                run.short_id,
                run.environment or wording.UNKNOWN,
                f"{tool.get('name', '')} {tool.get('version', '')}".strip() or wording.UNKNOWN,
                _host(host),
                f"{run.branch or '?'} {run.commit[:10]}{' (changed)' if git.get('dirty') else ''}"
                if run.commit
                else wording.UNKNOWN,
                str(run.seed) if run.seed is not None else wording.UNKNOWN,
            )
        )
    head = ("Run", "Environment", "Tool", "Generator", "Code", "Seed")
    return [Block(table=table(head, rows, right=(5,)))]


def _host(host: Mapping[str, Any]) -> str:
    named = [
        str(host[key]) for key in ("system", "machine", "kernel") if host.get(key) not in (None, "")
    ]
    if host.get("cores"):
        named.append(wording.plural(int(host["cores"]), "core"))
    if host.get("memory_bytes"):
        named.append(wording.size(int(host["memory_bytes"])))
    return ", ".join(named) or wording.UNKNOWN


_RESULTS = (
    "Step",
    "Phase",
    "Requests",
    "Offered",
    "Goodput",
    "p50",
    "p95",
    "p99",
    "Errors",
    "4xx",
    "5xx",
    "Refused",
    "Retries",
)


def results(some: Sequence[Run]) -> Blocks:
    """A table a scenario and run: latency, throughput, errors by class, refusals, retries."""
    found = []
    for run in some:
        rows = [one for one in _document(run)["series"] if not one["pooled"]]
        for scenario in dict.fromkeys(one["scenario"] for one in rows):
            mine = [_result(one) for one in rows if one["scenario"] == scenario]
            title = f"{wording.who(scenario)}, run {run.short_id}"
            right = range(2, len(_RESULTS))
            found.append(Block(title, table=table(_RESULTS, mine, right=tuple(right))))
    return found


def _result(row: Mapping[str, Any]) -> tuple[str, ...]:
    times, few = row["response_ms"], set(row["response_ms"].get("few") or ())
    return (
        str(row["step"]),
        str(row["phase"]),
        wording.number(row["count"]),
        wording.per_second(row["offered_rps"]),
        wording.per_second(row["goodput_rps"]),
        *(
            wording.UNKNOWN if name in few else wording.milliseconds(times.get(name))
            for name in ("p50", "p95", "p99")
        ),
        *(
            wording.percent(row[name])
            for name in ("error_rate", "rate_4xx", "rate_5xx", "refusal_rate", "retry_rate")
        ),
    )


def saturation(some: Sequence[Run]) -> Blocks:
    head = ("Run", "Scenario", "Saturation point", "Headroom", "Cause", "What is seen")
    rows = [
        (
            run.short_id,
            wording.who(one["scenario"]),
            wording.capacity(one),
            wording.headroom(one["headroom"]) if one.get("headroom") else wording.UNKNOWN,
            wording.name(one.get("cause") or "none"),
            str(one.get("explanation") or one.get("next_run") or ""),
        )
        for run in some
        for one in _document(run)["saturation"]
    ]
    return (
        [Block(table=table(head, rows))] if rows else [Block(words=("No scenario was climbed.",))]
    )


def metrics(some: Sequence[Run]) -> Blocks:
    """What the target said of itself before, during and after each run."""
    found = []
    head = ("Metric", "Before", "Least", "Mean", "Most", "After")
    for run in some:
        rows = [
            (
                wording.name(one["metric"]),
                wording.number(one["before"]),
                *(wording.number(one["during"].get(name)) for name in ("min", "mean", "max")),
                wording.number(one["after"]),
            )
            for one in _document(run)["probes"]
        ]
        if rows:
            found.append(Block(f"Run {run.short_id}", table=table(head, rows, right=range(1, 6))))
    return found or [Block(words=("These runs read no metrics of the target.",))]


def bottlenecks(some: Sequence[Run]) -> Blocks:
    head = ("Run", "Scenario", "Metric", "Area", "How strong", "Evidence")
    rows = [
        (
            run.short_id,
            wording.name(one["scenario"]),
            wording.name(one["metric"]),
            wording.name(one["area"]),
            one["strength"],
            one["evidence"],
        )
        for run in some
        for one in _document(run)["bottlenecks"]
    ]
    if rows:
        return [Block(table=table(head, rows))]
    return [Block(words=("No metric of the target moves with the harm.",))]


def plan(planned: Planned) -> Blocks:
    """The five to do first, quick wins apart from structural work, then what to measure next."""
    found = [Block(words=(planned.summary,))]
    named = (("Quick wins", planned.quick_wins), ("Structural work", planned.structural))
    for title, some in named:
        if some:
            found.append(Block(title, table=_proposals(planned, some)))
    for one in planned.top:
        because = f"{one.proposal.reasoning} {one.proposal.gain_reasoning}"
        found.append(Block(one.proposal.title, (because,), one.proposal.criteria))
    if planned.next_steps:
        found.append(Block("What to measure next", points=planned.next_steps))
    return found


def _proposals(planned: Planned, some: Sequence[Proposed]) -> Any:
    head = ("#", "Action", "Area", "Impact", "Effort", "Risk", "Expected gain", "Taken up as")
    order = {id(one): at for at, one in enumerate(planned.proposals, start=1)}
    rows = [
        (
            str(order[id(one)]),
            one.proposal.title,
            wording.name(one.proposal.area),
            one.proposal.impact,
            one.proposal.effort,
            one.proposal.risk,
            one.proposal.expected_gain or wording.UNKNOWN,
            f"{one.action.ref}, {one.action.state}" if one.action else wording.UNKNOWN,
        )
        for one in some
    ]
    return table(head, rows, right=(0,))


def actions(some: Sequence[Run]) -> Blocks:
    """The history of each action in which one of the runs had a part."""
    ids = [run.pk for run in some]
    # Two look-ups by run: one query that joins both would pass every re-test of every action.
    judged = Retest.objects.filter(run__in=ids).order_by().values("action")
    rests = Action.evidence.through.objects.filter(run__in=ids).values("action")
    mine = Action.objects.filter(Q(pk__in=judged) | Q(pk__in=rests))
    found = []
    for action in mine.order_by("number").prefetch_related("criteria"):
        history, left_out = _history(action)
        words = [f"The newest {_MOST_LISTED} of {_MOST_LISTED + left_out:,}."] if left_out else []
        words += [f"Expected: {action.expected_gain}."] if action.expected_gain else []
        found.append(Block(f"{action.ref} {action.title}: {action.state}", table=history))
        found.append(
            Block(words=tuple(words), points=tuple(one.text for one in action.criteria.all()))
        )
    return found or [Block(words=("No action rests on these runs or was judged by them.",))]


_MOST_LISTED = 50


def _history(action: Action) -> tuple[Table, int]:
    """Moves and re-tests in one line of time, the newest of them; how many older ones there are."""
    rows = []
    told = set[UUID]()
    for event in action.events.select_related("user").exclude(kind=ActionEvent.Kind.EDITED):
        if event.to_state or event.kind == ActionEvent.Kind.COMMENT:
            by = f"run {str(event.run_id)[:8]}" if event.run_id else ""
            by = by or (event.user.get_username() if event.user else wording.UNKNOWN)
            rows.append((event.at, by, event.to_state or "comment", event.detail))
            told |= {event.run_id} if event.run_id else set()
    looks = action.retests.exclude(run__in=told).order_by("-created_at", "-id")
    columns = looks.values_list("created_at", "run_id", "outcome", "reason")
    newest = [
        (at, f"run {str(run_id)[:8]}", f"re-test: {wording.name(outcome)}", reason)
        for at, run_id, outcome, reason in columns[:_MOST_LISTED]
    ]
    every = sorted([*rows, *newest], key=lambda row: row[0])
    shown = [(f"{at:%Y-%m-%d %H:%M}", *words) for at, *words in every[-_MOST_LISTED:]]
    count = len(rows) + looks.count()
    return table(("When (UTC)", "By", "What", "Why"), shown), count - len(shown)


def reproduce(some: Sequence[Run]) -> Blocks:
    campaigns = list(dict.fromkeys(run.campaign for run in some))
    points = [
        f"loadrunner run {name}.yaml --portal PORTAL --project {some[0].project.slug}"
        for name in campaigns
    ]
    words = (
        "The campaign file stands with each run in the portal, as does every raw sample; "
        "loadrunner report makes the same figures of them without the portal.",
    )
    return [Block(words=words, points=tuple(points))]


def _document(run: Run) -> Mapping[str, Any]:
    return run.report or {}
