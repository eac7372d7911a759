"""POST /crew/bulk"""

import resource
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from notifications.models import Message
from requests311.actions.submit import submit
from requests311.announce import announce_batch, leftovers
from requests311.models import Event, ServiceRequest
from tests.api.asking import API, refused, submitted
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in
from tests.requests311.reporting import at, request_row

pytestmark = pytest.mark.django_db


def bulk(client: APIClient, *items: Any) -> Any:
    return client.post(f"{API}/crew/bulk", {"items": list(items)})


def item(document: dict[str, Any], action: str = "transition", **more: Any) -> dict[str, Any]:
    return {"id": document["number"], "version": document["version"], "action": action, **more}


def status_of(document: dict[str, Any]) -> str:
    return ServiceRequest.objects.values_list("status", flat=True).get(pk=document["id"])


def test_each_has_its_own_result_in_order(phone: APIClient, dispatcher: APIClient, city: SmallCity) -> None:
    moved, given, rerouted = (submitted(phone, city) for _ in range(3))
    response = bulk(
        dispatcher,
        item(moved, to="acknowledged"),
        item(given, "assign", assignee=None),
        item(rerouted, "reroute", department="parks", reason="Roots."),
    )
    assert response.status_code == 207
    assert response.json() == [
        {"id": document["number"], "status": 200, "version": 2} for document in (moved, given, rerouted)
    ]
    assert status_of(moved) == "acknowledged"
    assert ServiceRequest.objects.get(pk=rerouted["id"]).department.code == "parks"


def test_one_that_is_refused_holds_up_no_other(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    first, stale, illegal, silent, foreign, last = (
        submitted(phone, city, "east" if place == 4 else "west") for place in range(6)
    )
    hidden = submitted(phone, city, service="heating")
    response = bulk(
        crew,
        item(first, to="acknowledged"),
        item(stale | {"version": 7}, to="acknowledged"),
        item(illegal, to="closed"),
        item(silent, to="rejected"),
        item(foreign, to="acknowledged"),
        item(hidden, to="acknowledged"),
        item(last, to="acknowledged"),
    )
    assert response.status_code == 207
    results = response.json()
    assert [result["status"] for result in results] == [200, 412, 409, 422, 403, 404, 200]
    codes = [result.get("problem", {}).get("code") for result in results]
    assert codes == [None, "stale_version", "illegal_transition", "invalid", "not_allowed", "not_found", None]
    assert results[1]["version"] == 1
    assert results[2]["problem"]["legal"]
    assert results[3]["problem"]["errors"][0]["pointer"] == "/text"
    assert [status_of(document) for document in (first, stale, illegal, silent, foreign, hidden, last)] == [
        *("acknowledged", "submitted", "submitted", "submitted", "submitted", "submitted", "acknowledged")
    ]
    # One event for each that was changed, none for the others.
    assert Event.objects.exclude(kind="submitted").count() == 2


def test_the_same_one_twice_is_stale_the_second_time(phone: APIClient, crew: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    results = bulk(crew, item(made, to="acknowledged"), item(made, to="in_progress")).json()
    assert [result["status"] for result in results] == [200, 412]
    # Sent again after a timeout, nothing is done twice.
    assert [result["status"] for result in bulk(crew, item(made, to="acknowledged")).json()] == [412]


def test_a_resident_hears_of_all_of_theirs_at_once(
    crew: APIClient, city: SmallCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[str] = []
    monkeypatch.setattr("requests311.history.wake", lambda _task, batch: woken.append(batch))
    many, one = person("many@example.org"), person("one@example.org")
    documents = [submitted(signed_in(many), city) for _ in range(3)] + [submitted(signed_in(one), city)]
    Event.objects.update(announced_at="2026-01-01T00:00:00Z")
    results = bulk(crew, *(item(document, to="acknowledged") for document in documents)).json()
    assert [result["status"] for result in results] == [200] * 4
    # One wake-up for the call, and nothing before it was done.
    (batch,) = woken
    assert leftovers(10) == []
    assert announce_batch(UUID(batch))
    told = {message.recipient_id: (message.kind, message.context) for message in Message.objects.all()}
    assert Message.objects.count() == 2
    assert told[many.pk][0] == "requests_changed"
    assert told[many.pk][1]["count"] == 3
    assert told[one.pk][0] == "request_acknowledged"
    assert not Event.objects.filter(announced_at=None).exists()


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        ({"version": 1, "action": "transition", "to": "acknowledged"}, "/id"),
        ({"id": "7K3F-9QTD", "action": "transition", "to": "acknowledged"}, "/version"),
        ({"id": "7K3F-9QTD", "version": "1", "action": "transition", "to": "acknowledged"}, "/version"),
        ({"id": "7K3F-9QTD", "version": 1, "action": "merge", "into": "x"}, "/action"),
        ({"id": "7K3F-9QTD", "version": 1, "action": "transition"}, "/to"),
        ({"id": "7K3F-9QTD", "version": 1, "action": "transition", "to": "lost"}, "/to"),
        ({"id": "7K3F-9QTD", "version": 1, "action": "assign", "colour": "red"}, "/colour"),
        ({"id": ["7K3F-9QTD"], "version": 1, "action": "assign"}, "/id"),
    ],
)
def test_a_malformed_item_is_its_own_fault(crew: APIClient, entry: dict[str, Any], pointer: str) -> None:
    (result,) = bulk(crew, entry).json()
    assert result["status"] == 422
    assert [error["pointer"] for error in result["problem"]["errors"]] == [pointer]


def test_501_are_too_many(crew: APIClient, phone: APIClient, city: SmallCity) -> None:
    made = submitted(phone, city)
    refused(bulk(crew, *[item(made, to="acknowledged")] * 501), 422, "invalid", "/items")
    assert status_of(made) == "submitted"
    refused(bulk(crew), 422, "invalid", "/items")
    refused(bulk(crew, "one"), 422, "invalid", "/items/0")


def test_only_for_who_works_somewhere(
    client: APIClient, phone: APIClient, stranger: APIClient, city: SmallCity
) -> None:
    made = submitted(phone, city)
    refused(bulk(client, item(made, to="withdrawn")), 401)
    for resident in (phone, stranger):
        refused(bulk(resident, item(made, to="withdrawn")), 403, "not_allowed")
    assert status_of(made) == "submitted"


def test_500_transitions_take_3_seconds_of_cpu_at_most(crew: APIClient, city: SmallCity) -> None:
    """Of this process; some machines are slower than others, hence a bound far above the 0.7 to 1.3 s measured here."""
    reporter = person()
    rows = [request_row(city, reporter=reporter) for _ in range(500)]
    ServiceRequest.objects.bulk_create(rows)
    items = [{"id": str(row.pk), "version": 1, "action": "transition", "to": "acknowledged"} for row in rows]
    before = resource.getrusage(resource.RUSAGE_SELF)
    results = bulk(crew, *items).json()
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert {result["status"] for result in results} == {200}
    assert Event.objects.count() == 500
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 3.0


def test_statements_grow_by_six_an_item_at_most(
    crew: APIClient, city: SmallCity, django_assert_max_num_queries: Any
) -> None:
    """Savepoint, row, update, event, release: what does not depend on the machine's speed."""
    rows = [request_row(city, reporter=person()) for _ in range(20)]
    ServiceRequest.objects.bulk_create(rows)
    items = [{"id": str(row.pk), "version": 1, "action": "transition", "to": "acknowledged"} for row in rows]
    with django_assert_max_num_queries(20 * 6 + 6):
        bulk(crew, *items)


def test_the_point_of_a_report_stays(crew: APIClient, city: SmallCity) -> None:
    made = submit(by=person(), service="pothole", location=at(city.point_in("west"))).request
    bulk(crew, {"id": str(made.pk), "version": 1, "action": "transition", "to": "acknowledged"})
    assert ServiceRequest.objects.get(pk=made.pk).location.coords == at(city.point_in("west")).coords
