"""The morning's figures: once a day, in the morning of the city, for who manages the department."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts.models import User
from notifications.delivery import parcel_of
from notifications.models import Delivery, Message
from notifications.rendering import render_email
from notifications.topics import Topic
from requests311 import digests, tasks
from requests311.models import Department, Jurisdiction, Membership, ServiceRequest
from requests311.policies import Role
from requests311.queries.queue import count
from requests311.statuses import OPEN, Status
from tests.api.asking import API
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest, signed_in
from tests.requests311.reporting import force, report
from tests.waiting import one_behind_the_other

pytestmark = pytest.mark.django_db

#: 8:30 in the small city, in winter.
MORNING = datetime(2026, 1, 20, 14, 30, tzinfo=UTC)


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def manager(city: SmallCity) -> User:
    return person("manager@city.example", Role.MANAGER, city, "roads")


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    clock = Clock(monkeypatch)
    clock.stands(MORNING)
    return clock


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch

    def stands(self, moment: datetime) -> None:
        self.monkeypatch.setattr(timezone, "now", lambda: moment)


def figures(message: Message) -> dict[str, int]:
    return {line["label"]["en"]: line["count"] for line in message.context["lines"]}


def test_the_figures_of_a_department_and_its_units(city: SmallCity, manager: User, at: Clock) -> None:
    rows = [report(city, guest(), ward=ward) for ward in ("west", "west", "east")]
    report(city, guest(), "streetlight", attributes={"pole_id": "1"})
    report(city, guest(), attributes={"position": "curb"})  # of the parks
    force(rows[0], Status.IN_PROGRESS)
    force(rows[1], Status.CLOSED)
    # By the clock of the database, which does not stand.
    ServiceRequest.objects.update(due_at=datetime(2100, 1, 1, tzinfo=UTC))
    ServiceRequest.objects.filter(pk=rows[0].pk).update(assignee=manager, due_at=datetime(2000, 1, 1, tzinfo=UTC))
    assert tasks.send_digests() == 1
    message = Message.objects.get()
    assert (message.recipient, message.kind, message.topic) == (manager, "digest", Topic.DIGEST)
    assert figures(message) == {
        "Open": 3,
        "Late": 1,
        "Not assigned": 2,
        "New": 2,
        "Acknowledged": 0,
        "Assigned": 0,
        "In progress": 1,
        "On hold": 0,
    }
    assert (message.context["department"], message.context["day"]) == ("Roads Department", "2026-01-20")
    delivery = Delivery.objects.get()
    assert (delivery.channel, delivery.address) == ("email", "manager@city.example")


def test_every_open_status_has_a_line(city: SmallCity) -> None:
    assert set(digests._BY_STATUS) == OPEN
    labels = [digests._OPEN, digests._OVERDUE, digests._UNASSIGNED, *digests._BY_STATUS.values()]
    assert all(set(label) == {"en", "es"} and all(label.values()) for label in labels)
    assert len({label["es"] for label in labels}) == len(labels)


def test_each_manager_of_each_department_and_nobody_else(city: SmallCity, manager: User, at: Clock) -> None:
    of_unit = person(role=Role.MANAGER, city=city, department="roads-west")
    both = person(role=Role.MANAGER, city=city, department="parks")
    Membership.objects.create(
        user=both, jurisdiction=city.jurisdiction, department=city.departments["desk"], role=Role.MANAGER
    )
    person(role=Role.CREW, city=city, department="roads")
    person(role=Role.DISPATCHER, city=city)
    gone = person(role=Role.MANAGER, city=city, department="roads")
    gone.memberships.update(valid_to=MORNING)
    person(role=Role.MANAGER, city=city, department="roads-east")
    Department.objects.filter(code="roads-east").update(active=False)
    assert tasks.send_digests() == 4
    found = set(Message.objects.values_list("recipient", "context__department"))
    assert found == {
        (manager.pk, "Roads Department"),
        (of_unit.pk, "Roads – West Yard"),
        (both.pk, "Parks Department"),
        (both.pk, "Dispatch Desk"),
    }


def test_once_a_day_however_often_it_is_looked(city: SmallCity, manager: User, at: Clock) -> None:
    sent = [tasks.send_digests() for _ in range(3)]
    at.stands(MORNING + timedelta(hours=3))
    report(city, guest())
    sent.append(tasks.send_digests())
    at.stands(MORNING + timedelta(days=1))
    sent += [tasks.send_digests(), tasks.send_digests()]
    assert sent == [1, 0, 0, 0, 1, 0]
    assert [message.context["day"] for message in Message.objects.order_by("id")] == ["2026-01-20", "2026-01-21"]


def test_who_became_a_manager_since_gets_it_too(city: SmallCity, manager: User, at: Clock) -> None:
    tasks.send_digests()
    new = person(role=Role.MANAGER, city=city, department="roads")
    assert tasks.send_digests() == 1
    assert set(Message.objects.values_list("recipient", flat=True)) == {manager.pk, new.pk}


@pytest.mark.parametrize(
    ("moment", "sent"),
    [
        ("2026-01-20T12:59:59", 0),  # 6:59 in winter
        ("2026-01-20T13:00:00", 1),
        ("2026-01-20T17:59:59", 1),
        ("2026-01-20T18:00:00", 0),
        ("2026-07-20T11:59:59", 0),  # and an hour earlier in summer
        ("2026-07-20T12:00:00", 1),
        ("2026-07-20T17:00:00", 0),
    ],
)
def test_in_the_morning_of_the_city(city: SmallCity, manager: User, at: Clock, moment: str, sent: int) -> None:
    at.stands(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert tasks.send_digests() == sent


def test_every_city_has_its_own_morning(city: SmallCity, manager: User, at: Clock) -> None:
    other = small_city("farville", (140.0, 35.0))
    Jurisdiction.objects.filter(code="farville").update(time_zone="Asia/Tokyo")
    there = person(role=Role.MANAGER, city=other, department="parks")
    # Nine in the evening here, noon of the next day less two hours there.
    at.stands(datetime(2026, 1, 21, 1, 0, tzinfo=UTC))
    assert tasks.send_digests() == 1
    message = Message.objects.get()
    assert (message.recipient, message.context["day"], message.sender) == (there, "2026-01-21", "farville")


def test_a_sandbox_has_none(city: SmallCity, manager: User, at: Clock) -> None:
    Jurisdiction.objects.update(sandbox=True)
    assert tasks.send_digests() == 0


def test_who_switched_it_off_gets_no_letter(city: SmallCity, manager: User, at: Clock) -> None:
    client = signed_in(manager)
    body = {"switches": [{"topic": "digest", "channel": "email", "on": False}]}
    assert client.patch(f"{API}/me/notifications", body, format="json").status_code == 200
    tasks.send_digests()
    assert not Delivery.objects.exists()
    assert tasks.send_digests() == 0


@pytest.mark.parametrize(
    ("language", "subject", "line"),
    [
        ("en", "Roads Department: January 20", "Not assigned: 1"),
        ("es-MX", "Roads Department: resumen del 20 de enero", "Sin asignar: 1"),
        # Nobody wrote it in French: in the city's own first language.
        ("fr", "Roads Department: resumen del 20 de enero", "Sin asignar: 1"),
    ],
)
def test_in_the_language_of_the_manager(
    city: SmallCity, manager: User, at: Clock, language: str, subject: str, line: str
) -> None:
    User.objects.filter(pk=manager.pk).update(language=language)
    Jurisdiction.objects.update(languages=["es", "en"])
    report(city, guest())
    tasks.send_digests()
    parcel = parcel_of(Delivery.objects.select_related("message__recipient", "device").get())
    told = render_email(
        parcel.kind,
        parcel.language,
        parcel.fallback_language,
        parcel.context,
        link=parcel.data["link"],
        topic=parcel.topic,
        has_account=parcel.has_account,
    )
    assert told[0] == subject
    assert line in told[1].splitlines()
    assert "{" not in told[0] + told[1]


def test_a_department_that_fails_keeps_no_other_waiting(
    city: SmallCity, manager: User, at: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(role=Role.MANAGER, city=city, department="parks")

    def failing(departments: list[int]) -> object:
        if city.departments["roads"].pk in departments:
            raise ValueError("as figures that cannot be counted")
        return count(departments)

    def alerts() -> float:
        return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": "digest_not_sent"}) or 0

    before = alerts()
    monkeypatch.setattr(digests, "count", failing)
    assert tasks.send_digests() == 1
    assert alerts() == before + 1
    assert Message.objects.get().context["department"] == "Parks Department"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_it_once() -> None:
    city = small_city()
    person("manager@city.example", Role.MANAGER, city, "roads")
    roads = city.departments["roads"].pk
    first, second = one_behind_the_other(lambda: digests.send(roads), lambda: digests.send(roads))
    assert (first.result(), second.result()) == (1, 0)
    assert (Message.objects.count(), Delivery.objects.count()) == (1, 1)
