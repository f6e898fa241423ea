"""`manage.py ensure_user`: a user with this name and password, made or brought up to date."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Make a user, or set the password of the one that is there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--username", required=True)
        parser.add_argument("--password", required=True)
        parser.add_argument(
            "--staff", action="store_true", help="may do everything, not only look and decide"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        user, is_new = User.objects.get_or_create(username=options["username"])
        # Sessions end when a password changes: an unchanged one is left alone.
        if not user.check_password(options["password"]):
            user.set_password(options["password"])
        user.is_staff = user.is_staff or options["staff"]
        user.save()
        what = "made" if is_new else "is there"
        self.stdout.write(f"User '{user.username}' {what}.")
