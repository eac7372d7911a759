"""/webhooks and what is below it."""

from base64 import b64decode
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.utils import timezone
from rest_framework.test import APIClient

from requests311.models import Department, Event, Membership, Webhook, WebhookDelivery
from requests311.webhooks import sending
from tests.api.asking import API, refused, submitted
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in
from tests.requests311.forwarding.forwarded import announced
from tests.requests311.forwarding.peers import running, says
from tests.requests311.reporting import report as domain_report
from tests.requests311.webhooks.sent import webhook_of

pytestmark = pytest.mark.django_db

#: A public address without a name, so that no name server is asked.
URL = "https://93.184.215.14/hook"
HOOKS = f"{API}/webhooks"


@pytest.fixture
def manager(city: SmallCity) -> APIClient:
    return signed_in(person(role="manager", city=city, department="roads"))


@pytest.fixture
def admin(city: SmallCity) -> APIClient:
    return signed_in(person(role="admin", city=city))


@pytest.fixture
def auditor(city: SmallCity) -> APIClient:
    return signed_in(person(role="auditor", city=city))


def made(client: APIClient, **more: Any) -> dict[str, Any]:
    response = client.post(HOOKS, {"url": URL, "department": "roads", **more})
    assert response.status_code == 201, response.content
    document: dict[str, Any] = response.json()
    return document


def delivery_of(webhook: dict[str, Any], **fields: Any) -> WebhookDelivery:
    return WebhookDelivery.objects.create(webhook_id=webhook["id"], **fields)


def deliveries(client: APIClient, webhook: dict[str, Any], **query: Any) -> dict[str, Any]:
    response = client.get(f"{HOOKS}/{webhook['id']}/deliveries", query)
    assert response.status_code == 200, response.content
    page: dict[str, Any] = response.json()
    return page


# --- Making one ----------------------------------------------------------------------------------


def test_a_manager_makes_one_for_their_department(manager: APIClient, city: SmallCity) -> None:
    body = {
        "url": URL,
        "department": "roads",
        "description": "Work orders",
        "event_kinds": ["submitted", "commented"],
        "services": ["pothole"],
        "areas": [{"kind": "ward", "code": "west"}],
    }
    response = manager.post(HOOKS, body)
    assert response.status_code == 201, response.content
    document = response.json()
    assert response["Location"].endswith(f"/api/v1/webhooks/{document['id']}")
    assert document == {
        "id": document["id"],
        "jurisdiction": "smallville",
        **body,
        "active": True,
        "created_at": document["created_at"],
        "failures": 0,
        "paused_until": None,
        "last_error": "",
        "previous_secret_until": None,
        "secret": document["secret"],
    }
    assert document["secret"].startswith("whsec_")
    assert len(b64decode(document["secret"].removeprefix("whsec_"), validate=True)) == 32
    kept = Webhook.objects.get()
    assert (kept.department, kept.areas, kept.secret) == (
        city.departments["roads"],
        ["ward:west"],
        document["secret"],
    )
    assert kept.created_by == Membership.objects.get(role="manager").user
    shown = manager.get(f"{HOOKS}/{document['id']}").json()
    assert shown == {name: value for name, value in document.items() if name != "secret"}


def test_a_manager_of_an_agency_makes_one_for_a_unit(manager: APIClient) -> None:
    assert made(manager, department="roads-west")["department"] == "roads-west"


def test_an_administrator_makes_one_for_the_whole_city(admin: APIClient) -> None:
    document = made(admin, department=None, jurisdiction="smallville")
    assert (document["department"], document["jurisdiction"]) == (None, "smallville")


def test_what_was_made_gets_what_happens(manager: APIClient, city: SmallCity, settings: LazySettings) -> None:
    with running() as peer:
        peer.behaviour = says(b"")
        settings.OUTBOUND_PRIVATE_HOSTS = [peer.host]
        webhook = made(manager, url=f"http://{peer.host}/hook")
        announced(domain_report(city, person()))
        sending.send_through(Webhook.objects.get().pk)
        assert len(peer.asked) == 1
    (delivery,) = deliveries(manager, webhook)["results"]
    assert (delivery["state"], delivery["status_code"], delivery["type"]) == ("delivered", 200, "submitted")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/latest/meta-data", "forbidden_address"),
        ("http://127.0.0.1/", "forbidden_address"),
        ("https://169.254.169.254/latest/meta-data", "forbidden_address"),
        ("http://93.184.215.14/hook", "https_required"),
        ("https://localhost/hook", "forbidden_address"),
        ("https://[::ffff:10.0.0.1]/hook", "forbidden_address"),
        ("https://0x7f000001/hook", "forbidden_address"),
        ("https://nobody.invalid/hook", "unreachable"),
        ("https://user:secret@example.org/", "bad_url"),
        ("ftp://example.org/", "bad_url"),
        ("hook", "bad_url"),
    ],
)
def test_an_address_that_is_refused(manager: APIClient, url: str, code: str) -> None:
    problem = refused(manager.post(HOOKS, {"url": url, "department": "roads"}), 422, "invalid", "/url")
    assert problem["errors"][0]["code"] == code
    webhook = made(manager)
    problem = refused(manager.patch(f"{HOOKS}/{webhook['id']}", {"url": url}), 422, "invalid", "/url")
    assert problem["errors"][0]["code"] == code
    assert Webhook.objects.get().url == URL


@pytest.mark.parametrize(
    ("more", "pointer", "code"),
    [
        ({"event_kinds": ["submitted", "exploded"]}, "/event_kinds/1", "invalid_choice"),
        ({"services": ["pothole", "dragons"]}, "/services/1", "unknown_value"),
        ({"areas": [{"kind": "ward", "code": "north"}]}, "/areas/0", "unknown_value"),
        ({"areas": [{"kind": "district", "code": "west"}]}, "/areas/0", "unknown_value"),
        ({"areas": [{"kind": "ward"}]}, "/areas/0/code", "required"),
        ({"areas": ["ward:west"]}, "/areas/0", "invalid"),
        ({"department": "dragons"}, "/department", "unknown_value"),
        ({"jurisdiction": "nowhere"}, "/jurisdiction", "unknown_value"),
        ({"url": None}, "/url", "null"),
        ({"url": 5}, "/url", "invalid"),
        ({"active": "yes"}, "/active", "invalid"),
        ({"secret": "mine"}, "/secret", "unknown_field"),
        ({"description": "x" * 201}, "/description", "max_length"),
    ],
)
def test_values_that_are_refused(manager: APIClient, more: dict[str, Any], pointer: str, code: str) -> None:
    response = manager.post(HOOKS, {"url": URL, "department": "roads", **more})
    problem = refused(response, 422, "invalid", pointer)
    assert problem["errors"][0]["code"] == code
    assert not Webhook.objects.exists()


def test_another_citys_service_is_unknown(manager: APIClient) -> None:
    other = small_city("elsewhere", (-110.0, 40.0))
    other.services["pothole"].code = "theirs"
    other.services["pothole"].save()
    refused(manager.post(HOOKS, {"url": URL, "department": "roads", "services": ["theirs"]}), 422, None, "/services/0")


def test_who_may_not_make_one(
    city: SmallCity, phone: APIClient, crew: APIClient, dispatcher: APIClient, auditor: APIClient
) -> None:
    for client in (phone, crew, dispatcher, auditor):
        refused(client.post(HOOKS, {"url": URL, "department": "roads-west"}), 403, "not_allowed")
    refused(APIClient().post(HOOKS, {"url": URL}), 401)


def test_a_manager_makes_none_beyond_their_department(manager: APIClient) -> None:
    for department in ("parks", None):
        refused(manager.post(HOOKS, {"url": URL, "department": department}), 403, "not_allowed")
    small_city("elsewhere", (-110.0, 40.0))
    body = {"url": URL, "department": "roads", "jurisdiction": "elsewhere"}
    refused(manager.post(HOOKS, body), 403, "not_allowed")


def test_who_manages_in_two_cities_says_in_which(city: SmallCity) -> None:
    other = small_city("elsewhere", (-110.0, 40.0))
    user = person(role="manager", city=city, department="roads")
    Membership.objects.create(
        user=user, jurisdiction=other.jurisdiction, department=other.departments["roads"], role="manager"
    )
    client = signed_in(user)
    refused(client.post(HOOKS, {"url": URL, "department": "roads"}), 422, "invalid", "/jurisdiction")
    assert made(client, jurisdiction="elsewhere")["jurisdiction"] == "elsewhere"


def test_fifty_at_most(manager: APIClient, city: SmallCity) -> None:
    for _ in range(50):
        webhook_of(city, "roads")
    refused(manager.post(HOOKS, {"url": URL, "department": "roads"}), 409, "too_many_webhooks")
    made(manager, department="roads-west")
    newest = Webhook.objects.filter(department__code="roads").latest("pk")
    assert manager.delete(f"{HOOKS}/{newest.pk}").status_code == 204
    made(manager)


# --- Looking -------------------------------------------------------------------------------------


def test_everybody_sees_their_own(
    manager: APIClient, admin: APIClient, auditor: APIClient, city: SmallCity, crew: APIClient, phone: APIClient
) -> None:
    unit, agency = webhook_of(city, "roads-west"), webhook_of(city, "roads")
    parks, whole = webhook_of(city, "parks"), webhook_of(city)
    foreign = webhook_of(small_city("elsewhere", (-110.0, 40.0)), "roads")
    of_parks = signed_in(person(role="manager", city=city, department="parks"))
    everything = {unit, agency, parks, whole}
    for client, theirs in ((manager, {unit, agency}), (of_parks, {parks}), (admin, everything), (auditor, everything)):
        listed = client.get(HOOKS)
        assert [hook["id"] for hook in listed.json()["results"]] == sorted((str(w.pk) for w in theirs), reverse=True)
        assert "secret" not in listed.content.decode().replace("previous_secret_until", "")
        for webhook in (*everything, foreign):
            response = client.get(f"{HOOKS}/{webhook.pk}")
            if webhook in theirs:
                assert response.json()["id"] == str(webhook.pk)
                assert "secret" not in response.json()
            else:
                refused(response, 404, "not_found")
    for client in (crew, phone):
        refused(client.get(HOOKS), 403, "not_allowed")
        refused(client.get(f"{HOOKS}/{unit.pk}"), 403, "not_allowed")
        refused(client.get(f"{HOOKS}/{uuid4()}"), 403, "not_allowed")
    refused(APIClient().get(HOOKS), 401)


def test_pages(admin: APIClient, city: SmallCity) -> None:
    ids = [str(webhook_of(city).pk) for _ in range(5)]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        response = admin.get(HOOKS, query)
        page = response.json()
        seen += [webhook["id"] for webhook in page["results"]]
        assert ('rel="next"' in response.get("Link", "")) == (page["next"] is not None)
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen == ids[::-1]
    for cursor in ("nonsense", "MDE5ZjFj"):
        refused(admin.get(HOOKS, {"cursor": cursor}), 422, "invalid", "/cursor")
    refused(admin.get(HOOKS, {"limit": "0"}), 422, "invalid", "/limit")
    refused(admin.get(HOOKS, {"page": "1"}), 422, "invalid", "/page")


def test_an_unknown_one(manager: APIClient) -> None:
    path = f"{HOOKS}/{uuid4()}"
    for response in (
        manager.get(path),
        manager.patch(path, {"active": False}),
        manager.delete(path),
        manager.post(f"{path}/secret"),
        manager.post(f"{path}/ping"),
        manager.get(f"{path}/deliveries"),
        manager.post(f"{path}/deliveries/{uuid4()}/resend"),
    ):
        refused(response, 404, "not_found")


# --- Changing ------------------------------------------------------------------------------------


def test_another_address_and_other_limits(manager: APIClient) -> None:
    webhook = made(manager, services=["pothole"])
    Webhook.objects.update(failures=9, paused_until=timezone.now() + timedelta(hours=1), last_error="No.")
    change = {"url": f"{URL}/other", "services": [], "areas": [{"kind": "ward", "code": "east"}], "description": "x"}
    response = manager.patch(f"{HOOKS}/{webhook['id']}", change)
    assert response.status_code == 200, response.content
    expected = {name: value for name, value in webhook.items() if name != "secret"} | change
    assert response.json() == expected == manager.get(f"{HOOKS}/{webhook['id']}").json()
    assert manager.patch(f"{HOOKS}/{webhook['id']}", {}).json() == expected
    refused(manager.patch(f"{HOOKS}/{webhook['id']}", {"services": ["x"]}), 422, "invalid", "/services/0")
    refused(manager.patch(f"{HOOKS}/{webhook['id']}", {"department": "parks"}), 422, "invalid", "/department")


def test_off_and_on(manager: APIClient) -> None:
    webhook = made(manager)
    waiting = delivery_of(webhook)
    assert manager.patch(f"{HOOKS}/{webhook['id']}", {"active": False}).json()["active"] is False
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    Webhook.objects.update(failures=3, last_error="The receiver answered 410: it wants no more.")
    on = manager.patch(f"{HOOKS}/{webhook['id']}", {"active": True}).json()
    assert (on["active"], on["failures"], on["last_error"]) == (True, 0, "")


def test_a_new_secret(manager: APIClient) -> None:
    webhook = made(manager)
    response = manager.post(f"{HOOKS}/{webhook['id']}/secret")
    assert response.status_code == 200, response.content
    answer = response.json()
    kept = Webhook.objects.get()
    assert (kept.secret, kept.previous_secret) == (answer["secret"], webhook["secret"])
    until = datetime.fromisoformat(answer["previous_secret_until"])
    assert timedelta(hours=23) < until - timezone.now() <= timedelta(hours=24)
    shown = manager.get(f"{HOOKS}/{webhook['id']}").json()
    assert shown["previous_secret_until"] == answer["previous_secret_until"]
    assert "secret" not in shown


def test_deleted_is_deleted(manager: APIClient) -> None:
    webhook = made(manager)
    manager.post(f"{HOOKS}/{webhook['id']}/secret")
    waiting = delivery_of(webhook)
    assert manager.delete(f"{HOOKS}/{webhook['id']}").status_code == 204
    waiting.refresh_from_db()
    kept = Webhook.objects.get()
    assert (waiting.state, kept.active, kept.secret, kept.previous_secret) == ("cancelled", False, "", "")
    assert manager.get(HOOKS).json()["results"] == []
    for response in (manager.get(f"{HOOKS}/{webhook['id']}"), manager.delete(f"{HOOKS}/{webhook['id']}")):
        refused(response, 404, "not_found")


def test_who_only_reads_changes_nothing(manager: APIClient, auditor: APIClient) -> None:
    webhook = made(manager)
    dead = delivery_of(webhook, state="dead", last_error="No.")
    path = f"{HOOKS}/{webhook['id']}"
    for response in (
        auditor.patch(path, {"active": False}),
        auditor.delete(path),
        auditor.post(f"{path}/secret"),
        auditor.post(f"{path}/ping"),
        auditor.post(f"{path}/deliveries/{dead.pk}/resend"),
    ):
        refused(response, 403, "not_allowed")
    assert deliveries(auditor, webhook)["results"][0]["state"] == "dead"
    assert Webhook.objects.get().active


def test_another_departments_is_as_good_as_absent(city: SmallCity, manager: APIClient) -> None:
    webhook = made(manager)
    of_parks = signed_in(person(role="manager", city=city, department="parks"))
    path = f"{HOOKS}/{webhook['id']}"
    for response in (
        of_parks.patch(path, {"active": False}),
        of_parks.delete(path),
        of_parks.post(f"{path}/secret"),
        of_parks.get(f"{path}/deliveries"),
    ):
        refused(response, 404, "not_found")


# --- Deliveries ----------------------------------------------------------------------------------


def test_deliveries_newest_first(manager: APIClient, phone: APIClient, city: SmallCity) -> None:
    webhook = made(manager)
    report = submitted(phone, city)
    event = Event.objects.get()
    first = delivery_of(webhook, event=event)
    second = delivery_of(webhook, state="dead", last_error="The receiver answered 500.", status_code=500, attempts=17)
    third = delivery_of(webhook, state="delivered", delivered_at=timezone.now(), status_code=204, attempts=1)
    page = deliveries(manager, webhook)
    assert [row["id"] for row in page["results"]] == [str(one.pk) for one in (third, second, first)]
    assert page["results"][2] == {
        "id": str(first.pk),
        "type": "submitted",
        "event_id": str(event.pk),
        "request_id": report["id"],
        "state": "pending",
        "attempts": 0,
        "next_attempt_at": first.next_attempt_at.isoformat(),
        "status_code": None,
        "last_error": "",
        "created_at": first.created_at.isoformat(),
        "delivered_at": None,
    }
    assert page["results"][1]["next_attempt_at"] is None
    assert page["results"][1]["type"] == "ping"
    (dead,) = deliveries(manager, webhook, state="dead")["results"]
    assert dead["id"] == str(second.pk)
    half = deliveries(manager, webhook, limit=2)
    rest = deliveries(manager, webhook, limit=2, cursor=half["next"])
    assert ([row["id"] for row in rest["results"]], rest["next"]) == ([str(first.pk)], None)
    refused(manager.get(f"{HOOKS}/{webhook['id']}/deliveries", {"state": "lost"}), 422, "invalid", "/state")


def test_the_dead_are_sent_again(manager: APIClient) -> None:
    webhook = made(manager)
    dead = delivery_of(webhook, state="dead", last_error="No.", attempts=17)
    response = manager.post(f"{HOOKS}/{webhook['id']}/deliveries/{dead.pk}/resend")
    assert response.status_code == 200, response.content
    assert (response.json()["state"], response.json()["attempts"]) == ("pending", 0)
    refused(manager.post(f"{HOOKS}/{webhook['id']}/deliveries/{dead.pk}/resend"), 409, "delivery_not_dead")
    other = made(manager)
    refused(manager.post(f"{HOOKS}/{other['id']}/deliveries/{dead.pk}/resend"), 404, "not_found")
    WebhookDelivery.objects.update(state="dead", last_error="No.")
    Webhook.objects.update(active=False)
    refused(manager.post(f"{HOOKS}/{webhook['id']}/deliveries/{dead.pk}/resend"), 409, "webhook_inactive")


def test_a_ping(manager: APIClient) -> None:
    webhook = made(manager)
    Webhook.objects.update(paused_until=timezone.now() + timedelta(hours=1))
    response = manager.post(f"{HOOKS}/{webhook['id']}/ping")
    assert response.status_code == 202, response.content
    ping = response.json()
    assert (ping["type"], ping["state"], ping["event_id"]) == ("ping", "pending", None)
    assert manager.post(f"{HOOKS}/{webhook['id']}/ping").json()["id"] == ping["id"]
    assert Webhook.objects.get().paused_until is None
    Webhook.objects.update(active=False)
    refused(manager.post(f"{HOOKS}/{webhook['id']}/ping"), 409, "webhook_inactive")


def test_a_department_that_was_switched_off_is_still_one(manager: APIClient) -> None:
    Department.objects.filter(code="roads").update(active=False)
    made(manager)
