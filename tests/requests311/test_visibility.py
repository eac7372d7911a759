"""Who may know that a request exists, and what of it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from requests311.actors import Actor
from requests311.models import Audience, Department, Event, EventKind, Membership, Photo, PhotoState, ServiceRequest
from requests311.policies import Permission, Role
from requests311.queries.documents import request_document, request_documents
from requests311.queries.timeline import timeline
from requests311.snapshots import snapshot
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import photo, report

pytestmark = pytest.mark.django_db


class World:
    """A city with a public report (the west yard's) and a private one (of `roads`), and another city."""

    def __init__(self) -> None:
        self.city, self.other = small_city(), small_city("otherton", origin=(-90.0, 40.0))
        self.reporter = guest()
        contact = {"name": "Rosa"}
        self.public = report(self.city, self.reporter, contact=contact, client_id="c1")
        self.private = report(self.city, self.reporter, "heating", contact=contact, client_id="c2")

    def staff(self, role: Role, department: str | None = None, city: SmallCity | None = None) -> User:
        return person(role=role, city=city or self.city, department=department)

    def former(self) -> User:
        user = self.staff(Role.DISPATCHER)
        user.memberships.update(valid_to=timezone.now() - timedelta(seconds=1))
        return user

    def future(self) -> User:
        user = self.staff(Role.DISPATCHER)
        user.memberships.update(valid_from=timezone.now() + timedelta(hours=1))
        return user

    def misplaced(self) -> User:
        """A membership whose department is another city's, which no form lets through."""
        user = person("misplaced@example.org")
        roads = self.city.departments["roads"]
        Membership.objects.create(user=user, jurisdiction=self.other.jurisdiction, department=roads, role=Role.CREW)
        return user


@pytest.fixture
def world() -> World:
    return World()


#: name: (who, sees the private one, reads the public one's inside, reads the private one's inside)
VIEWERS: dict[str, tuple[Callable[[World], User | None], bool, bool, bool]] = {
    "nobody": (lambda world: None, False, False, False),
    "a guest": (lambda world: guest(), False, False, False),
    "a resident": (lambda world: person("r@example.org"), False, False, False),
    "the reporter": (lambda world: world.reporter, True, False, False),
    "the yard's crew": (lambda world: world.staff(Role.CREW, "roads-west"), False, True, False),
    "the other yard's crew": (lambda world: world.staff(Role.CREW, "roads-east"), False, False, False),
    "another department's crew": (lambda world: world.staff(Role.CREW, "parks"), False, False, False),
    "the agency's crew": (lambda world: world.staff(Role.CREW, "roads"), True, True, True),
    "the agency's manager": (lambda world: world.staff(Role.MANAGER, "roads"), True, True, True),
    "an auditor of the yard": (lambda world: world.staff(Role.AUDITOR, "roads-west"), False, True, False),
    "the dispatcher": (lambda world: world.staff(Role.DISPATCHER), True, True, True),
    "the auditor": (lambda world: world.staff(Role.AUDITOR), True, True, True),
    "the admin": (lambda world: world.staff(Role.ADMIN), True, True, True),
    "the other city's dispatcher": (lambda world: world.staff(Role.DISPATCHER, None, world.other), False, False, False),
    "the other city's roads": (lambda world: world.staff(Role.CREW, "roads", world.other), False, False, False),
    "a former dispatcher": (lambda world: world.former(), False, False, False),
    "a future dispatcher": (lambda world: world.future(), False, False, False),
    "a crew of two cities at once": (lambda world: world.misplaced(), False, False, False),
}
EVERYBODY = pytest.mark.parametrize("name", list(VIEWERS))


def documents(actor: Actor) -> dict[str, dict[str, Any]]:
    texts = request_documents(actor.sees(), actor=actor, base_url="https://city.example", limit=100)
    return {document["id"]: document for document in json.loads(f"[{texts.page(100).text}]")}


@EVERYBODY
def test_which_requests(world: World, name: str) -> None:
    who, sees_private, _, _ = VIEWERS[name]
    actor = Actor(who(world))
    expected = {world.public.pk} | ({world.private.pk} if sees_private else set())
    assert set(ServiceRequest.objects.visible_to(actor).values_list("pk", flat=True)) == expected


@EVERYBODY
def test_what_of_them(world: World, name: str) -> None:
    who, sees_private, public_inside, private_inside = VIEWERS[name]
    user = who(world)
    shown = documents(Actor(user))
    cases = [(world.public, public_inside)] + ([(world.private, private_inside)] if sees_private else [])
    for request, inside in cases:
        document = shown[str(request.pk)]
        personal = inside or user == world.reporter
        assert ({"contact", "client_id", "channel"} <= document.keys()) == personal
        assert ({"reporter", "assignee"} <= document.keys()) == inside
        assert bool({"contact", "client_id", "channel"} & document.keys()) == personal
        assert bool({"reporter", "assignee"} & document.keys()) == inside
        text = json.dumps(document)
        assert ("Rosa" in text) == personal
        assert (str(world.reporter.pk) in text) == inside


@EVERYBODY
def test_the_permissions_agree_with_the_rows(world: World, name: str) -> None:
    """Two ways to ask the same, one in SQL and one in Python."""
    who, _, public_inside, private_inside = VIEWERS[name]
    actor = Actor(who(world))
    for request, inside in ((world.public, public_inside), (world.private, private_inside)):
        row = ServiceRequest.objects.select_related("department").get(pk=request.pk)
        assert ("read_internal" in actor.permissions_on(row)) == inside
        assert ("read_contact" in actor.permissions_on(row)) == inside
        assert (
            ServiceRequest.objects.filter(actor.may(Permission.READ_INTERNAL).expression(), pk=row.pk).exists()
            == inside
        )


@EVERYBODY
def test_the_timeline(world: World, name: str) -> None:
    who, sees_private, public_inside, private_inside = VIEWERS[name]
    staff = person("writer@example.org")
    for request in (world.public, world.private):
        Event.objects.create(
            request=request,
            version=2,
            kind=EventKind.STATUS_CHANGED,
            audience=Audience.STAFF,
            actor=staff,
            at=timezone.now(),
            text="Beware of the dog.",
            data=snapshot(request),
        )
    actor = Actor(who(world))
    for request, seen, inside in ((world.public, True, public_inside), (world.private, sees_private, private_inside)):
        for key in (str(request.pk), request.number.lower()):
            events = [json.loads(text) for text in timeline(key, actor=actor)]
            assert [event["version"] for event in events] == ([1] * seen + [2] * inside)
            assert all(("actor" in event) == inside for event in events)
            assert ("dog" in json.dumps(events)) == inside
            assert (str(staff.pk) in json.dumps(events)) == inside


def test_a_timeline_of_nothing(world: World) -> None:
    assert list(timeline("0000-0000", actor=Actor(world.reporter))) == []


def test_a_guests_membership_is_worth_nothing(world: World) -> None:
    user = guest()
    Membership.objects.create(user=user, jurisdiction=world.city.jurisdiction, role=Role.DISPATCHER)
    assert not ServiceRequest.objects.visible_to(Actor(user)).filter(visibility="private").exists()


def test_the_reporter_is_only_the_reporter(world: World) -> None:
    """`Actor.reporter` reads no memberships: a dispatcher's own report looks to them as to any reporter."""
    dispatcher = world.staff(Role.DISPATCHER)
    own = report(world.city, dispatcher)
    text = request_document(id=own.pk, actor=Actor.reporter(dispatcher), base_url="").text()
    assert "contact" in json.loads(text)
    assert "reporter" not in json.loads(text)


class TestPhotos:
    def test_in_the_document(self, world: World) -> None:
        ready = photo(world.reporter, request=world.public, state="ready", thumbnail="t.jpg", large="l.jpg")
        pending = photo(world.reporter, request=world.public)
        photo(world.reporter, request=world.public, state=PhotoState.REJECTED, reason="corrupt")
        shown = documents(Actor(None))[str(world.public.pk)]["photos"]
        assert [one["id"] for one in shown] == [str(ready.pk), str(pending.pk)]
        urls = [(one["thumbnail"], one["large"]) for one in shown]
        base = f"https://city.example/api/v1/photos/{ready.pk}"
        assert urls == [(f"{base}/thumbnail", f"{base}/large"), (None, None)]
        assert "original" not in json.dumps(shown)

    @EVERYBODY
    def test_who_sees_them(self, world: World, name: str) -> None:
        who, sees_private, _, _ = VIEWERS[name]
        free, broken = photo(world.reporter), photo(world.reporter, request=world.public, state="rejected", reason="x")
        public, private = (photo(world.reporter, request=request) for request in (world.public, world.private))
        user = who(world)
        expected = {public.pk} | ({private.pk} if sees_private else set())
        if user == world.reporter:
            expected |= {free.pk, broken.pk}
        assert set(Photo.objects.visible_to(Actor(user)).values_list("pk", flat=True)) == expected


class TestForms:
    """What the admin refuses, so that no city's staff reaches into another's requests."""

    def test_a_membership_in_two_cities(self, world: World) -> None:
        membership = Membership(
            user=world.reporter,
            jurisdiction=world.other.jurisdiction,
            department=world.city.departments["roads"],
            role="crew",
        )
        with pytest.raises(ValidationError) as info:
            membership.full_clean()
        assert list(info.value.message_dict) == ["department"]

    def test_a_unit_of_another_citys_agency(self, world: World) -> None:
        unit = Department.objects.get(jurisdiction=world.city.jurisdiction, code="roads-west")
        unit.full_clean()
        unit.parent = world.other.departments["roads"]
        with pytest.raises(ValidationError) as info:
            unit.full_clean()
        assert list(info.value.message_dict) == ["parent"]

    @pytest.mark.parametrize(("country", "subdivision"), [("XX", ""), ("US", "ZZ")])
    def test_a_calendar_that_nobody_knows(self, world: World, country: str, subdivision: str) -> None:
        jurisdiction = world.city.jurisdiction
        jurisdiction.closure_days = []
        jurisdiction.full_clean()
        jurisdiction.holidays_country, jurisdiction.holidays_subdivision = country, subdivision
        with pytest.raises(ValidationError) as info:
            jurisdiction.full_clean()
        assert list(info.value.message_dict) == ["holidays_country"]
