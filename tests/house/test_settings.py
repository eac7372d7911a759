"""Production is the same program: a missing or unsafe setting ends it at start, one line per problem."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]

SAFE = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "k3-9fJq2_vX7bN4mTz8wRc1yLd6hGs5pQe0uAi-KoVnBx3Zr",
    "ALLOWED_HOSTS": "311.city.example",
    "DATABASE_URL": "postgres://requests311:secret@db.city.example:5432/requests311",
    "BROKER_URL": "redis://broker.city.example:6379/0",
    "FIREBASE_CREDENTIALS": '{"type": "service_account"}',
    "STORAGE_URL": "s3://photos?region=eu-central-1",
    "PUBLIC_URL": "https://311.city.example",
}
SAFE["SECRET_KEY"] += "aB1cD2eF3gH4iJ5"


def start(*command: str, **changed: str | None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in {**SAFE, **changed}.items() if value is not None}
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ}
    return subprocess.run(
        [sys.executable, *(command or ("-c", "import config.settings"))],
        cwd=ROOT,
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_starts_with_safe_settings() -> None:
    started = start()
    assert started.returncode == 0, started.stderr


def test_check_deploy_is_clean() -> None:
    checked = start("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert checked.returncode == 0, checked.stderr
    assert "no issues" in checked.stdout


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("SECRET_KEY", None, "SECRET_KEY: missing"),
        ("SECRET_KEY", settings.DEVELOPMENT_SECRET_KEY, "SECRET_KEY: is the development key"),
        ("SECRET_KEY", "short", "SECRET_KEY: too weak"),
        ("SECRET_KEY", "a" * 60, "SECRET_KEY: too weak"),
        ("ALLOWED_HOSTS", None, "ALLOWED_HOSTS: missing"),
        ("ALLOWED_HOSTS", "*", "ALLOWED_HOSTS: '*'"),
        ("FIREBASE_CREDENTIALS", None, "FIREBASE_CREDENTIALS: missing"),
        ("FIREBASE_CREDENTIALS", "/no/such/file.json", "FIREBASE_CREDENTIALS: no such file"),
        ("FIREBASE_CREDENTIALS", "{not json", "FIREBASE_CREDENTIALS: neither a path nor valid JSON"),
        ("FCM_ENDPOINT", "http://127.0.0.1:8001", "FCM_ENDPOINT: is for development"),
        ("DEBUG", "true", "DEBUG: must be off"),
        ("DEBUG", "maybe", "DEBUG: "),
        ("SECURE_COOKIES", "false", "SECURE_COOKIES: must be on"),
        ("STORAGE_URL", None, "STORAGE_URL: missing"),
        ("STORAGE_URL", "ftp://somewhere", "STORAGE_URL: 'ftp://somewhere' is neither"),
        ("PUBLIC_URL", "http://311.city.example", "PUBLIC_URL: must start with https://"),
        ("DATABASE_URL", None, "DATABASE_URL: missing"),
        ("DATABASE_URL", "postgres://requests311@db.city.example/requests311", "DATABASE_URL: has no password"),
        ("BROKER_URL", None, "BROKER_URL: missing"),
        ("GEOCODER_URL", "https://geo.example", "GEOCODER_URL: write nominatim+https://host"),
        ("GEOCODER_TIMEOUT_SECONDS", "60", "GEOCODER_TIMEOUT_SECONDS: more than 0 and at most 10"),
        ("EMAIL_URL", "file:///var/mail", "EMAIL_URL: file: is for development"),
        ("EMAIL_URL", "mail.example", "EMAIL_URL: write smtp://user:password@host:587"),
        ("CONNECTOR_POLL_SECONDS", "0", "CONNECTOR_POLL_SECONDS: must be 1 or more"),
        ("FORWARD_TIMEOUT_SECONDS", "60", "FORWARD_TIMEOUT_SECONDS: more than 0 and at most 10"),
        ("RETENTION_SESSIONS_DAYS", "0", "RETENTION_SESSIONS_DAYS: must be 1 to"),
        ("RETENTION_PHOTOS_DAYS", "1", "RETENTION_PHOTOS_DAYS: must be 2 to"),
        ("RETENTION_MESSAGES_DAYS", "29", "RETENTION_MESSAGES_DAYS: must be 30 to"),
        ("ENVIRONMENT", "staging", "ENVIRONMENT: must be development, test or production"),
    ],
)
def test_production_refuses(name: str, value: str | None, says: str) -> None:
    started = start(**{name: value})
    assert started.returncode == 78
    assert says in started.stderr
    assert "Traceback" not in started.stderr


def test_every_problem_has_a_line_of_its_own() -> None:
    started = start(SECRET_KEY=None, ALLOWED_HOSTS=None, DEBUG="true")
    assert started.returncode == 78
    lines = [line.strip() for line in started.stderr.splitlines()]
    assert lines[0] == "Requests311 cannot start:"
    assert [line.split(":")[0] for line in lines[1:]] == ["SECRET_KEY", "ALLOWED_HOSTS", "DEBUG"]


def test_an_environment_that_is_not_named_is_production() -> None:
    assert start(ENVIRONMENT=None, SECRET_KEY=settings.DEVELOPMENT_SECRET_KEY).returncode == 78


def test_cookies_and_transport_are_safe_in_production() -> None:
    shown = start(
        "-c",
        "import config.settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_SSL_REDIRECT,"
        " s.SECURE_HSTS_SECONDS > 0, s.DEBUG)",
    )
    assert shown.stdout.split() == ["True", "True", "True", "True", "False"]


def test_every_variable_is_documented() -> None:
    read = set(re.findall(r'read\("[a-z]+", "([A-Z0-9_]+)"', (ROOT / "config" / "settings.py").read_text()))
    page = (ROOT / "docs" / "operations.md").read_text()
    assert sorted(name for name in read if f"`{name}`" not in page) == []
