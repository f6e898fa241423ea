"""`manage.py token`: make, list and revoke the keys of the API."""

from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from ingest import tokens
from ingest.models import ApiToken
from runs.access import SCOPES, Scope
from runs.models import Project
from runs.models.project import SLUG_RULE

_DEFAULT_SCOPES: Final[list[Scope]] = ["upload", "read"]


class Command(BaseCommand):
    help = "Tokens of the API: create, list, revoke."

    def add_arguments(self, parser: ArgumentParser) -> None:
        calls = parser.add_subparsers(dest="call", required=True)
        create = calls.add_parser("create", help="make a token and print it, this once")
        create.add_argument("--name", required=True, help="what it is for, e.g. 'CI of billing'")
        create.add_argument(
            "--project", metavar="SLUG", help="bind it to this project, made where it is missing"
        )
        create.add_argument(
            "--scope",
            action="append",
            choices=list(SCOPES),
            help="may be given several times; default: upload and read. "
            + "; ".join(f"{name}: {meaning}" for name, meaning in SCOPES.items()),
        )
        create.add_argument("--days", type=int, help="expires after so many days; default: never")
        calls.add_parser("list", help="names, prefixes, scopes and last use; never the tokens")
        revoke = calls.add_parser("revoke", help="end a token")
        revoke.add_argument("prefix", help="its first characters, as `token list` shows them")

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["call"] == "create":
            self._create(options)
        elif options["call"] == "list":
            self._list()
        else:
            self._revoke(options["prefix"])

    def _create(self, options: dict[str, Any]) -> None:
        """Standard output holds the token and nothing else, so that a script can take it."""
        project = _project(options["project"]) if options["project"] else None
        scopes: list[Scope] = options["scope"] or _DEFAULT_SCOPES
        text, token = tokens.create(options["name"], scopes, project, _expiry(options["days"]))
        bound = f"the project '{project.slug}'" if project else "every project"
        self.stderr.write(
            f"Token '{token.name}' for {bound}, scopes {', '.join(token.scopes)}. "
            "It is shown this once:"
        )
        self.stdout.write(text)

    def _list(self) -> None:
        for token in ApiToken.objects.select_related("project"):
            project = token.project.slug if token.project else "every project"
            used = f"last used {token.last_used_at:%Y-%m-%d}" if token.last_used_at else "unused"
            revoked = ", revoked" if token.revoked_at else ""
            scopes = ",".join(token.scopes)
            self.stdout.write(
                f"{token.prefix}…  {token.name}  {project}  {scopes}  {used}{revoked}"
            )

    def _revoke(self, prefix: str) -> None:
        found = ApiToken.objects.filter(prefix=prefix.rstrip("…"), revoked_at=None)
        if found.count() != 1:
            raise CommandError(
                f"{found.count()} tokens that are in use begin with '{prefix}'; "
                "`manage.py token list` shows them."
            )
        found.update(revoked_at=timezone.now())
        self.stdout.write("Revoked.")


def _project(slug: str) -> Project:
    project = Project(slug=slug, name=slug)
    found = Project.objects.filter(slug=slug).first()
    if found is not None:
        return found
    try:
        project.full_clean()
    except ValidationError as error:
        raise CommandError(f"'{slug}' cannot name a project: {SLUG_RULE}.") from error
    project.save()
    return project


def _expiry(days: int | None) -> datetime | None:
    if days is None:
        return None
    if days < 1:
        raise CommandError(f"--days is {days}; a token lives for at least one day.")
    return timezone.now() + timedelta(days=days)
