"""Which webhooks an event is for."""

from typing import Any
from uuid import UUID

import pytest

from requests311.announce import announce
from requests311.models import Event, ServiceRequest, Webhook, WebhookDelivery
from requests311.statuses import Status
from tests.factories.cities import SmallCity, person, small_city
from tests.requests311.forwarding.forwarded import announced
from tests.requests311.reporting import move
from tests.requests311.webhooks.sent import staff_event, told, webhook_of

pytestmark = pytest.mark.django_db


def heard() -> list[Webhook]:
    """Webhooks that got something, in the order in which they were made."""
    return [delivery.webhook for delivery in WebhookDelivery.objects.select_related("webhook").order_by("webhook")]


def test_a_new_request_goes_to_its_department_its_agency_and_the_city(city: SmallCity) -> None:
    yard, agency, whole = webhook_of(city, "roads-west"), webhook_of(city, "roads"), webhook_of(city)
    webhook_of(city, "roads-east")
    webhook_of(city, "parks")
    webhook_of(small_city("elsewhere", (-110.0, 40.0)))
    told(city)
    assert heard() == [yard, agency, whole]
    delivery = WebhookDelivery.objects.filter(webhook=yard).get()
    assert (delivery.state, delivery.attempts, delivery.event) == ("pending", 0, Event.objects.get())


def test_ids_are_in_the_order_of_time(city: SmallCity) -> None:
    webhook_of(city)
    for _ in range(3):
        told(city)
    ids = list(WebhookDelivery.objects.order_by("created_at").values_list("pk", flat=True))
    assert ids == sorted(ids)
    assert {(id.version, id.variant) for id in ids} == {(7, UUID(int=1 << 63).variant)}


@pytest.mark.parametrize(
    ("limits", "hears"),
    [
        ({}, True),
        ({"event_kinds": ["submitted"]}, True),
        ({"event_kinds": ["commented", "submitted"]}, True),
        ({"event_kinds": ["status_changed"]}, False),
        ({"services": ["graffiti", "pothole"]}, True),
        ({"services": ["graffiti"]}, False),
        ({"areas": ["ward:west"]}, True),
        ({"areas": ["ward:east", "ward:west"]}, True),
        ({"areas": ["ward:east"]}, False),
        ({"areas": ["district:west"]}, False),
        ({"event_kinds": ["submitted"], "services": ["pothole"], "areas": ["ward:east"]}, False),
        ({"active": False}, False),
    ],
)
def test_limits(city: SmallCity, limits: dict[str, Any], hears: bool) -> None:
    webhook_of(city, "roads-west", **limits)
    told(city)
    assert bool(heard()) == hears


def test_every_event_once(city: SmallCity) -> None:
    webhook_of(city, "roads-west")
    request = told(city)
    move(request, person(role="crew", city=city, department="roads-west"), Status.ACKNOWLEDGED)
    announced(request)
    kinds = [event.kind for event in Event.objects.filter(pk__in=WebhookDelivery.objects.values("event"))]
    assert kinds == ["submitted", "status_changed"]
    Event.objects.update(announced_at=None)
    announced(request)
    assert WebhookDelivery.objects.count() == 2


def test_what_only_staff_reads_goes_too(city: SmallCity) -> None:
    webhook_of(city, "roads-west")
    event = staff_event(told(city))
    assert announce(event.pk)
    assert WebhookDelivery.objects.filter(event=event).exists()


def test_the_department_is_that_of_the_moment_of_announcing(city: SmallCity) -> None:
    west, parks = webhook_of(city, "roads-west"), webhook_of(city, "parks")
    request = told(city)
    ServiceRequest.objects.update(department=city.departments["parks"])
    announce(staff_event(request).pk)
    assert heard() == [west, parks]


def test_nothing_is_made_where_the_announcement_fails(city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_of(city)

    def broken(event: Event) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("requests311.announce.notices_of", broken)
        with pytest.raises(RuntimeError):
            told(city)
    assert heard() == []
