"""Notes that only staff reads, comments that everybody reads, and whom they speak to."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from requests311.actions.comment import comment
from requests311.actions.note import note
from requests311.actors import Actor
from requests311.errors import Invalid, NotAllowed, NotFound, StaleVersion
from requests311.models import Follower, Membership, Photo, ServiceRequest
from requests311.policies import Role
from requests311.queries.documents import request_document
from requests311.statuses import Status
from requests311.writing import MENTIONS_AT_MOST
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import does, last, told, version_of
from tests.requests311.reporting import force, photo, pointers, refused, report

pytestmark = pytest.mark.django_db

EITHER = pytest.mark.parametrize("action", [note, comment])


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def ana(city: SmallCity) -> User:
    return person("Ana@City.example", Role.CREW, city, "roads-west")


@pytest.fixture
def reporter() -> User:
    return guest()


@pytest.fixture
def request_(city: SmallCity, reporter: User) -> ServiceRequest:
    return report(city, reporter)


class TestWhatIsWritten:
    def test_a_note_is_for_staff(self, request_: ServiceRequest, crew: User) -> None:
        row = does(note, request_, crew, text="The gate is locked.")
        event = last(request_)
        assert (event.kind, event.audience, event.actor, event.text) == ("noted", "staff", crew, "The gate is locked.")
        assert (row.status, row.version, event.version) == ("submitted", 2, 2)
        assert told(event) == []

    def test_a_comment_is_for_everybody(self, request_: ServiceRequest, crew: User, reporter: User) -> None:
        follower = guest()
        Follower.objects.create(request=request_, user=follower)
        does(comment, request_, crew, text="We come on Tuesday.")
        event = last(request_)
        assert (event.kind, event.audience, event.actor) == ("commented", "public", crew)
        messages = told(event)
        assert {message.recipient for message in messages} == {reporter, follower}
        assert {(message.kind, message.context["text"]) for message in messages} == {
            ("request_commented", "We come on Tuesday.")
        }

    def test_the_reporter_comments_too(self, request_: ServiceRequest, reporter: User) -> None:
        does(comment, request_, reporter, text="It grows.")
        event = last(request_)
        assert (event.actor, event.text) == (reporter, "It grows.")
        assert told(event) == []

    @EITHER
    def test_at_any_time(self, request_: ServiceRequest, crew: User, action: Callable[..., ServiceRequest]) -> None:
        force(request_, Status.CLOSED)
        assert does(action, request_, crew, text="Done well.").status == "closed"


class TestWhoMayNot:
    @EITHER
    def test_strangers_and_other_departments(
        self, request_: ServiceRequest, city: SmallCity, action: Callable[..., ServiceRequest]
    ) -> None:
        others = [person(role=Role.CREW, city=city, department="parks"), person(role=Role.AUDITOR, city=city)]
        for by in (None, guest(), *others):
            with refused(NotAllowed):
                does(action, request_, by, text="Hello.")

    def test_a_reporter_writes_no_note(self, request_: ServiceRequest, reporter: User) -> None:
        with refused(NotAllowed):
            does(note, request_, reporter, text="Hello.")

    @EITHER
    def test_who_may_not_know_of_it(self, city: SmallCity, action: Callable[..., ServiceRequest]) -> None:
        private = report(city, guest(), "heating")
        with refused(NotFound):
            does(action, private, guest(), text="Hello.")

    @EITHER
    def test_who_has_not_seen_the_last_change(
        self, request_: ServiceRequest, crew: User, action: Callable[..., ServiceRequest]
    ) -> None:
        does(note, request_, crew, text="First.")
        with refused(StaleVersion):
            action(by=Actor(crew), key=request_.number, if_version=version_of(request_) - 1, text="Second.")


class TestMentions:
    @EITHER
    @pytest.mark.parametrize(
        "text",
        [
            "@ana@city.example the gate is locked.",
            "Ask @ANA@city.example.",
            "Ask @ana@city.example, (@ana@city.example)",
        ],
    )
    def test_who_is_mentioned_is_told_once(
        self, request_: ServiceRequest, crew: User, ana: User, action: Callable[..., ServiceRequest], text: str
    ) -> None:
        does(action, request_, crew, text=text)
        messages = [message for message in told(last(request_)) if message.kind == "staff_mentioned"]
        assert [(message.recipient, message.context["text"]) for message in messages] == [(ana, text)]

    def test_nobody_is_told_of_what_they_wrote(self, request_: ServiceRequest, ana: User) -> None:
        does(note, request_, ana, text="@ana@city.example remember this.")
        assert told(last(request_)) == []

    @EITHER
    def test_nobody_by_that_address(
        self, request_: ServiceRequest, crew: User, ana: User, action: Callable[..., ServiceRequest]
    ) -> None:
        with refused(Invalid) as info:
            does(action, request_, crew, text="@ana@city.example @bob@city.example look.")
        assert pointers(info) == [("/text", "unknown_mention")]
        assert "bob@city.example" in info.value.errors[0].detail
        assert "ana@city.example" not in info.value.errors[0].detail

    def test_people_who_may_not_read_it_are_unknown(
        self, request_: ServiceRequest, city: SmallCity, crew: User
    ) -> None:
        person("parks@city.example", Role.CREW, city, "parks")
        person("resident@mail.example")
        person("far@else.example", Role.ADMIN, small_city("elsewhere", origin=(-90.0, 40.0)))
        was = person("was@city.example", Role.CREW, city, "roads-west")
        Membership.objects.filter(user=was).update(valid_to=timezone.now())
        gone = person("gone@city.example", Role.CREW, city, "roads-west")
        gone.is_active = False
        gone.save()
        for email in ("parks@city.example", "resident@mail.example", "far@else.example", was.email, gone.email):
            with refused(Invalid) as info:
                does(note, request_, crew, text=f"@{email} look.")
            assert pointers(info) == [("/text", "unknown_mention")], email

    @pytest.mark.parametrize(
        ("role", "department"), [(Role.DISPATCHER, None), (Role.MANAGER, "roads"), (Role.AUDITOR, None)]
    )
    def test_whoever_reads_it_can_be_mentioned(
        self, request_: ServiceRequest, city: SmallCity, crew: User, role: Role, department: str | None
    ) -> None:
        somebody = person("some@city.example", role, city, department)
        does(note, request_, crew, text="@some@city.example look.")
        assert [message.recipient for message in told(last(request_))] == [somebody]

    def test_not_a_whole_city_at_once(self, request_: ServiceRequest, crew: User) -> None:
        with refused(Invalid) as info:
            does(note, request_, crew, text=" ".join(f"@p{n}@city.example" for n in range(MENTIONS_AT_MOST + 1)))
        assert pointers(info) == [("/text", "too_many_mentions")]

    def test_an_address_alone_is_no_mention(self, request_: ServiceRequest, crew: User, ana: User) -> None:
        does(note, request_, crew, text="Write to ana@city.example or x@ana@city.example or @ana.")
        assert told(last(request_)) == []

    def test_a_reporter_mentions_nobody(self, request_: ServiceRequest, reporter: User, ana: User) -> None:
        does(comment, request_, reporter, text="@ana@city.example @nobody@city.example come soon.")
        event = last(request_)
        assert event.data["mentions"] == []
        assert told(event) == []


class TestPhotos:
    def sees(self, by: User | None, shown: Photo) -> bool:
        return Photo.objects.visible_to(Actor(by)).filter(pk=shown.pk).exists()

    def in_document(self, by: User | None, request: ServiceRequest) -> bool:
        text = request_document(id=request.pk, actor=Actor(by), base_url="").text()
        return '"purpose" : "' in text or '"purpose":"' in text

    def test_those_of_a_note_are_for_staff(
        self, request_: ServiceRequest, city: SmallCity, crew: User, ana: User, reporter: User
    ) -> None:
        shown = photo(crew)
        does(note, request_, crew, text="See.", photos=[shown.pk])
        shown.refresh_from_db()
        assert (shown.purpose, shown.audience, shown.event_id) == ("note", "staff", last(request_).pk)
        for by in (ana, person(role=Role.DISPATCHER, city=city), person(role=Role.AUDITOR, city=city)):
            assert self.sees(by, shown)
            assert self.in_document(by, request_)
        others = (None, reporter, guest(), person(role=Role.CREW, city=city, department="parks"))
        for other in others:
            assert not self.sees(other, shown)
            assert not self.in_document(other, request_)

    def test_those_of_a_comment_are_for_everybody(self, request_: ServiceRequest, reporter: User) -> None:
        shown = photo(reporter)
        does(comment, request_, reporter, text="It grows.", photos=[shown.pk])
        shown.refresh_from_db()
        assert (shown.purpose, shown.audience) == ("comment", "public")
        assert self.sees(None, shown)
        assert self.in_document(None, request_)

    @EITHER
    def test_somebody_elses_are_refused(
        self, request_: ServiceRequest, crew: User, ana: User, action: Callable[..., ServiceRequest]
    ) -> None:
        used: dict[str, Any] = {"request": request_}
        for wrong in (photo(ana), photo(crew, **used), photo(crew, state="rejected", reason="No.")):
            with refused(Invalid) as info:
                does(action, request_, crew, text="See.", photos=[photo(crew).pk, wrong.pk])
            assert pointers(info) == [("/photos/1", "photo_not_usable")]
        assert version_of(request_) == 1
