"""What a receiver gets, and what becomes of a delivery."""

import hashlib
import hmac
import threading
import time
from base64 import b64decode, b64encode
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.utils import timezone

from requests311 import tasks
from requests311.models import EventKind, Webhook, WebhookDelivery
from requests311.statuses import Status
from requests311.webhooks import patience, sending
from requests311.webhooks.posting import Outcome
from requests311.webhooks.recording import record
from requests311.webhooks.resending import resend
from requests311.webhooks.signing import new_secret, verify
from tests.factories.cities import SmallCity, person
from tests.factories.people import guest
from tests.requests311.forwarding.forwarded import alerts, announced
from tests.requests311.forwarding.peers import Asked, Peer, Reply, running, says
from tests.requests311.reporting import move, photo, report
from tests.requests311.webhooks.sent import (
    document,
    due,
    fresh,
    in_line,
    later,
    sent,
    staff_event,
    told,
    webhook_of,
)

pytestmark = pytest.mark.django_db

CONTACT = {"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+1 555 0100"}


def signatures(asked: Asked) -> list[str]:
    return asked.headers["Webhook-Signature"].split(" ")


def signed_by_hand(secret: str, asked: Asked) -> str:
    """As a receiver computes it, who has read the specification and not our code."""
    key = b64decode(secret[len("whsec_") :])
    message = b".".join([asked.headers["Webhook-Id"].encode(), asked.headers["Webhook-Timestamp"].encode(), asked.body])
    return "v1," + b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


# --- What is sent --------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 204])
def test_a_signed_document(city: SmallCity, webhook: Webhook, peer: Peer, settings: LazySettings, status: int) -> None:
    settings.PUBLIC_URL = "https://311.smallville.example"
    peer.behaviour = says(b"", status)
    before = int(time.time())
    delivery = in_line(
        city,
        webhook,
        description="Größer",
        address="12 Main Street",
        attributes={"position": "lane", "lane_number": 2},
        contact=CONTACT,
    )
    delivery = sent(delivery)
    assert (delivery.state, delivery.status_code, delivery.attempts, delivery.last_error) == (
        "delivered",
        status,
        1,
        "",
    )
    assert delivery.delivered_at is not None
    (asked,) = peer.asked
    assert (asked.method, asked.path) == ("POST", "/hook")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Webhook-Id"] == str(delivery.pk)
    assert before <= int(asked.headers["Webhook-Timestamp"]) <= time.time()
    assert signatures(asked) == [signed_by_hand(webhook.secret, asked)]
    assert verify(webhook.secret, asked.headers, asked.body)
    event = delivery.event
    assert event is not None
    request, (latitude, longitude) = event.request, city.point_in("west")
    assert document(asked) == {
        "id": str(delivery.pk),
        "type": "submitted",
        "occurred_at": event.at.isoformat(),
        "event": {
            "id": str(event.pk),
            "audience": "public",
            "from_status": None,
            "to_status": "submitted",
            "text": "",
        },
        "request": {
            "id": str(request.pk),
            "number": request.number,
            "version": 1,
            "status": "submitted",
            "jurisdiction": "smallville",
            "service": {"code": "pothole", "name": "Pothole"},
            "department": {"code": "roads-west", "name": "Roads – West Yard"},
            "location": {"latitude": latitude, "longitude": longitude},
            "address": "12 Main Street",
            "areas": [{"kind": "ward", "code": "west", "name": "West Ward"}],
            "description": "Größer",
            "attributes": {"position": "lane", "lane_number": 2},
            "photos": [],
            "visibility": "public",
            "submitted_at": request.submitted_at.isoformat(),
            "due_at": request.due_at.isoformat() if request.due_at else None,
        },
    }
    assert str(request.reporter_id) not in asked.body.decode()
    assert not any(given.encode() in asked.body for given in CONTACT.values())
    sent(delivery)
    assert len(peer.asked) == 1


def test_each_event_tells_of_its_own_moment(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    request = told(city)
    crew = person(role="crew", city=city, department="roads-west")
    move(request, crew, Status.ACKNOWLEDGED, text="On our list.")
    move(request, crew, Status.IN_PROGRESS)
    announced(request)
    sending.send_through(webhook.pk)
    documents = [document(asked) for asked in peer.asked]
    assert [(each["request"]["version"], each["request"]["status"], each["event"]["text"]) for each in documents] == [
        (1, "submitted", ""),
        (2, "acknowledged", "On our list."),
        (3, "in_progress", ""),
    ]
    assert documents[1]["event"]["from_status"] == "submitted"


def test_what_only_staff_reads_says_so(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    event = staff_event(told(city), "Beware of the dog.")
    announced(event.request)
    sending.send_through(webhook.pk)
    told_last = document(peer.asked[-1])
    assert told_last["type"] == EventKind.COMMENTED
    assert told_last["event"]["audience"] == "staff"
    assert told_last["event"]["text"] == "Beware of the dog."
    assert told_last["request"]["status"] == "submitted"


def test_photos_by_their_address(city: SmallCity, webhook: Webhook, peer: Peer, settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://311.smallville.example"
    by = guest()
    picture = photo(by, state="ready", thumbnail="t.jpg", large="l.jpg")
    announced(report(city, by, photos=[picture.pk]))
    sending.send_through(webhook.pk)
    assert document(peer.asked[0])["request"]["photos"] == [
        f"https://311.smallville.example/api/v1/photos/{picture.pk}/large"
    ]


def test_a_ping_tells_of_nothing(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    delivery = sent(WebhookDelivery.objects.create(webhook=webhook))
    assert delivery.state == "delivered"
    assert document(peer.asked[0]) == {
        "id": str(delivery.pk),
        "type": "ping",
        "occurred_at": delivery.created_at.isoformat(),
    }


# --- Signatures ----------------------------------------------------------------------------------


def test_while_a_secret_is_changed_both_sign(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    old, new = webhook.secret, new_secret()
    Webhook.objects.update(secret=new, previous_secret=old, previous_secret_until=timezone.now() + timedelta(hours=1))
    sent(in_line(city, webhook))
    (asked,) = peer.asked
    assert signatures(asked) == [signed_by_hand(new, asked), signed_by_hand(old, asked)]
    assert verify(old, asked.headers, asked.body)
    assert verify(new, asked.headers, asked.body)
    Webhook.objects.update(previous_secret_until=timezone.now() - timedelta(seconds=1))
    sent(in_line(city, webhook))
    assert signatures(peer.asked[1]) == [signed_by_hand(new, peer.asked[1])]
    assert not verify(old, peer.asked[1].headers, peer.asked[1].body)


def test_a_receiver_refuses_what_is_not_ours(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    sent(in_line(city, webhook))
    (asked,) = peer.asked
    at = int(asked.headers["Webhook-Timestamp"])
    assert verify(webhook.secret, asked.headers, asked.body, now=at + 299)
    assert not verify(webhook.secret, asked.headers, asked.body, now=at + 301)
    assert not verify(webhook.secret, asked.headers, asked.body, now=at - 301)
    assert not verify(new_secret(), asked.headers, asked.body)
    assert not verify(webhook.secret, asked.headers, asked.body + b" ")
    assert not verify(webhook.secret, {**asked.headers, "Webhook-Id": "other"}, asked.body)
    assert not verify(webhook.secret, {**asked.headers, "Webhook-Timestamp": str(at + 1)}, asked.body)
    for name, value in (("Webhook-Timestamp", "soon"), ("Webhook-Timestamp", ""), ("Webhook-Signature", "v1,"),
                        ("Webhook-Signature", ""), ("Webhook-Signature", "v2,é")):  # fmt: skip
        assert not verify(webhook.secret, {**asked.headers, name: value}, asked.body)


# --- What the receiver answers -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "is_paused"),
    [(400, False), (401, False), (404, False), (500, False), (301, False), (429, True), (502, True), (503, True)],
)
def test_all_but_success_is_tried_again(
    city: SmallCity, webhook: Webhook, peer: Peer, status: int, is_paused: bool
) -> None:
    peer.behaviour = says(b"no, ada@example.org", status)
    delivery = sent(in_line(city, webhook))
    assert (delivery.state, delivery.status_code, delivery.attempts) == ("pending", status, 1)
    assert str(status) in delivery.last_error
    assert "ada" not in delivery.last_error
    assert timezone.now() < delivery.next_attempt_at < timezone.now() + patience.FIRST_PAUSE
    assert (delivery.webhook.paused_until is not None) == is_paused
    assert delivery.webhook.failures == 1
    peer.behaviour = says(b"")
    delivery = sent(due(delivery))
    assert (delivery.state, delivery.attempts, delivery.last_error, delivery.status_code) == ("delivered", 2, "", 200)
    assert (delivery.webhook.failures, delivery.webhook.paused_until, delivery.webhook.last_error) == (0, None, "")
    assert peer.asked[0].headers["Webhook-Id"] == peer.asked[1].headers["Webhook-Id"]


def test_pauses_grow_and_are_jittered() -> None:
    for attempts, ceiling in ((1, 20), (2, 40), (5, 320), (30, 3 * 3600)):
        pauses = [patience.pause(attempts).total_seconds() for _ in range(50)]
        assert ceiling / 2 <= min(pauses) < max(pauses) <= ceiling
    assert patience.outage_pause(1000) <= timedelta(minutes=15)


def test_retry_after_is_kept(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    peer.behaviour = says(b"", 503, Retry_After="1800")
    delivery = sent(in_line(city, webhook))
    soonest = timezone.now() + timedelta(seconds=1790)
    assert delivery.next_attempt_at > soonest
    assert delivery.webhook.paused_until is not None
    assert delivery.webhook.paused_until > soonest
    at = format_datetime(timezone.now() + timedelta(minutes=20), usegmt=False)
    peer.behaviour = says(b"", 429, Retry_After=at)
    delivery = sent(due(delivery))
    assert delivery.next_attempt_at > timezone.now() + timedelta(minutes=19)


def test_nobody_listens(city: SmallCity, webhook: Webhook, settings: LazySettings) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1:9"]
    Webhook.objects.update(url="http://127.0.0.1:9/hook")
    first, second = in_line(city, webhook), in_line(city, webhook)
    first, second = sent(first), fresh(second)
    assert (first.state, first.status_code, first.attempts) == ("pending", None, 1)
    assert "cannot be reached" in first.last_error
    assert first.webhook.paused_until is not None
    # One call is enough to know.
    assert (second.attempts, second.state) == (0, "pending")


def test_many_failures_pause_the_webhook_too(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    peer.behaviour = says(b"", 500)
    before = alerts("webhook_down")
    deliveries = [in_line(city, webhook) for _ in range(7)]
    sending.send_through(webhook.pk)
    assert len(peer.asked) == 5
    webhook.refresh_from_db()
    assert (webhook.failures, alerts("webhook_down")) == (5, before + 1)
    assert webhook.paused_until is not None
    assert sum(fresh(delivery).attempts for delivery in deliveries) == 5


def test_dead_after_a_day(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    peer.behaviour = says(b"", 500)
    before = alerts("webhook_delivery_dead")
    delivery = in_line(city, webhook)
    tries = 0
    while delivery.state == "pending":
        tries += 1
        assert tries < 60
        delivery = sent(delivery)
        if delivery.state == "pending":
            wait = max(delivery.next_attempt_at, delivery.webhook.paused_until or delivery.next_attempt_at)
            delivery = later(delivery, seconds=(wait - timezone.now()).total_seconds() + 1)
    assert timedelta(hours=19) < timezone.now() - delivery.waiting_since <= timedelta(hours=24, minutes=20)
    assert 12 <= tries <= 24
    assert (delivery.state, delivery.last_error) == ("dead", "The receiver answered 500.")
    assert alerts("webhook_delivery_dead") == before + 1
    sent(later(delivery, hours=1))
    assert len(peer.asked) == tries


def test_what_is_not_even_tried_is_given_up_as_well(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    Webhook.objects.update(paused_until=timezone.now() + timedelta(days=3))
    before = alerts("webhook_delivery_dead")
    deliveries = [in_line(city, webhook) for _ in range(2)]
    for delivery in deliveries:
        later(delivery, hours=24, minutes=50)
    tasks.send_webhooks_due()
    assert {fresh(delivery).state for delivery in deliveries} == {"pending"}
    WebhookDelivery.objects.filter(pk=deliveries[1].pk).update(last_error="The receiver answered 503.")
    for delivery in deliveries:
        later(delivery, minutes=20)
    tasks.send_webhooks_due()
    assert [(fresh(delivery).state, fresh(delivery).last_error) for delivery in deliveries] == [
        ("dead", "The receiver was not reached."),
        ("dead", "The receiver answered 503."),
    ]
    assert alerts("webhook_delivery_dead") == before + 1


def test_the_dead_are_sent_again(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    dead, other = in_line(city, webhook), in_line(city, webhook)
    later(dead, hours=30)
    WebhookDelivery.objects.filter(pk=dead.pk).update(state="dead", last_error="No.", attempts=17)
    WebhookDelivery.objects.filter(pk=other.pk).update(state="delivered", delivered_at=timezone.now())
    Webhook.objects.update(paused_until=timezone.now() + timedelta(hours=1))
    assert resend(WebhookDelivery.objects.all()) == 1
    dead = sent(dead)
    assert (dead.state, dead.attempts) == ("delivered", 1)
    assert len(peer.asked) == 1
    WebhookDelivery.objects.update(state="dead", delivered_at=None, last_error="No.")
    Webhook.objects.update(active=False)
    assert resend(WebhookDelivery.objects.all()) == 0


def test_gone_switches_the_webhook_off(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    peer.behaviour = says(b"", 410)
    before = alerts("webhook_gone")
    first, second = in_line(city, webhook), in_line(city, webhook)
    first, second = sent(first), fresh(second)
    assert (first.state, first.status_code) == ("dead", 410)
    assert second.state == "cancelled"
    assert not first.webhook.active
    assert "410" in first.webhook.last_error
    assert alerts("webhook_gone") == before + 1
    told(city)
    assert WebhookDelivery.objects.count() == 2
    assert len(peer.asked) == 1


def test_gone_is_said_of_the_address_that_was_asked(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    delivery = in_line(city, webhook)
    claimed = sending.claim(webhook.pk)
    assert claimed is not None
    Webhook.objects.update(url=f"{webhook.url}/new")
    record(claimed, Outcome(410, "The receiver answered 410: it wants no more."))
    delivery = fresh(delivery)
    assert (delivery.state, delivery.webhook.active) == ("pending", True)
    assert sent(due(delivery)).state == "delivered"
    assert peer.asked[0].path == "/hook/new"


def test_what_waits_for_a_webhook_that_is_off_is_cancelled(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    delivery = in_line(city, webhook)
    Webhook.objects.update(active=False)
    tasks.send_webhooks_due()
    assert sent(delivery).state == "cancelled"
    assert peer.asked == []


# --- Where it may go -----------------------------------------------------------------------------


def test_a_redirect_is_not_followed(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    peer.behaviour = lambda asked: Reply(307, b"", {"Location": f"http://{peer.host}/metadata"})
    delivery = sent(in_line(city, webhook))
    assert delivery.state == "pending"
    assert "another address" in delivery.last_error
    assert [asked.path for asked in peer.asked] == ["/hook"]


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data", "https://10.0.0.1/x", "http://[::1]/"])
def test_a_forbidden_address_is_refused_at_each_send(city: SmallCity, webhook: Webhook, peer: Peer, url: str) -> None:
    Webhook.objects.update(url=url)
    delivery = sent(in_line(city, webhook))
    assert (delivery.state, delivery.status_code) == ("pending", None)
    assert "not on the public Internet" in delivery.last_error


def test_an_exception_that_the_operator_took_back(
    city: SmallCity, webhook: Webhook, peer: Peer, settings: LazySettings
) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = []
    assert "not on the public Internet" in sent(in_line(city, webhook)).last_error
    assert peer.asked == []


# --- Nobody holds up another ---------------------------------------------------------------------


def test_a_worker_that_died_loses_nothing(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    delivery = in_line(city, webhook)
    Webhook.objects.update(busy_until=timezone.now() + timedelta(seconds=80))
    claimed = sending.claim(webhook.pk)
    assert claimed is not None
    assert sending.claim(webhook.pk) is None
    assert sending.webhooks_due() == []
    later(delivery, seconds=90)
    assert sending.webhooks_due() == [webhook.pk]
    assert sent(delivery).state == "delivered"
    # The dead one was only slow, and says now that it failed.
    record(claimed, Outcome(500, "The receiver answered 500."))
    assert fresh(delivery).state == "delivered"


def test_one_worker_at_a_time(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    in_line(city, webhook)
    Webhook.objects.update(busy_until=timezone.now() + timedelta(seconds=5))
    assert not sending.send_through(webhook.pk)
    assert peer.asked == []


def test_a_fault_of_ours_holds_up_nothing(
    city: SmallCity, webhook: Webhook, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = alerts("webhook_failed")
    with monkeypatch.context() as patch:
        patch.setattr("requests311.webhooks.contents.photo_urls", lambda request: [object()])
        delivery = sent(in_line(city, webhook))
    assert (delivery.state, alerts("webhook_failed")) == ("pending", before + 1)
    assert "TypeError" in delivery.last_error or "JSONEncodeError" in delivery.last_error
    assert sent(due(delivery)).state == "delivered"


def test_the_task_sends_what_was_announced(
    city: SmallCity, webhook: Webhook, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[Any] = []
    monkeypatch.setattr("requests311.tasks.wake", lambda task, *args: woken.append((task.name, args)))
    delivery = in_line(city, webhook)
    tasks.send_webhooks_due()
    assert woken == [("requests311.tasks.send_through_webhook", (str(webhook.pk),))]
    tasks.send_through_webhook(str(webhook.pk))
    assert fresh(delivery).state == "delivered"
    assert len(woken) == 1


@pytest.mark.django_db(transaction=True)
def test_a_hanging_receiver_holds_up_nobody_else(city: SmallCity, settings: LazySettings) -> None:
    settings.FORWARD_TIMEOUT_SECONDS = 3.0
    with running() as hanging, running() as other:
        settings.OUTBOUND_PRIVATE_HOSTS = [hanging.host, other.host]
        hanging.hang()
        other.behaviour = says(b"")
        slow = webhook_of(city, "roads-west", url=f"http://{hanging.host}/")
        quick = webhook_of(city, "roads-west", url=f"http://{other.host}/")
        for _ in range(3):
            told(city)

        def send() -> None:
            try:
                sending.send_through(slow.pk)
            finally:
                connection.close()

        worker = threading.Thread(target=send)
        worker.start()
        until = time.monotonic() + 2
        while not hanging.asked and time.monotonic() < until:
            time.sleep(0.01)
        assert hanging.asked
        sending.send_through(quick.pk)
        assert len(other.asked) == 3
        assert worker.is_alive()
        worker.join(10)
    # One try told that it hangs; the others were not even begun.
    assert len(hanging.asked) == 1
    slow.refresh_from_db()
    assert slow.paused_until is not None
    assert "in time" in slow.last_error
