"""How a request ends: the resolutions of its service, and the photo of what was done."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import deadlines
from requests311.errors import Invalid
from requests311.models import Photo, ServiceRequest
from requests311.policies import Role
from requests311.statuses import Resolution, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import last
from tests.requests311.reporting import move, photo, pointers, refused, report

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def request_(city: SmallCity, crew: User) -> ServiceRequest:
    return move(report(city, guest()), crew, S.ACKNOWLEDGED)


def resolve(request: ServiceRequest, by: User, resolution: str = "fixed", *photos: Photo) -> ServiceRequest:
    return move(request, by, S.RESOLVED, resolution=resolution, photos=[one.pk for one in photos])


class TestTheServicesOwnResolutions:
    @pytest.fixture(autouse=True)
    def own(self, city: SmallCity) -> None:
        service = city.services["pothole"]
        service.resolutions = ["fixed", "nothing_found"]
        service.save()

    def test_another_one_is_refused_and_the_allowed_are_named(self, request_: ServiceRequest, crew: User) -> None:
        for wrong, code in (("referred", "unknown_value"), ("", "required")):
            with refused(Invalid) as info:
                resolve(request_, crew, wrong)
            assert pointers(info) == [("/resolution", code)]
            assert "fixed, nothing_found" in info.value.errors[0].detail

    def test_its_own_are_taken(self, request_: ServiceRequest, crew: User) -> None:
        assert resolve(request_, crew, "nothing_found").resolution == "nothing_found"


@pytest.mark.parametrize("resolution", Resolution.values)
def test_a_service_without_a_list_takes_all(request_: ServiceRequest, crew: User, resolution: str) -> None:
    assert resolve(request_, crew, resolution).resolution == resolution


class TestACompletionPhoto:
    @pytest.fixture(autouse=True)
    def demanded(self, city: SmallCity) -> None:
        service = city.services["pothole"]
        service.completion_photo = True
        service.save()

    def is_refused(self, request: ServiceRequest, by: User) -> None:
        with refused(Invalid) as info:
            resolve(request, by)
        assert pointers(info) == [("/photos", "required")]
        assert "Pothole" in info.value.errors[0].detail

    def test_without_one_it_is_refused(self, request_: ServiceRequest, crew: User) -> None:
        self.is_refused(request_, crew)

    def test_one_in_the_call_will_do_and_everybody_sees_it(self, request_: ServiceRequest, crew: User) -> None:
        shown = photo(crew)
        resolve(request_, crew, "fixed", shown)
        shown.refresh_from_db()
        assert (shown.request_id, shown.purpose, shown.audience) == (request_.pk, "completion", "public")
        assert shown.event_id == last(request_).pk

    def test_somebody_elses_will_not(self, request_: ServiceRequest, crew: User) -> None:
        with refused(Invalid) as info:
            resolve(request_, crew, "fixed", photo(crew), photo(guest()))
        assert pointers(info) == [("/photos/1", "photo_not_usable")]
        assert ServiceRequest.objects.get(pk=request_.pk).status == "acknowledged"

    @pytest.mark.parametrize("purpose", ["completion", "handover"])
    def test_one_that_is_there_will_do(self, request_: ServiceRequest, crew: User, purpose: str) -> None:
        photo(crew, request=request_, purpose=purpose)
        assert resolve(request_, crew).status == "resolved"

    @pytest.mark.parametrize("purpose", ["report", "comment", "note", "answer"])
    def test_a_photo_of_something_else_will_not(self, request_: ServiceRequest, crew: User, purpose: str) -> None:
        photo(crew, request=request_, purpose=purpose)
        self.is_refused(request_, crew)

    def test_a_rejected_one_will_not(self, request_: ServiceRequest, crew: User) -> None:
        photo(crew, request=request_, purpose="completion", state="rejected", reason="Not a picture.")
        self.is_refused(request_, crew)

    def test_one_of_before_it_was_reopened_will_not(self, request_: ServiceRequest, crew: User) -> None:
        resolve(request_, crew, "fixed", photo(crew))
        move(request_, crew, S.ACKNOWLEDGED, text="It broke again.")
        self.is_refused(request_, crew)
        resolve(request_, crew, "fixed", photo(crew))

    def test_other_services_demand_none(self, city: SmallCity) -> None:
        by = person(role=Role.CREW, city=city, department="roads")
        request = report(city, guest(), "heating")
        move(request, by, S.ACKNOWLEDGED)
        assert resolve(request, by).status == "resolved"


def test_reopening_clears_the_resolution_and_sets_due_anew(request_: ServiceRequest, crew: User) -> None:
    resolve(request_, crew)
    submitted = timezone.now() - timedelta(days=30)
    ServiceRequest.objects.filter(pk=request_.pk).update(
        submitted_at=submitted, due_at=None, first_response_due_at=None
    )
    row = move(request_, crew, S.ACKNOWLEDGED, text="It broke again.")
    row.refresh_from_db()
    assert (row.status, row.resolution, row.resolved_at) == ("acknowledged", "", None)
    assert row.due_at == deadlines.due_at(row.service, row.jurisdiction, submitted_at=submitted)
    assert row.due_at is not None
