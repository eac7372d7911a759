"""servicerequestupdates as mySociety defined it: what happened to requests, and what another system says of one."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from requests311.models import Event, ReceivedUpdate, ServiceRequest
from requests311.statuses import OPEN, Status
from tests.api.open311.keys import make_key
from tests.api.open311.making import ago, changed, form, reported, rows, said, sandbox_of, w3c
from tests.api.open311.reading import W3C, Answer, Speaker, refused
from tests.factories.cities import SmallCity, person, small_city
from tests.requests311.reporting import move, report, request_row

pytestmark = pytest.mark.django_db

FIELDS = {"update_id", "service_request_id", "status", "updated_datetime", "description", "media_url"}


# --- GET ---------------------------------------------------------------------------------------------


def updates(speak: Speaker, **query: Any) -> list[dict[str, Any]]:
    answer = speak.get("servicerequestupdates", query)
    assert answer.status == 200, answer.content
    assert answer.root in {"", "service_request_updates"}
    assert isinstance(answer.content, list)
    return answer.content


def test_what_an_update_says(speak: Speaker, city: SmallCity) -> None:
    crew = person(role="crew", city=city, department="roads-west")
    request = report(city, person())
    move(request, crew, Status.ACKNOWLEDGED, text='We saw "it" & <come>.')
    event = Event.objects.get(request=request, kind="status_changed")
    (update,) = updates(speak)
    assert set(update) == FIELDS
    assert isinstance(update["update_id"], str)
    assert update["update_id"]
    assert update["service_request_id"] == request.number
    assert update["status"].lower() == "open"
    assert W3C.fullmatch(update["updated_datetime"])
    assert update["updated_datetime"] == event.at.replace(microsecond=0).isoformat()
    assert update["description"] == 'We saw "it" & <come>.'
    assert update["media_url"] is None


def test_none_is_an_empty_list(speak: Speaker, city: SmallCity) -> None:
    # That a request was submitted is no update of it.
    report(city, person())
    assert updates(speak) == []


@pytest.mark.parametrize("status", Status.values)
def test_the_status_after_an_update(speak: Speaker, city: SmallCity, status: str) -> None:
    said(reported(city), "So it is.", to_status=status)
    (update,) = updates(speak)
    assert update["status"].lower() == ("open" if status in OPEN else "closed")


def test_each_has_an_id_of_its_own_that_stays(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    for text in ("one", "two", "three"):
        said(request, text)
    first = updates(speak)
    assert len({update["update_id"] for update in first}) == 3
    assert updates(speak) == first


def test_the_oldest_first(speak: Speaker, city: SmallCity) -> None:
    one, other = reported(city), reported(city)
    said(one, "first", at=ago(hours=3))
    said(other, "second", at=ago(hours=2))
    said(one, "third", at=ago(hours=1))
    assert [update["description"] for update in updates(speak)] == ["first", "second", "third"]


def test_between_two_times_of_the_update(speak: Speaker, city: SmallCity) -> None:
    request = reported(city, at=ago(days=800))
    moments = {days: ago(days=days) for days in (20, 15, 10)}
    for days, moment in moments.items():
        said(request, str(days), at=moment)

    def told(**query: str) -> list[str]:
        return [update["description"] for update in updates(speak, **query)]

    assert told(start_date=w3c(moments[15])) == ["15", "10"]
    assert told(end_date=w3c(moments[15])) == ["20", "15"]
    assert told(start_date=w3c(ago(days=17)), end_date=w3c(ago(days=12))) == ["15"]
    assert told(start_date="", end_date="") == ["20", "15", "10"]


def test_ninety_days_at_most(speak: Speaker, city: SmallCity) -> None:
    query = {"start_date": w3c(ago(days=100)), "end_date": w3c(ago(days=5))}
    refused(speak.get("servicerequestupdates", query), 400, "90 days")
    refused(speak.get("servicerequestupdates", {"start_date": "soon"}), 400, "start_date")


def test_the_last_ninety_days_by_default(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    said(request, "old", at=ago(days=91))
    said(request, "new", at=ago(days=89))
    assert [update["description"] for update in updates(speak)] == ["new"]


def test_the_first_thousand_by_default(speak: Speaker, city: SmallCity) -> None:
    requests = rows(request_row(city) for _ in range(1001))
    begin = ago(hours=20)
    Event.objects.bulk_create(
        Event(
            request=request,
            version=1,
            kind="status_changed",
            at=begin + timedelta(seconds=second),
            to_status="assigned",
            text=str(second),
        )
        for second, request in enumerate(requests)
    )
    assert [update["description"] for update in updates(speak)] == [str(second) for second in range(1000)]


def test_what_is_said_late_is_not_lost(speak: Speaker, city: SmallCity) -> None:
    """A crew without a network writes down days later when it happened."""
    said(reported(city), "late", at=ago(days=20))
    found = updates(speak, start_date=w3c(ago(days=21)), end_date=w3c(ago(days=19)))
    assert [update["description"] for update in found] == ["late"]


def test_what_is_not_for_the_public_is_not_there(speak: Speaker, city: SmallCity) -> None:
    said(reported(city), "for us", audience="staff")
    said(reported(city, visibility="private"), "at home")
    assert updates(speak) == []


def test_each_jurisdiction_has_its_own(speak: Speaker, city: SmallCity) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    said(reported(city), "here")
    assert updates(speak, jurisdiction_id="otherton") == []
    assert len(updates(speak, jurisdiction_id="smallville")) == 1
    refused(speak.get("servicerequestupdates"), 400, "jurisdiction_id required")


# --- POST --------------------------------------------------------------------------------------------


@pytest.fixture
def request_of(city: SmallCity, api_key: str, speak: Speaker) -> ServiceRequest:
    """Reported with the key that then tells of it."""
    (entry,) = speak.post("requests", form(city, api_key)).content
    return ServiceRequest.objects.get(number=entry["service_request_id"])


def tell(speak: Speaker, api_key: str | None, request: ServiceRequest, **more: Any) -> Answer:
    values = {
        "api_key": api_key,
        "update_id": "u-1",
        "service_request_id": request.number,
        "updated_datetime": w3c(timezone.now()),
        "status": "OPEN",
        "description": "A crew was there.",
        **more,
    }
    return speak.post("servicerequestupdates", {name: value for name, value in values.items() if value is not None})


def texts(request: ServiceRequest) -> list[str]:
    return list(Event.objects.filter(request=request).exclude(text="").values_list("text", flat=True))


def test_an_update_goes_onto_our_timeline(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    answer = tell(speak, api_key, request_of, description="Größer & <tiefer>")
    assert (answer.status, answer.content) == (200, [{"update_id": "u-1"}])
    assert answer.root in {"", "service_request_updates"}
    assert texts(request_of) == ["Größer & <tiefer>"]
    request_of.refresh_from_db()
    assert request_of.status in OPEN


@pytest.mark.parametrize("status", ["CLOSED", "closed"])
def test_an_update_closes(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest, status: str
) -> None:
    assert tell(speak, api_key, request_of, status=status).status == 200
    assert speak.get(f"requests/{request_of.number}").content[0]["status"] == "closed"


def test_the_same_update_again_is_400_and_told_once(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    assert tell(speak, api_key, request_of).status == 200
    refused(tell(speak, api_key, request_of, description="Again."), 400, "update_id")
    assert texts(request_of) == ["A crew was there."]
    assert tell(speak, api_key, request_of, update_id="u-2", description="Another.").status == 200
    assert texts(request_of) == ["A crew was there.", "Another."]


@pytest.mark.parametrize("name", ["update_id", "service_request_id", "updated_datetime"])
def test_what_is_required(speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest, name: str) -> None:
    for value in (None, ""):
        refused(tell(speak, api_key, request_of, **{name: value}), 400, f"{name} required")
    assert texts(request_of) == []


@pytest.mark.parametrize(
    "wrong", [{"status": "on the moon"}, {"updated_datetime": "soon"}, {"description": "x" * 4001}]
)
def test_what_is_wrong(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest, wrong: dict[str, str]
) -> None:
    refused(tell(speak, api_key, request_of, **wrong), 400, *wrong)


def test_a_time_without_a_zone_is_the_jurisdiction_s(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    from zoneinfo import ZoneInfo

    changed(request_of, submitted_at=ago(days=2))
    moment = ago(hours=2)
    local = moment.astimezone(ZoneInfo("America/Chicago")).strftime("%Y-%m-%dT%H:%M:%S")
    assert tell(speak, api_key, request_of, updated_datetime=local).status == 200
    assert ReceivedUpdate.objects.get().at == moment


def test_an_unknown_request(speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest) -> None:
    refused(tell(speak, api_key, request_of, service_request_id="0000-0000"), 404)


@pytest.mark.parametrize("given", [None, "", "wrong"])
def test_without_a_good_key(speak: Speaker, city: SmallCity, request_of: ServiceRequest, given: str | None) -> None:
    refused(tell(speak, given, request_of), 403, "api_key")
    assert texts(request_of) == []


def test_another_client_tells_nothing_of_it(speak: Speaker, city: SmallCity, request_of: ServiceRequest) -> None:
    answer = tell(speak, make_key("Another"), request_of, status="CLOSED")
    assert answer.status in {403, 404}
    refused(answer, answer.status)
    assert texts(request_of) == []
    request_of.refresh_from_db()
    assert request_of.status in OPEN


def test_the_update_ids_of_two_clients_are_apart(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    other = make_key("Another")
    (entry,) = speak.post("requests", form(city, other)).content
    theirs = ServiceRequest.objects.get(number=entry["service_request_id"])
    assert tell(speak, api_key, request_of).status == tell(speak, other, theirs).status == 200


def test_of_another_jurisdiction_s_request(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    refused(tell(speak, api_key, request_of), 400, "jurisdiction_id required")
    answer = tell(speak, api_key, request_of, jurisdiction_id="otherton")
    assert answer.status in {403, 404}
    refused(answer, answer.status)
    assert texts(request_of) == []
    assert tell(speak, api_key, request_of, jurisdiction_id="smallville").status == 200


def test_a_test_key_tells_of_no_real_request(
    speak: Speaker, city: SmallCity, sandbox_key: str, request_of: ServiceRequest
) -> None:
    sandbox_of(city)
    answer = tell(speak, sandbox_key, request_of)
    assert answer.status in {403, 404}
    assert texts(request_of) == []


def test_what_was_posted_can_be_read(speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest) -> None:
    tell(speak, api_key, request_of)
    assert "A crew was there." in [update["description"] for update in updates(speak)]


def test_an_update_that_was_read_stays_as_it_was(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    tell(speak, api_key, request_of)
    (before,) = updates(speak)
    assert before["status"].lower() == "open"
    tell(speak, api_key, request_of, update_id="u-2", status="CLOSED")
    assert updates(speak)[0] == before


def test_arguments_that_nobody_knows_are_let_be(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    more = {"first_name": "Ada", "last_name": "L", "email": "a@example.org", "public_anonymity_required": "TRUE",
            "title": "MRS", "media_url": ""}  # fmt: skip
    assert tell(speak, api_key, request_of, **more).status == 200


def test_pictures_of_an_update_are_fetched(
    speak: Speaker, city: SmallCity, api_key: str, request_of: ServiceRequest
) -> None:
    tell(speak, api_key, request_of, media_url="http://pictures.example/done.jpg")
    assert [fetch.url for fetch in request_of.photo_fetches.all()] == ["http://pictures.example/done.jpg"]
