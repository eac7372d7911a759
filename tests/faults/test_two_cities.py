"""Two instances of this project, each with its own database: a city, and the system of one of its departments."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg import sql

from requests311.models import Connector, Event, Forward, ServiceRequest
from requests311.statuses import Status
from tests.factories.cities import small_city
from tests.factories.people import guest, token_of
from tests.faults.stack import Stack, running_stack
from tests.processes import ROOT, Web, database_url, wait_until, web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults, pytest.mark.timeout(240)]


@dataclass
class Instance:
    """The department's: another database, another web server. Its people are asked through programs of its own."""

    environment: dict[str, str]
    web: Web

    @property
    def host(self) -> str:
        return urlsplit(self.web.url).netloc

    def run(self, code: str) -> Any:
        """Python over its database; what it leaves in `answer`."""
        lines = ["import django, json", "django.setup()", code, "print(json.dumps(answer))"]
        return json.loads(_output(self.environment, "-c", "\n".join(lines)))

    def key(self, name: str) -> str:
        return _output(self.environment, "manage.py", "open311_key", "make", name)

    def reports(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run(
            "from requests311.models import ServiceRequest\n"
            "answer = list(ServiceRequest.objects.order_by('pk').values('number', 'status', 'description', 'channel',"
            " 'service__code', 'contact', 'address'))"
        )
        return found

    def move(self, number: str, to: str, text: str = "", resolution: str = "") -> None:
        self.run(
            "from accounts.models import User\n"
            "from requests311.actions.transition import transition\n"
            "from requests311.actors import Actor\n"
            "from requests311.models import ServiceRequest\n"
            f"row = ServiceRequest.objects.get(number={number!r})\n"
            "boss = User.objects.get(email='boss@example.org')\n"
            f"transition(by=Actor(boss), key={number!r}, to={to!r}, if_version=row.version, text={text!r},"
            f" resolution={resolution!r})\n"
            "answer = None"
        )


def _output(environment: dict[str, str], *arguments: str) -> str:
    """The last line that the program prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


@contextmanager
def database_like_this() -> Iterator[str]:
    """The URL of a copy of the test's database, which is empty but for its tables."""
    whole = database_url()
    ours = str(connection.settings_dict["NAME"])
    name = f"{ours}_other"
    connection.close()
    maintenance = whole.rpartition("/")[0] + "/postgres"
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(maintenance, autocommit=True) as session:
        session.execute(drop)
        # Who has just disconnected may be there still for a moment; PostgreSQL waits for them.
        session.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(ours)))
    try:
        yield whole.rpartition("/")[0] + f"/{name}"
    finally:
        with psycopg.connect(maintenance, autocommit=True) as session:
            session.execute(drop)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """The city's own."""
    home = tmp_path / "city"
    home.mkdir()
    with running_stack(home, {"CONNECTOR_POLL_SECONDS": "1"}) as running:
        running.broker.start()
        yield running


@pytest.fixture
def department(tmp_path: Path, stack: Stack) -> Iterator[Instance]:
    home = tmp_path / "department"
    home.mkdir()
    with database_like_this() as url:
        environment = {
            **stack.environment,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "DATABASE_URL": url,
            "BROKER_URL": stack.broker.url.replace("/0", "/1"),
            "REDIS_URL": stack.broker.url.replace("/0", "/1"),
            "STORAGE_URL": (home / "media").as_uri(),
        }
        with web(home, environment=environment) as server:
            instance = Instance(environment, server)
            instance.run(
                "from tests.factories.cities import person, small_city\n"
                "city = small_city('roadsville')\n"
                "person('boss@example.org', role='dispatcher', city=city)\n"
                "answer = None"
            )
            yield instance


def event_texts(request: ServiceRequest) -> list[tuple[str, str]]:
    """(status, text) of every event that says something, or moves it."""
    events = Event.objects.filter(request=request).order_by("version")
    return [(event.to_status, event.text) for event in events]


@pytest.mark.parametrize(("updates", "format"), [("updates", "json"), ("requests", "xml")])
def test_a_report_goes_there_and_what_becomes_of_it_comes_back(
    stack: Stack, department: Instance, updates: str, format: str
) -> None:
    city = small_city()
    connector = Connector.objects.create(
        department=city.departments["roads"],
        kind="open311",
        url=f"{department.web.url}/open311/v2",
        format=format,
        jurisdiction_id="roadsville",
        api_key=department.key("Smallville"),
        service_codes={"streetlight": "pothole"},
        updates=updates,
    )
    stack.environment["OUTBOUND_PRIVATE_HOSTS"] = department.host
    stack.workers.start()
    latitude, longitude = city.point_in("west")
    reporter = guest()
    with stack.web() as server:
        made = server.http.post(
            "/api/v1/requests",
            json={
                "service": "streetlight",
                "location": {"latitude": latitude, "longitude": longitude},
                "address": "12 Main Street",
                "description": 'Größer & "tiefer" <als> 5 cm',
                "attributes": {"pole_id": "4711"},
                "contact": {"name": "Ada Lovelace"},
            },
            headers={"Authorization": f"Bearer {token_of(reporter)}"},
        )
    assert made.status_code == 201, made.text
    request = ServiceRequest.objects.get()
    wait_until(lambda: Forward.objects.filter(state="accepted").exists(), "it was not forwarded")
    forward = Forward.objects.get()

    # There, once, as it was told here, and without what is not passed on.
    (there,) = department.reports()
    assert there == {
        "number": forward.remote_id,
        "status": "submitted",
        "description": 'Größer & "tiefer" <als> 5 cm',
        "channel": "open311",
        "service__code": "pothole",
        "contact": {},
        "address": "12 Main Street",
    }
    assert event_texts(request) == [
        ("submitted", ""),
        ("acknowledged", f"The system of Roads Department has it as #{there['number']}."),
    ]

    # A worker that died before it could write down the answer: the same report there, not a second one.
    Forward.objects.update(
        state="waiting", remote_id="", sent_at=None, attempts=1, next_attempt_at=timezone.now() - timedelta(seconds=1)
    )
    wait_until(lambda: Forward.objects.filter(state="accepted").exists(), "it was not forwarded again")
    forward.refresh_from_db()
    assert forward.remote_id == there["number"]
    assert len(department.reports()) == 1

    # What their people do is on our timeline, once.
    department.move(there["number"], "acknowledged", text="On our list.")
    wait_until(lambda: Event.objects.filter(text="On our list.").exists(), "the comment did not come")
    department.move(there["number"], "resolved", text="Filled & closed.", resolution="fixed")
    wait_until(lambda: Event.objects.filter(to_status=Status.RESOLVED).exists(), "the end did not come")
    polled_again(connector)
    assert event_texts(request)[2:] == [("", "On our list."), ("resolved", "Filled & closed.")]
    request.refresh_from_db()
    assert (request.status, request.resolution) == ("resolved", "referred")


def polled_again(connector: Connector) -> None:
    """Two more rounds have gone by."""
    for _ in range(2):
        connector.refresh_from_db()
        before = connector.next_poll_at

        def has_polled(before: Any = before) -> bool:
            connector.refresh_from_db()
            return bool(connector.next_poll_at != before)

        wait_until(has_polled, "it was not polled")
    assert connector.poll_failures == 0, connector.last_error


def test_a_key_that_was_revoked_makes_forwards_stuck_until_there_is_a_new_one(
    stack: Stack, department: Instance
) -> None:
    city = small_city()
    Connector.objects.create(
        department=city.departments["roads"],
        kind="open311",
        url=f"{department.web.url}/open311/v2",
        jurisdiction_id="roadsville",
        api_key="nobody-s",
    )
    stack.environment["OUTBOUND_PRIVATE_HOSTS"] = department.host
    stack.workers.start()
    latitude, longitude = city.point_in("west")
    with stack.web() as server:
        made = server.http.post(
            "/api/v1/requests",
            json={"service": "pothole", "location": {"latitude": latitude, "longitude": longitude}},
            headers={"Authorization": f"Bearer {token_of(guest())}"},
        )
    assert made.status_code == 201, made.text
    wait_until(lambda: Forward.objects.filter(state="stuck").exists(), "it is not stuck")
    assert Forward.objects.get().last_error == "The other side answered 403: api_key is not valid"
    assert department.reports() == []
    Connector.objects.update(api_key=department.key("Smallville"))
    _output(stack.environment, "manage.py", "forwards", "--resend")
    wait_until(lambda: Forward.objects.filter(state="accepted").exists(), "it was not sent again")
    assert [report["number"] for report in department.reports()] == [Forward.objects.get().remote_id]
