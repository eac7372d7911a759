"""/livez, /readyz and /metrics"""

import socket
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django.db.migrations.recorder import MigrationRecorder
from rest_framework.test import APIClient

from api import health
from config.middleware import REQUESTS
from tests.api.asking import API, submitted
from tests.factories.cities import SmallCity

pytestmark = pytest.mark.django_db


def ready(client: APIClient) -> Any:
    return client.get("/readyz")


def failing(client: APIClient) -> dict[str, str]:
    """The checks that fail; the answer must say 503."""
    response = ready(client)
    assert response.status_code == 503
    assert response.json()["status"] == "not ready"
    return {name: outcome for name, outcome in response.json()["checks"].items() if outcome != "ok"}


def test_ready(client: APIClient) -> None:
    response = ready(client)
    assert response.status_code == 200
    checks = dict.fromkeys(("serving", "database", "broker", "migrations"), "ok")
    assert response.json() == {"status": "ready", "checks": checks}


def test_shutting_down(client: APIClient, settings: LazySettings, tmp_path: Path) -> None:
    settings.DRAIN_FILE = str(tmp_path / "drain")
    assert ready(client).status_code == 200
    (tmp_path / "drain").touch()
    assert failing(client) == {"serving": "shutting down"}


def test_without_a_broker(client: APIClient, settings: LazySettings) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.BROKER_URL = f"redis://user:secret@127.0.0.1:{nobody.getsockname()[1]}/0"
        response = ready(client)
        assert failing(client)["broker"].startswith("failed (")
        assert "secret" not in response.content.decode()


def test_with_a_migration_to_come(client: APIClient) -> None:
    MigrationRecorder.Migration.objects.filter(app="api").delete()
    assert failing(client) == {"migrations": "not all applied; run manage.py migrate"}


def test_without_a_database(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("server at 10.1.2.3 refused user requests311")

    monkeypatch.setitem(health.CHECKS, "database", away)
    assert failing(client) == {"database": "failed (OperationalError)"}


def test_alive_whatever_is_down(client: APIClient, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BROKER_URL = "redis://127.0.0.1:1/0"
    settings.DRAIN_FILE = __file__

    def away(*_: Any) -> None:
        raise OperationalError

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", away)
    response = client.get("/livez")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


class TestMetrics:
    def test_requests_by_route_and_what_waits(self, client: APIClient, phone: APIClient, city: SmallCity) -> None:
        made = submitted(phone, city)
        client.get(f"{API}/requests/{made['id']}")
        response = client.get("/metrics")
        text = response.content.decode()
        assert response["Content-Type"].startswith("text/plain")
        assert 'route="api/v1/requests/<str:key>",status="200"' in text
        assert 'requests311_waiting{work="announcements"} 1.0' in text
        assert 'requests311_waiting{work="deliveries"} 0.0' in text
        # An id in a label would be a time series a report, and tell who looks at what.
        assert made["id"] not in text
        assert made["number"] not in text

    def test_invented_methods_and_paths_are_counted_as_one(self, client: APIClient) -> None:
        def series() -> int:
            return sum(len(metric.samples) for metric in REQUESTS.collect())

        client.generic("BREW0", "/nothing/0")
        before = series()
        for number in range(1, 6):
            client.generic(f"BREW{number}", f"/nothing/{number}")
        assert series() == before
