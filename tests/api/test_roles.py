"""Who may do what: every operation of openapi.yaml × every role, on a request of one department.

`MAY` is the table, written by hand: who gets an answer of success. Everybody else is refused. An operation without a
row fails the test.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import transaction
from rest_framework.test import APIClient

from requests311 import links
from requests311.actions.ask import ask
from requests311.actions.hand_over import hand_over
from requests311.actions.note import note
from requests311.actors import Actor
from requests311.models import (
    Event,
    EventKind,
    Handover,
    Question,
    SavedFilter,
    ServiceRequest,
    StandardText,
    Webhook,
    WebhookDelivery,
)
from tests.api.asking import API, phone_entry, report, submitted, upload, uploaded
from tests.factories.assets import light
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import PASSWORD, signed_in

pytestmark = pytest.mark.django_db

OPENAPI = Path(__file__).resolve().parent.parent.parent / "openapi.yaml"

NOBODY, REPORTER, RESIDENT, FOREIGN = "nobody", "reporter", "resident", "foreign crew"
CREW, DISPATCHER, MANAGER, AUDITOR, ADMIN = "crew", "dispatcher", "manager", "auditor", "admin"
#: The request is in roads-west; the foreign crew works for parks.
WHO = [NOBODY, REPORTER, RESIDENT, FOREIGN, CREW, DISPATCHER, MANAGER, AUDITOR, ADMIN]

EVERYBODY = set(WHO)
SIGNED_IN = EVERYBODY - {NOBODY}
WORKERS = {CREW, DISPATCHER, MANAGER, ADMIN}
STAFF = WORKERS | {AUDITOR}
MEMBERS = STAFF | {FOREIGN}
TRIAGE = {DISPATCHER, MANAGER, ADMIN}
MANAGERS = {MANAGER, ADMIN}


@dataclass
class World:
    """A request in roads-west that somebody works on, another one beside it, and all that hangs on them."""

    city: SmallCity
    clients: dict[str, APIClient]
    key: str = ""
    other: str = ""
    #: Sent as If-Match; None: none is sent; empty: that of the version there is.
    tag: str | None = ""
    ids: dict[str, Any] = field(default_factory=dict)

    def send(self, client: APIClient, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """With the version that the request has now, unless `tag` says something else."""
        version = ServiceRequest.objects.values_list("version", flat=True).get(pk=key or self.key)
        tag = f'"{version}-00000000"' if self.tag == "" else self.tag
        return getattr(client, method)(f"{API}{path}", body, headers={} if tag is None else {"If-Match": tag})


@pytest.fixture
def world() -> World:
    city = small_city()
    people = {
        REPORTER: person(),
        RESIDENT: person("resident@example.org"),
        FOREIGN: person(role="crew", city=city, department="parks"),
        CREW: person(role="crew", city=city, department="roads-west"),
        DISPATCHER: person(role="dispatcher", city=city),
        MANAGER: person(role="manager", city=city, department="roads-west"),
        AUDITOR: person(role="auditor", city=city),
        ADMIN: person("boss@example.org", role="admin", city=city, password=PASSWORD),
    }
    clients = {NOBODY: APIClient(), **{who: signed_in(user) for who, user in people.items()}}
    made = World(city, clients)
    photo = uploaded(clients[REPORTER])
    made.key = submitted(clients[REPORTER], city, photos=[photo], contact={"email": "ada@example.org"})["id"]
    made.other = submitted(clients[REPORTER], city)["id"]
    asked = submitted(clients[REPORTER], city)["id"]
    crew = Actor(people[CREW])
    ask(by=crew, key=asked, if_version=1, text="Where?")
    note(by=crew, key=made.key, if_version=1, text="Bring a ladder.")
    hand_over(by=crew, key=made.key, if_version=2, email="works@contractor.example")
    duplicate = submitted(clients[REPORTER], city)["id"]
    response = made.send(clients[DISPATCHER], "post", f"/requests/{duplicate}/merge", {"into": made.other}, duplicate)
    assert response.status_code == 200, response.content
    webhook = Webhook.objects.create(
        jurisdiction=city.jurisdiction,
        department=city.departments["roads-west"],
        url="https://93.184.215.14/hook",
        secret="whsec_bmV3",
    )
    dead = WebhookDelivery.objects.create(webhook=webhook, state="dead", last_error="No.")
    said = {"jurisdiction": city.jurisdiction, "status": "resolved", "language": "en", "text": "{number}"}
    template = StandardText.objects.create(title="Done", department=city.departments["roads-west"], **said)
    made.ids = {
        "photo": photo,
        "asset": light(city).pk,
        "duplicate": duplicate,
        "note": Event.objects.get(kind=EventKind.NOTED).pk,
        "handover": Handover.objects.get().pk,
        "link": links.token_for(links.Purpose.HANDOVER, Handover.objects.get().pk),
        "question": links.token_for(links.Purpose.ANSWER, Question.objects.get().pk),
        "webhook": webhook.pk,
        "delivery": dead.pk,
        "template": template.pk,
        "filters": {
            who: SavedFilter.objects.create(owner=user, name="Mine", query={}, position=0).pk
            for who, user in people.items()
        },
    }
    return made


Call = Callable[[World, APIClient, str], Any]


def get(path: str) -> Call:
    """A path in which `{key}` and the names of `World.ids` stand for what there is."""
    return lambda world, client, _: client.get(f"{API}{path.format(key=world.key, **world.ids)}")


def change(path: str, body: Any, method: str = "post") -> Call:
    return lambda world, client, _: world.send(client, method, path.format(key=world.key, **world.ids), body)


def plain(method: str, path: str, body: Any = None) -> Call:
    return lambda world, client, _: getattr(client, method)(f"{API}{path.format(key=world.key, **world.ids)}", body)


def filter_of(method: str, body: Any = None) -> Call:
    def call(world: World, client: APIClient, who: str) -> Any:
        mine = world.ids["filters"].get(who, world.ids["filters"][REPORTER])
        return getattr(client, method)(f"{API}/crew/filters/{mine}", body)

    return call


def in_bulk(world: World, client: APIClient, _: str) -> Any:
    version = ServiceRequest.objects.get(pk=world.key).version
    item = {"id": world.key, "version": version, "action": "transition", "to": "acknowledged"}
    return client.post(f"{API}/crew/bulk", {"items": [item]})


def offline(world: World, client: APIClient, _: str) -> Any:
    version = ServiceRequest.objects.get(pk=world.key).version
    one = {
        "id": "1",
        "request": world.key,
        "version": version,
        "action": "note",
        "text": "Wet.",
        "at": "2026-01-01T08:00:00Z",
    }
    return client.post(f"{API}/crew/sync", {"operations": [one]})


def unmerged(world: World, client: APIClient, _: str) -> Any:
    duplicate = world.ids["duplicate"]
    return world.send(client, "post", f"/requests/{duplicate}/unmerge", {}, duplicate)


def refreshed(world: World, client: APIClient, _: str) -> Any:
    token = client.post(f"{API}/auth/guest").json()["refresh"]
    return client.post(f"{API}/auth/refresh", {"refresh": token})


def merged(world: World, client: APIClient, _: str) -> Any:
    return world.send(client, "post", f"/requests/{world.key}/merge", {"into": world.other})


_TEMPLATE = {
    "jurisdiction": "smallville",
    "department": "roads-west",
    "status": "resolved",
    "language": "en",
    "title": "Thanks",
    "text": "Thank you.",
}
_HOOK = {"url": "https://93.184.215.14/hook", "department": "roads-west"}
_BOX = "bbox=-100.2,39.9,-99.7,40.3"

MAY: dict[str, tuple[set[str], Call]] = {
    "POST /auth/guest": (EVERYBODY, plain("post", "/auth/guest")),
    "POST /auth/token": (EVERYBODY, plain("post", "/auth/token", {"email": "boss@example.org", "password": PASSWORD})),
    "POST /auth/refresh": (EVERYBODY, refreshed),
    "GET /services": (EVERYBODY, get("/services?latitude=40.1&longitude=-99.95")),
    "GET /locate": (EVERYBODY, get("/locate?latitude=40.1&longitude=-99.95")),
    "GET /addresses": (EVERYBODY, get("/addresses?q=main")),
    "GET /assets": (EVERYBODY, get("/assets?latitude=40.1&longitude=-99.95&radius=100")),
    "GET /assets/{asset_id}": (EVERYBODY, get("/assets/{asset}")),
    "GET /map/areas": (EVERYBODY, get(f"/map/areas?kind=ward&{_BOX}&zoom=10")),
    "GET /map/areas/tiles/{z}/{x}/{y}.mvt": (EVERYBODY, get("/map/areas/tiles/10/227/387.mvt?kind=ward")),
    "GET /map/tiles/{z}/{x}/{y}.mvt": (EVERYBODY, get("/map/tiles/10/227/387.mvt")),
    "GET /map/requests": (EVERYBODY, get(f"/map/requests?{_BOX}")),
    "GET /map/heat": (EVERYBODY, get(f"/map/heat?{_BOX}")),
    "GET /map/clusters": (TRIAGE | {AUDITOR}, get("/map/clusters")),
    "POST /photos": (SIGNED_IN, lambda world, client, _: upload(client)),
    "GET /photos/{photo_id}": (EVERYBODY, get("/photos/{photo}")),
    # The worker has not made it yet: absent for everybody, and public once it is made (photos/).
    "GET /photos/{photo_id}/{variant}": (set(), get("/photos/{photo}/large")),
    "POST /requests": (SIGNED_IN, lambda world, client, _: client.post(f"{API}/requests", report(world.city))),
    "GET /requests": (EVERYBODY, get("/requests")),
    "GET /requests/{key}": (EVERYBODY, get("/requests/{key}")),
    "GET /requests/{key}/events": (EVERYBODY, get("/requests/{key}/events")),
    "GET /requests/{key}/earlier": (EVERYBODY, get("/requests/{key}/earlier")),
    "GET /requests/{key}/transitions": (EVERYBODY, get("/requests/{key}/transitions")),
    "POST /requests/{key}/transitions": (WORKERS, change("/requests/{key}/transitions", {"to": "acknowledged"})),
    "PUT /requests/{key}/following": (SIGNED_IN, plain("put", "/requests/{key}/following", {"supports": True})),
    "DELETE /requests/{key}/following": (SIGNED_IN, plain("delete", "/requests/{key}/following")),
    "POST /requests/{key}/assign": (WORKERS, change("/requests/{key}/assign", {})),
    "POST /requests/{key}/priority": (WORKERS, change("/requests/{key}/priority", {"priority": "urgent"})),
    "POST /requests/{key}/reroute": (
        TRIAGE,
        change("/requests/{key}/reroute", {"department": "parks", "reason": "R."}),
    ),
    "POST /requests/{key}/merge": (TRIAGE, merged),
    "POST /requests/{key}/unmerge": (TRIAGE, unmerged),
    "GET /requests/{key}/children": (STAFF, get("/requests/{key}/children")),
    "POST /requests/{key}/children": (
        TRIAGE,
        change("/requests/{key}/children", {"parts": [{"department": "parks", "text": "The tree."}]}),
    ),
    "POST /requests/{key}/questions": (WORKERS, change("/requests/{key}/questions", {"text": "Where?"})),
    "POST /requests/{key}/notes": (WORKERS, change("/requests/{key}/notes", {"text": "Wet."})),
    "POST /requests/{key}/comments": (
        WORKERS | {REPORTER},
        change("/requests/{key}/comments", {"text": "We come on Tuesday."}),
    ),
    # One's own text, and nobody else's: the crew wrote it.
    "PATCH /requests/{key}/events/{event_id}": (
        {CREW},
        change("/requests/{key}/events/{note}", {"text": "Bring two."}, "patch"),
    ),
    "POST /requests/{key}/events/{event_id}/redaction": (
        TRIAGE,
        change("/requests/{key}/events/{note}/redaction", {"reason": "A name."}),
    ),
    "GET /requests/{key}/handovers": (STAFF, get("/requests/{key}/handovers")),
    "POST /requests/{key}/handovers": (WORKERS, change("/requests/{key}/handovers", {"email": "b@contractor.example"})),
    "DELETE /requests/{key}/handovers/{handover_id}": (
        WORKERS,
        change("/requests/{key}/handovers/{handover}", None, "delete"),
    ),
    # The link itself is the permission.
    "GET /questions/{token}": (EVERYBODY, get("/questions/{question}")),
    "POST /questions/{token}/answer": (EVERYBODY, plain("post", "/questions/{question}/answer", {"text": "There."})),
    "GET /handovers/{token}": (EVERYBODY, get("/handovers/{link}")),
    "POST /handovers/{token}": (EVERYBODY, plain("post", "/handovers/{link}", {"done": True, "text": "Done."})),
    "GET /crew/queue": (MEMBERS, get("/crew/queue")),
    "GET /crew/counts": (MEMBERS, get("/crew/counts")),
    # Whoever works anywhere may try; each item says whether it was theirs (crew/test_bulk.py, crew/test_sync.py).
    "POST /crew/bulk": (MEMBERS, in_bulk),
    "POST /crew/sync": (MEMBERS, offline),
    "GET /crew/filters": (MEMBERS, get("/crew/filters")),
    "POST /crew/filters": (MEMBERS, plain("post", "/crew/filters", {"name": "Late", "query": {"overdue": "true"}})),
    "GET /crew/filters/{filter_id}": (MEMBERS, filter_of("get")),
    "PUT /crew/filters/{filter_id}": (MEMBERS, filter_of("put", {"name": "Late", "query": {}})),
    "DELETE /crew/filters/{filter_id}": (MEMBERS, filter_of("delete")),
    "GET /crew/templates": (MEMBERS, get("/crew/templates")),
    "POST /crew/templates": (MANAGERS, plain("post", "/crew/templates", _TEMPLATE)),
    "GET /crew/templates/{template_id}": (STAFF, get("/crew/templates/{template}")),
    "PUT /crew/templates/{template_id}": (MANAGERS, plain("put", "/crew/templates/{template}", _TEMPLATE)),
    "DELETE /crew/templates/{template_id}": (MANAGERS, plain("delete", "/crew/templates/{template}")),
    "GET /webhooks": (MANAGERS | {AUDITOR}, get("/webhooks")),
    "POST /webhooks": (MANAGERS, plain("post", "/webhooks", _HOOK)),
    "GET /webhooks/{webhook_id}": (MANAGERS | {AUDITOR}, get("/webhooks/{webhook}")),
    "PATCH /webhooks/{webhook_id}": (MANAGERS, plain("patch", "/webhooks/{webhook}", {"description": "ERP"})),
    "DELETE /webhooks/{webhook_id}": (MANAGERS, plain("delete", "/webhooks/{webhook}")),
    "POST /webhooks/{webhook_id}/secret": (MANAGERS, plain("post", "/webhooks/{webhook}/secret")),
    "POST /webhooks/{webhook_id}/ping": (MANAGERS, plain("post", "/webhooks/{webhook}/ping")),
    "GET /webhooks/{webhook_id}/deliveries": (MANAGERS | {AUDITOR}, get("/webhooks/{webhook}/deliveries")),
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/resend": (
        MANAGERS,
        plain("post", "/webhooks/{webhook}/deliveries/{delivery}/resend"),
    ),
    "GET /me/notifications": (SIGNED_IN, get("/me/notifications")),
    "PATCH /me/notifications": (SIGNED_IN, plain("patch", "/me/notifications", {"switches": []})),
    "PUT /me/devices/{installation_id}": (SIGNED_IN, plain("put", "/me/devices/one", phone_entry())),
    # Of one's own: who has none finds none (me/test_devices.py).
    "DELETE /me/devices/{installation_id}": (set(), plain("delete", "/me/devices/none")),
}

#: A foreign text or template is absent rather than forbidden, and somebody else's note cannot be changed at all.
REFUSALS = {401, 403, 404, 409}


def documented() -> dict[str, Any]:
    """The operations of openapi.yaml."""
    document = yaml.safe_load(OPENAPI.read_text())
    return {
        f"{method.upper()} {path.removeprefix(API)}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }


def test_every_operation_has_a_row() -> None:
    assert set(MAY) == set(documented()), "say in this file who may do it"


def test_who_may(world: World) -> None:
    """All in one test: the world they share takes longer to make than what is asked of it."""
    wrong = {operation: found for operation in MAY if (found := unexpected(world, operation))}
    assert not wrong


def unexpected(world: World, operation: str) -> dict[str, int]:
    """The status that each got, where any of them is not what the table says."""
    may, call = MAY[operation]
    found = {}
    for who, client in world.clients.items():
        with transaction.atomic():
            found[who] = call(world, client, who).status_code
            # The next one finds everything as it was.
            transaction.set_rollback(True)
    succeeded = {who for who, status in found.items() if status < 300}
    refused = {who: status for who, status in found.items() if who not in may}
    as_told = (
        succeeded == may
        and set(refused.values()) <= REFUSALS
        # Without a token it is a matter of signing in, wherever a token would help.
        and (NOBODY not in refused or not may or refused[NOBODY] == 401)
    )
    return {} if as_told else found


def test_every_change_names_the_version_it_was_decided_on(world: World) -> None:
    """428 without, 412 on another, and the new ETag with the answer, which is the request as it then is."""
    changes = [
        operation
        for operation, item in documented().items()
        if any(one["name"] == "If-Match" for one in item.get("parameters", []))
    ]
    assert {operation for operation in MAY if "/requests/{key}/" in operation and not operation.startswith("GET")} - {
        # The caller's own wish to be told, and no change of the request.
        "PUT /requests/{key}/following",
        "DELETE /requests/{key}/following",
    } == set(changes)
    for operation in changes:
        may, call = MAY[operation]
        client = world.clients[DISPATCHER if DISPATCHER in may else CREW]
        for tag, status in ((None, 428), ('"99-00000000"', 412), ("*", 412)):
            world.tag = tag
            assert call(world, client, DISPATCHER).status_code == status, (operation, tag)
        world.tag = ""
        with transaction.atomic():
            response = call(world, client, DISPATCHER)
            assert response["ETag"].startswith(f'"{response.json()["version"]}-'), operation
            transaction.set_rollback(True)


def test_no_role_is_forgotten() -> None:
    from requests311.policies import Role

    assert {role.value for role in Role} <= set(WHO)
