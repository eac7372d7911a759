"""A request moves through its life: what is written, and who may not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from requests311.actions.transition import transition
from requests311.actors import Actor
from requests311.errors import IllegalTransition, NotAllowed, NotFound, StaleVersion
from requests311.models import Event, Membership, ServiceRequest
from requests311.policies import Role
from requests311.statuses import Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, move, refused, report

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def crew(city: SmallCity) -> User:
    """Of the west yard, which has the reports of these tests."""
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def reporter() -> User:
    return guest()


@pytest.fixture
def request_(city: SmallCity, reporter: User) -> ServiceRequest:
    return report(city, reporter)


class TestWhatIsWritten:
    def test_the_whole_way(self, request_: ServiceRequest, crew: User) -> None:
        move(request_, crew, S.ACKNOWLEDGED, text="Seen.")
        move(request_, crew, S.ASSIGNED)
        move(request_, crew, S.IN_PROGRESS)
        move(request_, crew, S.RESOLVED, resolution="temporary_repair", text="Cold patch.")
        move(request_, crew, S.CLOSED)
        row = ServiceRequest.objects.get(pk=request_.pk)
        assert (row.status, row.version, row.resolution) == ("closed", 6, "temporary_repair")
        events = list(Event.objects.filter(request=row).order_by("version"))
        ways = [(event.version, event.from_status, event.to_status, event.text) for event in events[1:]]
        assert ways == [
            (2, "submitted", "acknowledged", "Seen."),
            (3, "acknowledged", "assigned", ""),
            (4, "assigned", "in_progress", ""),
            (5, "in_progress", "resolved", "Cold patch."),
            (6, "resolved", "closed", ""),
        ]
        assert {(event.kind, event.actor, event.audience) for event in events[1:]} == {
            ("status_changed", crew, "public")
        }
        assert [event.data.get("resolution") for event in events[1:]] == [None, None, None, "temporary_repair", None]
        assert {event.data["number"] for event in events} == {row.number}
        assert (row.acknowledged_at, row.resolved_at, row.closed_at) == (events[1].at, events[4].at, events[5].at)
        assert row.updated_at == events[5].at

    def test_the_event_is_found_by_number_as_people_write_it(self, request_: ServiceRequest, crew: User) -> None:
        key = request_.number.replace("-", " ").lower()
        moved = transition(by=Actor(crew), key=key, to=S.ACKNOWLEDGED, if_version=1)
        assert moved.pk == request_.pk

    def test_the_first_acknowledgement_is_kept(self, request_: ServiceRequest, crew: User) -> None:
        first = move(request_, crew, S.ACKNOWLEDGED).acknowledged_at
        move(request_, crew, S.ASSIGNED)
        assert move(request_, crew, S.ACKNOWLEDGED).acknowledged_at == first

    def test_who_takes_it_has_it(self, request_: ServiceRequest, crew: User, city: SmallCity) -> None:
        move(request_, crew, S.ACKNOWLEDGED)
        assert move(request_, crew, S.ASSIGNED).assignee == crew
        colleague = person(role=Role.CREW, city=city, department="roads-west")
        move(request_, colleague, S.ACKNOWLEDGED)
        assert move(request_, colleague, S.ASSIGNED).assignee_id == crew.pk

    @pytest.mark.parametrize("to", [S.REJECTED, S.WITHDRAWN])
    def test_the_other_ends(self, request_: ServiceRequest, reporter: User, crew: User, to: Status) -> None:
        row = move(request_, reporter if to == S.WITHDRAWN else crew, to, text="Because.")
        assert row.closed_at == row.updated_at
        assert row.resolved_at is None


class TestReopening:
    def resolved(self, request: ServiceRequest, crew: User, *, days_ago: float) -> None:
        move(request, crew, S.ACKNOWLEDGED)
        move(request, crew, S.RESOLVED, resolution="fixed")
        at = timezone.now() - timedelta(days=days_ago)
        ServiceRequest.objects.filter(pk=request.pk).update(resolved_at=at)

    def test_the_resolution_is_gone(self, request_: ServiceRequest, crew: User, reporter: User) -> None:
        self.resolved(request_, crew, days_ago=0)
        row = move(request_, reporter, S.ACKNOWLEDGED, text="Still there.")
        assert (row.status, row.resolution, row.resolved_at) == ("acknowledged", "", None)
        assert row.events.get(version=4).from_status == "resolved"

    def test_the_reporters_window(self, request_: ServiceRequest, crew: User, reporter: User) -> None:
        self.resolved(request_, crew, days_ago=14.01)
        with refused(NotAllowed) as info:
            move(request_, reporter, S.ACKNOWLEDGED, text="Still there.")
        assert "14 days" in info.value.detail
        ServiceRequest.objects.update(resolved_at=timezone.now() - timedelta(days=13.99))
        assert move(request_, reporter, S.ACKNOWLEDGED, text="Still there.").status == S.ACKNOWLEDGED

    def test_it_is_the_citys(self, request_: ServiceRequest, crew: User, reporter: User, city: SmallCity) -> None:
        self.resolved(request_, crew, days_ago=1)
        city.jurisdiction.reopen_days = 0
        city.jurisdiction.save()
        with refused(NotAllowed):
            move(request_, reporter, S.ACKNOWLEDGED, text="Still there.")

    def test_staff_has_no_window(self, request_: ServiceRequest, crew: User) -> None:
        self.resolved(request_, crew, days_ago=400)
        assert move(request_, crew, S.ACKNOWLEDGED, text="Still there.").status == S.ACKNOWLEDGED

    def test_nor_has_staff_that_reported_it(self, city: SmallCity, crew: User) -> None:
        request = report(city, crew)
        self.resolved(request, crew, days_ago=400)
        assert move(request, crew, S.ACKNOWLEDGED, text="Still there.").status == S.ACKNOWLEDGED


class TestWhoMayNot:
    def test_a_stranger(self, request_: ServiceRequest) -> None:
        for stranger in (Actor(None), Actor(guest())):
            with refused(NotAllowed):
                transition(by=stranger, key=str(request_.pk), to=S.ACKNOWLEDGED, if_version=1)

    def test_another_department(self, request_: ServiceRequest, city: SmallCity) -> None:
        for department in ("roads-east", "parks", "desk"):
            with refused(NotAllowed):
                move(request_, person(role=Role.CREW, city=city, department=department), S.ACKNOWLEDGED)

    def test_an_agency_works_for_its_units(self, request_: ServiceRequest, city: SmallCity) -> None:
        agency = person(role=Role.CREW, city=city, department="roads")
        assert move(request_, agency, S.ACKNOWLEDGED).status == S.ACKNOWLEDGED

    def test_a_unit_does_not_work_for_its_agency(self, city: SmallCity, crew: User) -> None:
        light = report(city, guest(), "streetlight", attributes={"pole_id": "1"})
        assert light.department.code == "roads"
        with refused(NotAllowed):
            move(light, crew, S.ACKNOWLEDGED)

    def test_an_auditor_reads_only(self, request_: ServiceRequest, city: SmallCity) -> None:
        with refused(NotAllowed):
            move(request_, person(role=Role.AUDITOR, city=city), S.ACKNOWLEDGED)

    @pytest.mark.parametrize(("from_", "to", "works"), [(None, -1, False), (1, None, False), (-1, 1, True)])
    def test_a_membership_has_its_time(
        self, request_: ServiceRequest, crew: User, from_: int | None, to: int | None, works: bool
    ) -> None:
        first, last = (days if days is None else timezone.now() + timedelta(days=days) for days in (from_, to))
        Membership.objects.filter(user=crew).update(valid_from=first, valid_to=last)
        if works:
            assert move(request_, crew, S.ACKNOWLEDGED).status == S.ACKNOWLEDGED
        else:
            with refused(NotAllowed):
                move(request_, crew, S.ACKNOWLEDGED)

    def test_the_dispatcher_of_another_city(self, request_: ServiceRequest, city: SmallCity) -> None:
        dispatcher = person(role=Role.DISPATCHER, city=small_city("otherton", origin=(-90.0, 40.0)))
        with refused(NotAllowed):
            move(request_, dispatcher, S.ACKNOWLEDGED)
        with refused(NotFound):
            move(report(city, guest(), "heating"), dispatcher, S.ACKNOWLEDGED)

    def test_a_unit_put_under_another_citys_agency(self, city: SmallCity, request_: ServiceRequest) -> None:
        other = small_city("otherton", origin=(-90.0, 40.0))
        crew = person(role=Role.CREW, city=other, department="roads")
        city.departments["roads-west"].parent = other.departments["roads"]
        city.departments["roads-west"].save()
        with refused(NotAllowed):
            move(request_, crew, S.ACKNOWLEDGED)

    @pytest.mark.parametrize("key", ["", "nothing", "0000-0000", "7K3F-9QTX", "01890000-0000-7000-8000-000000000000"])
    def test_absent_is_not_found(self, request_: ServiceRequest, crew: User, key: str) -> None:
        with refused(NotFound):
            transition(by=Actor(crew), key=key, to=S.ACKNOWLEDGED, if_version=1)


class TestVersion:
    @pytest.mark.parametrize("version", [0, 1, 3])
    def test_a_stale_one(self, request_: ServiceRequest, crew: User, version: int) -> None:
        move(request_, crew, S.ACKNOWLEDGED)
        with refused(StaleVersion) as info:
            transition(by=Actor(crew), key=str(request_.pk), to=S.ASSIGNED, if_version=version)
        assert info.value.extra == {"version": 2}

    def test_it_is_said_before_the_table_is_asked(self, request_: ServiceRequest, crew: User) -> None:
        """Who reads an old version decides anew, instead of learning that the move is illegal now."""
        force(request_, S.CLOSED)
        with refused(StaleVersion):
            transition(by=Actor(crew), key=str(request_.pk), to=S.ACKNOWLEDGED, if_version=0)
        with refused(IllegalTransition):
            transition(by=Actor(crew), key=str(request_.pk), to=S.ACKNOWLEDGED, if_version=1)
