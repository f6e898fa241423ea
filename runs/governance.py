"""How a project is run: its settings and its members; each change stands in the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.db import transaction

from runs import audit, tracing
from runs.access import Access
from runs.analysis import criteria
from runs.analysis.criteria import CriterionError
from runs.errors import Fault, RefusedError
from runs.models import Everybody, Member, Project, Role

MOST_CRITERIA: Final = 100
MOST_PEAKS: Final = 200
_LONGEST: Final = 200
_WORDS: Final = {
    "name": "the name",
    "description": "the description",
    "peak_jps": "the production peak",
    "growth_percent": "the growth",
    "criteria": "the criteria",
    "trace_url": "where traces are read",
    "keep_days": "how many days runs are kept",
    "keep_runs": "how many runs are kept",
    "everybody": "what everybody may do",
}


def change(access: Access, project: Project, values: Mapping[str, Any]) -> bool:
    """Save what is different; whether anything was."""
    changed = [name for name, value in values.items() if getattr(project, name) != value]
    if not changed:
        return False
    detail = "; ".join(_told(name, getattr(project, name), values[name]) for name in changed)
    with transaction.atomic():
        for name in changed:
            setattr(project, name, values[name])
        project.save(update_fields=changed)
        audit.note(access, project, "project.changed", detail=detail)
    return True


def _told(name: str, old: Any, new: Any) -> str:
    return f"{_WORDS.get(name, name)} from {_value(old)} to {_value(new)}"


def _value(value: Any) -> str:
    if value in (None, "", {}, []):
        return "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} = {one:g}" for key, one in value.items())
    return "; ".join(value) if isinstance(value, list) else str(value)


def read_peaks(text: str) -> dict[str, float]:
    """`scenario = journeys per second`, one a line; RefusedError names the line that is none."""
    found: dict[str, float] = {}
    for number, line in _lines(text):
        name, equals, rate = (part.strip() for part in line.rpartition("="))
        value = _rate(rate)
        if not equals or not name or len(name) > _LONGEST or value is None:
            raise RefusedError(
                "peak",
                f"Line {number} of the peak is '{line[:60]}'; SCENARIO = JOURNEYS PER SECOND is "
                "expected, for instance chat = 12.",
                [Fault(f"peak.{number}", "SCENARIO = NUMBER is expected")],
            )
        found[name] = value
    if len(found) > MOST_PEAKS:
        raise RefusedError("peak", f"{len(found)} peaks; at most {MOST_PEAKS} are kept.")
    return found


def _rate(text: str) -> float | None:
    try:
        value = float(text.removesuffix("/s").strip())
    except ValueError:
        return None
    return value if 0 < value <= 1e9 else None


def read_criteria(text: str) -> list[str]:
    """One criterion a line, in the grammar of campaigns; RefusedError points at line and column."""
    found = []
    for number, line in _lines(text):
        try:
            criteria.parse(line)
        except CriterionError as error:
            raise RefusedError(
                "criterion",
                f"Line {number} of the criteria, column {error.column}: {error.message}",
                [Fault(f"criteria.{number}", error.message)],
            ) from error
        found.append(line)
    if len(found) > MOST_CRITERIA:
        raise RefusedError("criteria", f"{len(found)} criteria; at most {MOST_CRITERIA} are kept.")
    return list(dict.fromkeys(found))


def _lines(text: str) -> list[tuple[int, str]]:
    numbered = enumerate(text.splitlines(), start=1)
    return [(number, line.strip()) for number, line in numbered if line.strip()]


def read_trace_url(text: str) -> str:
    """An address with {trace_id} in it, or nothing."""
    address = text.strip()
    if address and (len(address) > 500 or not tracing.is_template(address)):
        raise RefusedError(
            "trace_url",
            f"'{address[:80]}' is no address of traces; https://HOST/…{tracing.PLACE} is expected.",
            [Fault("trace_url", f"an https address with {tracing.PLACE} is expected")],
        )
    return address


def read_number(text: str, what: str, least: float, most: float) -> float | None:
    """A number within its bounds, None where the field is empty."""
    words = text.strip()
    if not words:
        return None
    try:
        value = float(words)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise RefusedError(
            "number", f"{what} is '{words[:30]}'; a number from {least:g} to {most:g} is expected."
        )
    return value


def read_everybody(text: str) -> str:
    if text not in Everybody.values:
        raise RefusedError("everybody", f"'{text[:30]}' is not something that everybody may do.")
    return text


@dataclass(frozen=True)
class NewMember:
    username: str
    role: str


def set_role(access: Access, project: Project, new: NewMember) -> Member:
    """Give a person a role, or another one."""
    if new.role not in Role.values:
        known = ", ".join(Role.values)
        raise RefusedError("role", f"'{new.role[:30]}' is no role; there are {known}.")
    user = User.objects.filter(username=new.username.strip(), is_active=True).first()
    if user is None:
        raise RefusedError(
            "user_unknown",
            f"Nobody signs in as '{new.username.strip()[:60]}'. Whoever runs this portal makes "
            "accounts: manage.py ensure_user.",
            [Fault("username", "is not known")],
        )
    with transaction.atomic():
        member, _ = Member.objects.update_or_create(
            project=project, user=user, defaults={"role": new.role}
        )
        audit.note(access, project, "member.set", detail=f"{user.get_username()}: {new.role}")
    return member


def remove_member(access: Access, member: Member) -> None:
    with transaction.atomic():
        name = member.user.get_username()
        project = member.project
        member.delete()
        audit.note(access, project, "member.removed", detail=name)
