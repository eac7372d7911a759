"""A contractor without an account gets a link, and says when the work is done."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.models import User
from requests311 import links
from requests311.actions.hand_over import hand_over
from requests311.actions.report_done import report_done
from requests311.actions.revoke_handover import revoke_handover
from requests311.actors import Actor
from requests311.errors import (
    IllegalTransition,
    Invalid,
    LinkOver,
    NotAllowed,
    NotFound,
    ReportedAlready,
    StaleVersion,
)
from requests311.models import EventKind, Handover, Photo, ServiceRequest
from requests311.policies import Role
from requests311.queries.links import read_handover
from requests311.statuses import OPEN, Status
from tests.api.asking import in_parallel
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import does, last, told, version_of
from tests.requests311.reporting import force, move, photo, pointers, refused, report
from tests.requests311.shown import history, open311

pytestmark = pytest.mark.django_db

S = Status
EMAIL = "works@contractor.example"


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def request_(city: SmallCity) -> ServiceRequest:
    return report(city, guest(), description="A hole at the kerb.")


@pytest.fixture
def handover(request_: ServiceRequest, crew: User) -> Handover:
    return handed_over(request_, crew)


def handed_over(request: ServiceRequest, by: User) -> Handover:
    does(hand_over, request, by, email=EMAIL)
    return Handover.objects.order_by("-pk")[0]


def link(handover: Handover) -> str:
    return links.token_for(links.Purpose.HANDOVER, handover.pk)


def says(handover: Handover, *, done: bool = True, by: User | None = None, photos: "list[Photo] | None" = None) -> None:
    report_done(by=by, token=link(handover), done=done, text="Filled.", photos=[one.pk for one in photos or []])


class TestHandingOver:
    def test_the_contractor_gets_the_link(self, request_: ServiceRequest, crew: User, handover: Handover) -> None:
        assert (handover.email, handover.by) == (EMAIL, crew)
        assert handover.expires_at - handover.at == timedelta(days=14)
        event = last(request_)
        assert (event.kind, event.audience, event.actor) == ("handed_over", "staff", crew)
        [message] = told(event)
        assert (message.kind, message.recipient, message.address) == ("handover_link", None, EMAIL)
        assert message.context["link"].endswith(f"/api/v1/handovers/{link(handover)}")
        assert message.context["text"] == "A hole at the kerb."

    def test_only_staff_reads_to_whom(self, request_: ServiceRequest, crew: User, handover: Handover) -> None:
        assert EMAIL in history(request_, crew)
        assert EMAIL not in history(request_, None) + open311(request_)

    def test_a_day_of_their_own(self, request_: ServiceRequest, crew: User) -> None:
        expires = timezone.now() + timedelta(days=89)
        does(hand_over, request_, crew, email=EMAIL, expires=expires)
        assert Handover.objects.get().expires_at == expires

    @pytest.mark.parametrize("days", [90.001, 0, -1, 4000])
    def test_no_longer_than_ninety_days(self, request_: ServiceRequest, crew: User, days: float) -> None:
        with refused(Invalid) as info:
            does(hand_over, request_, crew, email=EMAIL, expires=timezone.now() + timedelta(days=days))
        assert pointers(info) == [("/expires", "out_of_range")]

    @pytest.mark.parametrize("status", [status for status in Status if status not in OPEN])
    def test_what_is_over_is_handed_to_nobody(self, request_: ServiceRequest, crew: User, status: Status) -> None:
        force(request_, status)
        with refused(IllegalTransition):
            does(hand_over, request_, crew, email=EMAIL)

    def test_who_may_not(self, request_: ServiceRequest, city: SmallCity) -> None:
        auditor, parks = person(role=Role.AUDITOR, city=city), person(role=Role.CREW, city=city, department="parks")
        for by in (request_.reporter, guest(), None, auditor, parks):
            with refused(NotAllowed):
                does(hand_over, request_, by, email=EMAIL)

    def test_what_was_changed_meanwhile(self, request_: ServiceRequest, crew: User, handover: Handover) -> None:
        old = version_of(request_) - 1
        with refused(StaleVersion):
            hand_over(by=Actor(crew), key=request_.number, if_version=old, email=EMAIL)
        with refused(StaleVersion):
            revoke_handover(by=Actor(crew), key=request_.number, if_version=old, handover_id=handover.pk)


class TestRevoking:
    def test_the_link_is_good_no_more(self, request_: ServiceRequest, crew: User, handover: Handover) -> None:
        does(revoke_handover, request_, crew, handover_id=handover.pk)
        with refused(LinkOver):
            read_handover(link(handover))
        with refused(LinkOver):
            says(handover)
        event = last(request_)
        assert (event.kind, event.audience, event.data["handover"]) == ("handover_revoked", "staff", str(handover.pk))

    def test_who_was_not_told_yet_is_not_told(self, request_: ServiceRequest, crew: User, handover: Handover) -> None:
        made = last(request_)
        does(revoke_handover, request_, crew, handover_id=handover.pk)
        assert told(made) == []

    def test_once_and_only_of_that_request(self, city: SmallCity, request_: ServiceRequest, crew: User) -> None:
        elsewhere = handed_over(report(city, guest()), crew)
        mine = handed_over(request_, crew)
        does(revoke_handover, request_, crew, handover_id=mine.pk)
        for wrong in (mine.pk, elsewhere.pk, uuid4()):
            with refused(NotFound):
                does(revoke_handover, request_, crew, handover_id=wrong)
        read_handover(link(elsewhere))

    def test_who_may_not(self, request_: ServiceRequest, city: SmallCity, handover: Handover) -> None:
        parks = person(role=Role.CREW, city=city, department="parks")
        for by in (request_.reporter, guest(), None, parks):
            with refused(NotAllowed):
                does(revoke_handover, request_, by, handover_id=handover.pk)


class TestReporting:
    def test_done(self, request_: ServiceRequest, crew: User, handover: Handover) -> None:
        says(handover)
        handover.refresh_from_db()
        assert handover.done_at is not None
        event = last(request_)
        assert (event.kind, event.text, event.audience, event.actor) == ("reported_done", "Filled.", "staff", None)
        assert (event.data["done"], event.data["handover"]) == (True, str(handover.pk))
        # Staff confirms it; until then nothing has moved.
        assert ServiceRequest.objects.get(pk=request_.pk).status == "submitted"
        assert [(message.kind, message.recipient) for message in told(event)] == [("staff_handed_over_done", crew)]
        assert "Filled." not in history(request_, None) + open311(request_)

    def test_done_once(self, request_: ServiceRequest, handover: Handover) -> None:
        says(handover)
        for done in (True, False):
            with refused(ReportedAlready):
                says(handover, done=done)
        assert request_.events.filter(kind=EventKind.REPORTED_DONE).count() == 1

    def test_not_done_as_often_as_need_be(self, request_: ServiceRequest, handover: Handover) -> None:
        says(handover, done=False)
        says(handover, done=False)
        handover.refresh_from_db()
        assert handover.done_at is None
        says(handover)
        done = request_.events.filter(kind=EventKind.REPORTED_DONE).order_by("version")
        assert [event.data["done"] for event in done] == [False, False, True]

    def test_one_link_says_nothing_of_another(self, request_: ServiceRequest, crew: User, handover: Handover) -> None:
        says(handover)
        says(handed_over(request_, crew))

    def test_a_link_that_has_expired(self, handover: Handover) -> None:
        past = timezone.now() - timedelta(days=1)
        Handover.objects.update(at=past - timedelta(days=1), expires_at=past)
        with refused(LinkOver):
            says(handover)
        with refused(LinkOver):
            read_handover(link(handover))

    @pytest.mark.parametrize("status", [status for status in Status if status not in OPEN])
    def test_a_request_that_is_over(self, request_: ServiceRequest, handover: Handover, status: Status) -> None:
        force(request_, status)
        with refused(LinkOver):
            says(handover)
        with refused(LinkOver):
            read_handover(link(handover))

    def test_a_token_that_is_not_ours(self, handover: Handover) -> None:
        good = link(handover)
        wrong = [
            links.token_for(links.Purpose.ANSWER, handover.pk),
            links.token_for(links.Purpose.HANDOVER, uuid4()),
            good[:-1],
            str(handover.pk),
            "x",
        ]
        for token in wrong:
            with refused(NotFound):
                report_done(by=None, token=token, done=True, text="Filled.")
            with refused(NotFound):
                read_handover(token)


class TestPhotos:
    def test_everybody_sees_them_once_it_is_resolved(
        self, request_: ServiceRequest, crew: User, handover: Handover
    ) -> None:
        contractor = guest()
        shown = photo(contractor)
        says(handover, by=contractor, photos=[shown])
        shown.refresh_from_db()
        assert (shown.request_id, shown.purpose, shown.audience) == (request_.pk, "handover", "staff")
        assert shown.event_id == last(request_).pk

        def seen() -> list[bool]:
            people = (None, request_.reporter, crew)
            return [Photo.objects.visible_to(Actor(by)).filter(pk=shown.pk).exists() for by in people]

        assert seen() == [False, False, True]
        move(request_, crew, S.ACKNOWLEDGED)
        assert seen() == [False, False, True]
        move(request_, crew, S.RESOLVED, resolution="fixed")
        assert seen() == [True, True, True]

    def test_they_show_what_was_done(self, city: SmallCity, request_: ServiceRequest, crew: User) -> None:
        service = city.services["pothole"]
        service.completion_photo = True
        service.save()
        move(request_, crew, S.ACKNOWLEDGED)
        with refused(Invalid):
            move(request_, crew, S.RESOLVED, resolution="fixed")
        contractor = guest()
        says(handed_over(request_, crew), by=contractor, photos=[photo(contractor)])
        assert move(request_, crew, S.RESOLVED, resolution="fixed").status == "resolved"

    def test_not_somebody_elses(self, handover: Handover) -> None:
        for by in (None, guest()):
            with refused(Invalid) as info:
                says(handover, by=by, photos=[photo(guest())])
            assert pointers(info) == [("/photos/0", "photo_not_usable")]
        handover.refresh_from_db()
        assert handover.done_at is None


@pytest.mark.django_db(transaction=True)
def test_done_at_the_same_moment_is_done_once() -> None:
    city = small_city()
    request = report(city, guest())
    handover = handed_over(request, person(role=Role.CREW, city=city, department="roads-west"))

    def run() -> str:
        try:
            says(handover)
        except ReportedAlready:
            return "late"
        return "first"

    assert sorted(in_parallel([run, run])) == ["first", "late"]
    assert request.events.filter(kind=EventKind.REPORTED_DONE).count() == 1
