"""`manage.py sample_people`: people to sign in as on a developer's machine."""

import argparse
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from requests311.city.people import make_people, read_people
from requests311.city.problems import BrokenCity


class Command(BaseCommand):
    help = "Makes the sample people of samples/people.yaml; only where ENVIRONMENT is development or test."
    requires_system_checks = []
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        default = Path(settings.BASE_DIR) / "samples" / "people.yaml"
        parser.add_argument("--file", type=Path, default=default, help="who (default: samples/people.yaml)")

    def handle(self, *, file: Path, **options: Any) -> None:
        if settings.ENVIRONMENT not in {"development", "test"}:
            raise CommandError(
                "Sample people have a password that everybody knows, so they are made only where ENVIRONMENT is "
                f"development or test; here it is {settings.ENVIRONMENT}. Nobody was made. "
                "For a first administrator use manage.py createsuperuser."
            )
        try:
            people = read_people(file)
        except BrokenCity as error:
            raise CommandError(str(error)) from error
        for line in make_people(people):
            self.stdout.write(line)
        self.stdout.write(f"Password of those who were made: {people.password}")
