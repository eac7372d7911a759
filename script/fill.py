"""`python -m script.fill`, inside .venv: tables, assets and, in development, the sample city and its people.

One process for all of it, since starting Django four times would be most of a second start's time.
"""

import io
import os
import sys

import django
from django.core.management import CommandError, call_command

from script.machine.console import say, step


def main() -> int:
    """Runs each command quietly; one that fails ends it with its own words."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    steps = [
        ("Migrating the database", ["migrate", "--verbosity", "0"]),
        ("Collecting the admin's and the docs' assets", ["collectstatic", "--noinput", "--verbosity", "0"]),
    ]
    if os.environ["ENVIRONMENT"] == "development":
        steps.append(("Loading the sample city, New York", ["load_city", "samples/nyc"]))
        steps.append(("Making the sample people", ["sample_people"]))
    for title, words in steps:
        words_of_it = io.StringIO()
        try:
            with step(title):
                call_command(*words, stdout=words_of_it, stderr=words_of_it)
        except CommandError as error:
            say(f"\n{title} failed:\n{words_of_it.getvalue()}{error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
