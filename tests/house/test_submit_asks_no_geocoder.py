"""The external geocoder is never in the path of a submit: nothing that a submit loads can reach it."""

import os
import subprocess
import sys

from tests.house.test_rules import ROOT, imports, sources


def test_only_the_address_look_ups_know_it() -> None:
    knowing = {
        str(path.relative_to(ROOT))
        for path in sources("config", "api", "requests311", "notifications", "geo", "accounts")
        for name in imports(path)
        # The city's own addresses are a table of ours.
        if name.startswith("geo.geocoding") and not name.startswith("geo.geocoding.own.")
    }
    outside = {path for path in knowing if not path.startswith("geo/geocoding/")}
    assert outside == {"api/addresses/serializers.py", "api/addresses/views.py"}


def test_a_submit_does_not_load_it() -> None:
    code = (
        "import django, sys; django.setup(); "
        "import requests311.actions.submit, requests311.tasks, requests311.announce, api.open311.submissions;"
        "own = {'geo.geocoding', 'geo.geocoding.own'};"
        "print([name for name in sys.modules if name.startswith(('geo.geocoding', 'httpx')) and name not in own])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip().splitlines()[-1] == "[]"
