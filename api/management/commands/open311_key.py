"""`manage.py open311_key`: keys of clients that report through Open311."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from api.models import ApiKey
from api.open311 import keys


class Command(BaseCommand):
    help = "Makes, lists and revokes keys of clients that report through Open311."
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        tasks = parser.add_subparsers(dest="task", required=True, metavar="make|list|revoke")
        make = tasks.add_parser("make", help="make a key; it is printed once")
        make.add_argument("name", help="the client that gets it")
        make.add_argument("--test", action="store_true", help="writes to the sandbox of a jurisdiction (make_sandbox)")
        tasks.add_parser("list", help="list the keys")
        away = tasks.add_parser("revoke", help="end a key")
        away.add_argument("name", help="the client's name, or how its key begins")

    def handle(self, *, task: str, **options: Any) -> None:
        {"make": self.make, "list": self.list, "revoke": self.revoke}[task](**options)

    def make(self, *, name: str, test: bool, **options: Any) -> None:
        name = name.strip()
        if not name or len(name) > 100:
            raise CommandError("A name has 1 to 100 characters.")
        if ApiKey.objects.filter(name=name).exists():
            raise CommandError(
                f"{name!r} has a key already; take another name, or revoke it first and name this one anew."
            )
        text = keys.make(name=name, is_test=test)
        self.stderr.write(f"The key of {name!r}. Nobody can read it again: give it to its client now.")
        self.stdout.write(text)

    def list(self, **options: Any) -> None:
        for key in ApiKey.objects.all():
            state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "good"
            used = f"last used {key.last_used_on}" if key.last_used_on else "never used"
            self.stdout.write(f"{key.prefix}…  {key.kind:10}  {state:18}  {used:21}  {key.name}")

    def revoke(self, *, name: str, **options: Any) -> None:
        found = [key for key in ApiKey.objects.filter(revoked_at=None) if name in {key.name, key.prefix}]
        if len(found) != 1:
            raise CommandError(
                f"{len(found) or 'no'} good keys are called {name!r} or begin so; `list` shows them all."
            )
        keys.revoke(found[0])
        self.stdout.write(f"The key of {found[0].name!r} is good for nothing from now on.")
