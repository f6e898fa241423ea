"""The form that makes and edits an action, with its criteria tried while they are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render

from runs import tuning
from runs.access import Access
from runs.analysis import criteria, priority
from runs.errors import PortalError
from runs.models import Action, ActionCriterion, Project, Run
from runs.tuning import NewAction, NewCriterion, trial
from runs.tuning.criterion import parsed, try_again
from runs.views.visitor import access, page

_RECENT: Final = 20
_SPARE: Final = 2
_MOST_CRITERIA: Final = 12
_LEVELS: Final = ("impact", "effort", "risk")
# The statistics that the builder offers first; the text takes every one of the grammar.
_OFFERED: Final = (
    "p95",
    "p99",
    "p50",
    "capacity",
    "headroom",
    "goodput",
    "throughput",
    "error_rate",
    "rate_5xx",
    "rate_4xx",
    "refusal_rate",
    "retry_rate",
    "probe_max",
    "probe_mean",
)


def _levels(name: str) -> list[tuple[str, str]]:
    return [(level, level.capitalize()) for level in priority.MEANINGS[name]]


class ActionForm(forms.Form):
    """Texts of more than one line are a thing a line: labels KEY=VALUE, links TITLE URL."""

    title = forms.CharField(max_length=200)
    description = forms.CharField(max_length=20_000, required=False, widget=forms.Textarea)
    kind = forms.ChoiceField(choices=Action.Kind.choices)
    area = forms.ChoiceField(choices=Action.Area.choices)
    impact = forms.ChoiceField(choices=_levels("impact"), initial="medium")
    effort = forms.ChoiceField(choices=_levels("effort"), initial="medium")
    risk = forms.ChoiceField(choices=_levels("risk"), initial="low")
    expected_gain = forms.CharField(max_length=200, required=False)
    owner = forms.CharField(max_length=200, required=False)
    due = forms.DateField(required=False)
    own_priority = forms.IntegerField(required=False, min_value=0, max_value=priority.HIGHEST)
    priority_reason = forms.CharField(max_length=500, required=False)
    campaign = forms.CharField(max_length=200, required=False)
    environment = forms.CharField(max_length=200, required=False)
    labels = forms.CharField(max_length=5_000, required=False)
    needed_runs = forms.IntegerField(min_value=1, max_value=20, initial=1)
    links = forms.CharField(max_length=5_000, required=False)

    def clean_labels(self) -> dict[str, str]:
        found = {}
        for line in self.cleaned_data["labels"].splitlines():
            key, sign, value = line.strip().partition("=")
            if line.strip() and (not sign or not key.strip()):
                raise forms.ValidationError(f"'{line.strip()}' is no label; KEY=VALUE is expected.")
            if key.strip():
                found[key.strip()] = value.strip()
        return found

    def clean_links(self) -> list[dict[str, str]]:
        """The last word of a line is the address, what stands before it the title."""
        lines = [line.split() for line in self.cleaned_data["links"].splitlines() if line.strip()]
        return [{"title": " ".join(words[:-1]), "url": words[-1]} for words in lines]


@dataclass(frozen=True)
class Written:
    """A criterion of the form: as it was typed, and what its trial on the evidence said."""

    key: str
    text: str = ""
    by: str = "interval"
    words: str = ""
    advice: str = ""
    error: str = ""
    look: str = ""


@page
def new_action(request: HttpRequest, slug: str) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    project = visitor.project(slug)
    return _answer(request, visitor, project, None)


@page
def edit_action(request: HttpRequest, action_id: int) -> HttpResponse:
    visitor = access(request)
    visitor.require("triage")
    action = visitor.action(action_id)
    return _answer(request, visitor, action.project, action)


def _answer(
    request: HttpRequest, visitor: Access, project: Project, action: Action | None
) -> HttpResponse:
    """Show the form; keep what was typed where it is wrong or only tried; else save it."""
    if request.method != "POST":
        return _shown(request, project, action, _begun(request, visitor, action), None)
    form = ActionForm(request.POST)
    evidence = _runs(visitor, project, request.POST.getlist("evidence"))
    named = _runs(visitor, project, request.POST.getlist("baseline")[:1])
    written = _written(request.POST, _evidence_run(evidence, named))
    is_sound = form.is_valid() and not any(one.error for one in written)
    if "try" not in request.POST and is_sound:
        try:
            saved = _save(visitor, project, action, form, evidence, named, written)
            return redirect("runs:action", action_id=saved.pk)
        except PortalError as error:
            form.add_error(None, error.detail)
    return _shown(request, project, action, form, written)


def _begun(request: HttpRequest, visitor: Access, action: Action | None) -> ActionForm:
    if action is None:
        run = _runs(visitor, None, request.GET.getlist("run")[:1])
        first = run[0] if run else None
        return ActionForm(
            initial={
                "campaign": first.campaign if first else "",
                "environment": first.environment if first else "",
                "evidence": [str(one.pk) for one in run],
            }
        )
    initial = {name: getattr(action, name) for name in ActionForm.base_fields}
    initial["labels"] = "\n".join(f"{key}={value}" for key, value in action.labels.items())
    initial["links"] = "\n".join(f"{one['title']} {one['url']}".strip() for one in action.links)
    initial["evidence"] = [str(pk) for pk in action.evidence.values_list("pk", flat=True)]
    initial["baseline"] = str(action.baseline_id or "")
    return ActionForm(initial=initial)


def _shown(
    request: HttpRequest,
    project: Project,
    action: Action | None,
    form: ActionForm,
    written: Sequence[Written] | None,
) -> HttpResponse:
    rows = list(written) if written is not None else _as_they_are(action)
    spare = max(_SPARE, 3 - len(rows))
    rows += [Written(f"new{at}") for at in range(len(rows), len(rows) + spare)]
    chosen, named = _chosen(request, form)
    recent = _recent(project, chosen | {named})
    evidence = next((run for run in recent if str(run.pk) in chosen), None)
    context = {
        "project": project,
        "here": "actions",
        "action": action,
        "title": f"Edit {action.ref}" if action else "New action",
        "form": form,
        "rows": rows,
        "recent": [(run, str(run.pk) in chosen) for run in recent],
        "baseline": named,
        "builder": _builder(evidence),
        "levels": [(name, form[name], priority.MEANINGS[name].items()) for name in _LEVELS],
        "rule": priority.RULE,
    }
    return render(request, "actions/action_form.html", context, status=422 if form.errors else 200)


def _chosen(request: HttpRequest, form: ActionForm) -> tuple[set[str], str]:
    """The ids of the evidence and of the baseline, as typed or as they are."""
    if form.is_bound:
        return set(request.POST.getlist("evidence")), request.POST.get("baseline", "")
    return set(form.initial.get("evidence", ())), str(form.initial.get("baseline", ""))


def _as_they_are(action: Action | None) -> list[Written]:
    if action is None:
        return []
    return [
        Written(str(one.pk), one.text, one.by, trial.in_words(one.text), *_trial(one.trial))
        for one in action.criteria.all()
    ]


def _recent(project: Project, chosen: set[str]) -> list[Run]:
    """The newest runs that are ready, and whatever is chosen already."""
    ready = Run.objects.filter(project=project, processing=Run.Processing.READY)
    newest = list(ready.defer("manifest", "timeline", "curves")[:_RECENT])
    known = {str(run.pk) for run in newest}
    missing = [one for one in chosen if one and one not in known]
    return newest + list(ready.filter(pk__in=missing).defer("manifest", "timeline", "curves"))


def _builder(run: Run | None) -> dict[str, Any]:
    """What can be chosen: statistics with their unit, and what the evidence has of steps, phases
    and metrics."""
    report: Mapping[str, Any] = (run.report or {}) if run else {}
    rows = [one for one in report.get("series", []) if not one["pooled"]]
    return {
        "statistics": [
            {
                "name": name,
                "unit": criteria.STATISTICS[name].unit,
                "kind": criteria.STATISTICS[name].kind,
            }
            for name in _OFFERED
        ],
        "series": [[one["scenario"], one["step"], one["phase"]] for one in rows],
        "scenarios": list(dict.fromkeys(one["scenario"] for one in rows)),
        "metrics": [one["metric"] for one in report.get("probes", [])],
    }


def _runs(visitor: Access, project: Project | None, ids: Sequence[str]) -> list[Run]:
    """The runs of these ids that the visitor may see; what is no id is left out."""
    known = []
    for text in ids:
        try:
            known.append(UUID(text))
        except ValueError:
            continue
    runs = visitor.runs().filter(pk__in=known)
    return list(runs.filter(project=project) if project else runs)


def _evidence_run(evidence: Sequence[Run], named: Sequence[Run]) -> Run | None:
    ready = sorted((run for run in evidence if run.is_ready), key=lambda run: run.started_at)
    return ready[-1] if ready else next((run for run in named if run.is_ready), None)


def _written(data: QueryDict, run: Run | None) -> list[Written]:
    """Each criterion that was typed, tried on the evidence."""
    found = []
    for key in data.getlist("criterion")[:_MOST_CRITERIA]:
        text = data.get(f"text-{key}", "").strip()[:500]
        by = "point" if data.get(f"by-{key}") == "point" else "interval"
        if text:
            found.append(_tried(key, text, by, run))
    return found


def _tried(key: str, text: str, by: str, run: Run | None) -> Written:
    try:
        parsed(text, "text")
    except PortalError as error:
        return Written(key, text, by, error=error.detail)
    document = trial.of(text, by, run).document if run is not None else None
    return Written(key, text, by, trial.in_words(text), *_trial(document))


def _trial(document: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """What the trial means, no error, and how that looks: failing today is as it should be."""
    said = trial.advice(dict(document) if document is not None else None)
    if document is None:
        return said, "", "none"
    if not document["is_evaluable"]:
        return said, "", "fail"
    return said, "", {"fail": "pass", "pass": "inconclusive"}.get(document["verdict"], "none")


def _save(
    visitor: Access,
    project: Project,
    action: Action | None,
    form: ActionForm,
    evidence: Sequence[Run],
    named: Sequence[Run],
    written: Sequence[Written],
) -> Action:
    columns = dict(form.cleaned_data)
    columns["baseline"] = named[0] if named else None
    if action is None:
        new = [NewCriterion(one.text, one.by) for one in written]  # type: ignore[arg-type]
        made = NewAction(**columns, evidence=list(evidence), criteria=new)
        return tuning.create_action(project, made, visitor.user)
    changed = {name: one for name, one in columns.items() if getattr(action, name) != one}
    if {run.pk for run in evidence} != set(action.evidence.values_list("pk", flat=True)):
        changed["evidence"] = list(evidence)
    if changed:
        tuning.edit(action, changed, visitor.user)
    _save_criteria(visitor, action, written)
    if "evidence" in changed:
        try_again(action)
    return action


def _save_criteria(visitor: Access, action: Action, written: Sequence[Written]) -> None:
    """What is gone from the form is taken away, what is other is a new version."""
    known: dict[str, ActionCriterion] = {str(one.pk): one for one in action.criteria.all()}
    kept = {one.key for one in written}
    for key, one in known.items():
        if key not in kept:
            tuning.remove_criterion(one, visitor.user)
    for one_written in written:
        new = NewCriterion(one_written.text, one_written.by)  # type: ignore[arg-type]
        before = known.get(one_written.key)
        if before is None:
            tuning.add_criterion(action, new, visitor.user)
        elif (before.text, before.by) != (new.text, new.by):
            tuning.change_criterion(before, new, visitor.user)
