"""POST /crew/sync: what a crew's phone did while it had no network."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from requests311.models import Event, EventKind, Photo, ServiceRequest, SyncedOperation
from requests311.offline import KEPT, forget_old
from tests.api.asking import API, in_parallel, move, refused, submitted, uploaded
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

AT = "2026-01-01T08:00:00+00:00"


def sync(client: APIClient, *operations: Any) -> Any:
    return client.post(f"{API}/crew/sync", {"operations": list(operations)})


def done(id: str, document: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "request": document["number"],
        "version": document["version"],
        "action": action,
        "at": AT,
        **more,
    }


def a_day_s_work(document: dict[str, Any], photo: str) -> list[dict[str, Any]]:
    """All from the version that the phone saw in the morning."""
    return [
        done("p/1", document, "transition", to="acknowledged"),
        done("p/2", document, "transition", to="in_progress"),
        done("p/3", document, "note", text="The gate is locked.", photos=[photo]),
        done("p/4", document, "transition", to="resolved", resolution="fixed", text="Filled."),
    ]


def test_a_day_s_work_is_applied_in_order(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    response = sync(crew, *a_day_s_work(made, uploaded(crew)))
    assert response.status_code == 207
    assert response.json() == [
        {"id": f"p/{place}", "status": 200, "version": place + 1, "replayed": False} for place in range(1, 5)
    ]
    request = ServiceRequest.objects.get()
    assert (request.status, request.resolution, request.version) == ("resolved", "fixed", 5)
    assert Photo.objects.get().purpose == "note"


def test_the_same_queue_again_does_nothing_twice(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    queue = a_day_s_work(made, uploaded(crew))
    first = sync(crew, *queue).json()
    events = Event.objects.count()
    again = sync(crew, *queue).json()
    assert again == [{**result, "replayed": True} for result in first]
    assert Event.objects.count() == events
    assert ServiceRequest.objects.get().version == 5


def test_a_queue_that_broke_off_goes_on(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    """The first answer was lost on the way: the phone sends all again, with more behind it."""
    made = submitted(phone, city)
    queue = a_day_s_work(made, uploaded(crew))
    sync(crew, *queue[:2])
    results = sync(crew, *queue).json()
    assert [(result["status"], result["replayed"]) for result in results] == [
        *((200, True), (200, True), (200, False), (200, False))
    ]
    assert ServiceRequest.objects.get().status == "resolved"


def test_what_is_stale_comes_back_with_the_present_state(
    phone: APIClient, crew: APIClient, dispatcher: APIClient, city: SmallCity
) -> None:
    changed, other = submitted(phone, city), submitted(phone, city)
    move(dispatcher, changed["id"], {"to": "rejected", "text": "Not ours."})
    results = sync(
        crew,
        done("1", changed, "transition", to="acknowledged"),
        done("2", changed, "note", text="Seen it."),
        done("3", other, "transition", to="acknowledged"),
    ).json()
    assert [result["status"] for result in results] == [412, 412, 200]
    for result in results[:2]:
        assert result["problem"]["code"] == "stale_version"
        assert (result["request"]["id"], result["request"]["status"]) == (changed["id"], "rejected")
        assert result["version"] == 2
    # Nothing of it is remembered as done: decided anew, it may be sent under the same id.
    fresh = {**done("2", changed, "note", text="Seen it."), "version": 2}
    assert sync(crew, fresh).json()[0]["status"] == 200
    assert ServiceRequest.objects.get(pk=changed["id"]).version == 3


def test_what_is_illegal_comes_back_and_the_rest_goes_on(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    results = sync(
        crew,
        done("1", made, "transition", to="closed"),
        done("2", made, "transition", to="acknowledged"),
        done("3", made, "transition", to="on_hold"),
        done("4", made, "transition", to="in_progress"),
    ).json()
    assert [result["status"] for result in results] == [409, 200, 422, 200]
    assert results[0]["problem"]["legal"]
    assert results[0]["request"]["status"] == "submitted"
    assert results[2]["request"]["status"] == "acknowledged"
    assert ServiceRequest.objects.get().status == "in_progress"


def test_others_changes_in_between_are_not_stepped_on(
    phone: APIClient, crew: APIClient, dispatcher: APIClient, city: SmallCity
) -> None:
    """The first half arrived; then a dispatcher changed it; the second half was decided without knowing."""
    made = submitted(phone, city)
    queue = a_day_s_work(made, uploaded(crew))
    sync(crew, *queue[:2])
    move(dispatcher, made["id"], {"to": "on_hold", "text": "Stop."}, '"3-00000000"')
    results = sync(crew, *queue).json()
    assert [(result["status"], result["replayed"]) for result in results] == [
        *((200, True), (200, True), (412, False), (412, False))
    ]
    assert ServiceRequest.objects.get().status == "on_hold"


def test_an_id_with_another_content_is_a_mistake(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    sync(crew, done("1", made, "note", text="Wet."))
    (result,) = sync(crew, done("1", made, "note", text="Dry.")).json()
    assert (result["status"], result["problem"]["code"]) == (422, "operation_reused")
    assert Event.objects.filter(kind=EventKind.NOTED).count() == 1


def test_ids_are_the_phone_s_own(phone: APIClient, crew: APIClient, dispatcher: APIClient, city: SmallCity) -> None:
    """Two phones may count from one."""
    made = submitted(phone, city)
    assert sync(crew, done("1", made, "note", text="Wet.")).json()[0]["status"] == 200
    second = {**done("1", made, "note", text="Cold."), "version": 2}
    assert sync(dispatcher, second).json()[0] == {"id": "1", "status": 200, "version": 3, "replayed": False}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"id": ""}, "/id"),
        ({"at": "yesterday"}, "/at"),
        ({"at": "2026-01-01T08:00:00"}, "/at"),
        ({"at": "2099-01-01T08:00:00Z"}, "/at"),
        ({"action": "merge"}, "/action"),
        ({"version": 0}, "/version"),
        ({"request": 7}, "/request"),
        ({"text": ""}, "/text"),
        ({"photos": ["019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f"]}, "/photos/0"),
    ],
)
def test_a_malformed_operation_is_its_own_fault(
    phone: APIClient, crew: APIClient, city: SmallCity, change: dict[str, Any], pointer: str
) -> None:
    made = submitted(phone, city)
    results = sync(crew, done("1", made, "note", text="Wet.") | change, done("2", made, "note", text="Dry.")).json()
    assert [result["status"] for result in results] == [422, 200]
    assert [error["pointer"] for error in results[0]["problem"]["errors"]] == [pointer]
    assert SyncedOperation.objects.count() == 1


def test_others_requests_look_absent(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    hidden = submitted(phone, city, service="heating")
    (result,) = sync(crew, done("1", hidden, "note", text="Cold.")).json()
    assert result["status"] == 404
    assert "request" not in result
    foreign = signed_in(person(role="dispatcher", city=small_city("otherton", origin=(-90.0, 40.0))))
    (result,) = sync(foreign, done("1", hidden, "note", text="Cold.")).json()
    assert result["status"] == 404


def test_only_for_who_works_somewhere(client: APIClient, phone: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    refused(sync(client, done("1", made, "comment", text="Mine.")), 401)
    refused(sync(phone, done("1", made, "comment", text="Mine.")), 403, "not_allowed")
    assert not SyncedOperation.objects.exists()


def test_501_are_too_many(crew: APIClient, phone: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    refused(sync(crew, *[done("1", made, "note", text="Wet.")] * 501), 422, "invalid", "/operations")


@pytest.mark.django_db(transaction=True)
def test_two_sends_at_the_same_moment_do_it_once(phone: APIClient, city: SmallCity) -> None:
    member = person(role="crew", city=city, department="roads-west")
    made = submitted(phone, city)
    operation = done("1", made, "note", text="Wet.")
    clients = [signed_in(member) for _ in range(4)]
    answers = in_parallel([partial(sync, client, operation) for client in clients])
    assert sorted(answer.json()[0]["replayed"] for answer in answers) == [False, True, True, True]
    assert {answer.json()[0]["status"] for answer in answers} == {200}
    assert Event.objects.filter(kind=EventKind.NOTED).count() == 1


def test_answers_are_forgotten_after_90_days(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    sync(crew, done("1", made, "note", text="Wet."), done("2", made, "note", text="Cold."))
    SyncedOperation.objects.filter(operation="1").update(at=timezone.now() - KEPT - timedelta(seconds=1))
    assert forget_old(limit=10) == 1
    assert SyncedOperation.objects.get().operation == "2"
