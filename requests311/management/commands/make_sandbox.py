"""`manage.py make_sandbox CODE`: where programs with a test key of Open311 write to."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from requests311.city.sandbox import SandboxExists, make_sandbox
from requests311.models import Jurisdiction


class Command(BaseCommand):
    help = (
        "Copies a jurisdiction's boundary, areas, departments, services and rules to CODE-sandbox. What is reported "
        "there is seen by nobody but through Open311, by naming that jurisdiction."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("code", help="code of the jurisdiction to copy")

    def handle(self, *, code: str, **options: Any) -> None:
        jurisdiction = Jurisdiction.objects.filter(code=code, sandbox=False).first()
        if jurisdiction is None:
            there = ", ".join(Jurisdiction.objects.filter(sandbox=False).values_list("code", flat=True))
            raise CommandError(f"There is no jurisdiction {code!r}; there are: {there or 'none'}.")
        try:
            made = make_sandbox(jurisdiction)
        except SandboxExists as error:
            raise CommandError(f"{error} is there already; nothing was changed.") from error
        self.stdout.write(
            f"Made {made.code}: {made.services.count()} services, {made.departments.count()} departments."
        )
