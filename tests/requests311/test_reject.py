"""A report is not taken on, by a reason of the jurisdiction or in the crew's own words."""

from typing import Any

import pytest

from accounts.models import User
from notifications.models import Message
from notifications.rendering import render
from requests311.errors import Invalid
from requests311.models import RejectionReason, ServiceRequest
from requests311.policies import Role
from requests311.rejections import Responsible
from requests311.statuses import Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.crewing import last, told
from tests.requests311.reporting import move, pointers, refused, report

pytestmark = pytest.mark.django_db

STATE = Responsible("State Highways", "511", "https://highways.example/report")


@pytest.fixture
def city() -> SmallCity:
    made = small_city()
    add(made, "private", "It is on private land.", translations={"es": "Es un terreno privado."})
    add(made, "not_ours", "It is not the city's.", names_responsible=True)
    add(
        made,
        "highway",
        "It is a state road.",
        names_responsible=True,
        responsible=STATE.name,
        contact=STATE.contact,
        link=STATE.link,
    )
    add(made, "old", "Nobody says so any more.", active=False)
    return made


def add(city: SmallCity, code: str, text: str, **more: Any) -> None:
    RejectionReason.objects.create(jurisdiction=city.jurisdiction, code=code, text=text, **more)


@pytest.fixture
def crew(city: SmallCity) -> User:
    return person(role=Role.CREW, city=city, department="roads-west")


@pytest.fixture
def request_(city: SmallCity) -> ServiceRequest:
    return report(city, guest())


def body(message: Message, language: str) -> str:
    return render(message.kind, language, message.fallback_language, message.context)[1]


def reject(request: ServiceRequest, by: User, **words: Any) -> ServiceRequest:
    return move(request, by, Status.REJECTED, **words)


def test_the_sentence_of_the_reason_is_the_text_of_the_event(request_: ServiceRequest, crew: User) -> None:
    row = reject(request_, crew, reason="private")
    assert (row.status, row.closed_at) == ("rejected", row.updated_at)
    event = last(request_)
    assert (event.text, event.data["reason"]) == ("It is on private land.", "private")
    assert "responsible" not in event.data


def test_the_crews_own_words_come_after_it(request_: ServiceRequest, crew: User) -> None:
    reject(request_, crew, reason="private", text="Ask the owner.")
    assert last(request_).text == "It is on private land.\nAsk the owner."


def test_the_resident_reads_it_in_their_own_language(request_: ServiceRequest, crew: User) -> None:
    reject(request_, crew, reason="private", text="Ask the owner.")
    [message] = told(last(request_))
    assert message.kind == "request_rejected"
    assert "It is on private land.\nAsk the owner." in body(message, "en")
    assert "Es un terreno privado.\nAsk the owner." in body(message, "es")
    # Of a language that the jurisdiction does not write, its first one.
    assert "It is on private land." in body(message, "fi")


def test_who_is_responsible_stands_with_the_reason(request_: ServiceRequest, crew: User) -> None:
    reject(request_, crew, reason="highway")
    event = last(request_)
    assert event.text == "It is a state road.\nState Highways, 511, https://highways.example/report"
    assert event.data["responsible"] == {"name": STATE.name, "contact": STATE.contact, "link": STATE.link}


def test_who_is_responsible_is_said_with_the_call(request_: ServiceRequest, crew: User) -> None:
    reject(request_, crew, reason="not_ours", responsible=Responsible("Water Board", "555-0100"))
    event = last(request_)
    assert event.text == "It is not the city's.\nWater Board, 555-0100"
    assert event.data["responsible"] == {"name": "Water Board", "contact": "555-0100", "link": ""}


def test_the_call_knows_better_than_the_reason(request_: ServiceRequest, crew: User) -> None:
    reject(request_, crew, reason="highway", responsible=Responsible("Toll Road Co.", "555-0101"))
    assert last(request_).text == "It is a state road.\nToll Road Co., 555-0101"


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ({"reason": "not_ours"}, ("/responsible", "required")),
        ({"reason": "not_ours", "responsible": Responsible("Somebody")}, ("/responsible", "unreachable")),
        ({"reason": "private", "responsible": STATE}, ("/responsible", "not_taken")),
        ({"text": "No.", "responsible": STATE}, ("/responsible", "not_taken")),
        ({"reason": "unheard_of"}, ("/reason", "unknown_value")),
        ({"reason": "old"}, ("/reason", "unknown_value")),
        ({}, ("/text", "required")),
        ({"text": "  "}, ("/text", "required")),
    ],
)
def test_what_is_refused(request_: ServiceRequest, crew: User, words: dict[str, Any], wrong: tuple[str, str]) -> None:
    with refused(Invalid) as info:
        reject(request_, crew, **words)
    assert pointers(info) == [wrong]


def test_another_jurisdictions_reason_is_unknown(request_: ServiceRequest, crew: User) -> None:
    add(small_city("elsewhere", origin=(-90.0, 40.0)), "volcano", "It is a volcano.")
    with refused(Invalid) as info:
        reject(request_, crew, reason="volcano")
    assert pointers(info) == [("/reason", "unknown_value")]


def test_plain_words_will_do_as_ever(request_: ServiceRequest, crew: User) -> None:
    reject(request_, crew, text="There is nothing there.")
    event = last(request_)
    assert event.text == "There is nothing there."
    assert {"reason", "texts", "responsible"}.isdisjoint(event.data)
    [message] = told(event)
    assert "There is nothing there." in body(message, "es")
