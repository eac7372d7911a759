"""E-mails: who gets them, what is in them, and what each answer of a mail server does to the rows."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import REGISTRY

from config.mail import mail_settings
from notifications import outbox, retention
from notifications.delivery import claim, deliver_batch, lease_seconds
from notifications.models import Channel, Delivery, Message, Switch
from notifications.outbox import Notice
from notifications.sending import attempt_seconds
from notifications.tasks import deliver_due
from notifications.topics import Topic
from tests.notifications.emulator import RunningEmulator
from tests.notifications.smtp import MailServer

pytestmark = pytest.mark.django_db

BOTH = ("push", "email")


@pytest.fixture
def resident() -> Callable[..., Any]:
    def make(email: str = "ada@example.org", **fields: Any) -> Any:
        return get_user_model().objects.create_user(email, **fields)

    return make


def alerts(reason: str) -> float:
    return REGISTRY.get_sample_value("requests311_alerts_total", {"reason": reason}) or 0.0


def counted(channel: str, outcome: str) -> float:
    labels = {"channel": channel, "outcome": outcome}
    return REGISTRY.get_sample_value("requests311_deliveries_total", labels) or 0.0


def again(delivery: Delivery) -> Delivery:
    """Its time has come; what became of it."""
    Delivery.objects.update(next_attempt_at=timezone.now())
    deliver_batch()
    delivery.refresh_from_db()
    return delivery


# --- Who gets one --------------------------------------------------------------------------------


def test_both_channels_at_once(fcm: RunningEmulator, post: MailServer, resident: Any, phone: Any, notice: Any) -> None:
    owner = resident()
    phone(owner)
    before = counted("email", "sent"), counted("push", "sent")
    assert outbox.enqueue([notice(owner, channels=BOTH)]) == 1
    assert deliver_batch() == 2
    assert set(Delivery.objects.values_list("channel", "state", "address")) == {
        ("push", "sent", ""),
        ("email", "sent", "ada@example.org"),
    }
    assert (counted("email", "sent"), counted("push", "sent")) == (before[0] + 1, before[1] + 1)
    assert len(fcm.messages()) == 1
    assert [letter.recipients for letter in post.letters] == [("ada@example.org",)]


def test_push_alone_is_the_default_and_email_alone_is_possible(resident: Any, phone: Any, notice: Any) -> None:
    owner = resident()
    phone(owner)
    outbox.enqueue([notice(owner)])
    assert list(Delivery.objects.values_list("channel", flat=True)) == ["push"]
    outbox.enqueue([notice(owner, channels=("email",))])
    assert sorted(Delivery.objects.values_list("channel", flat=True)) == ["email", "push"]


def test_a_guest_has_no_address(person: Any, notice: Any) -> None:
    assert outbox.enqueue([notice(person(), channels=BOTH)]) == 1
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("off", ["push", "email"])
def test_what_is_switched_off_is_written_and_not_delivered(resident: Any, phone: Any, notice: Any, off: str) -> None:
    owner, other = resident(), resident("bob@example.org")
    for one in (owner, other):
        phone(one)
    Switch.objects.create(user=owner, topic=Topic.MENTIONED, channel=off)
    told = [notice(owner, channels=BOTH, topic=topic) for topic in ("mentioned", "assigned", "")]
    assert outbox.enqueue([*told, notice(other, channels=BOTH, topic="mentioned")]) == 4
    assert set(Message.objects.values_list("topic", flat=True)) == {"mentioned", "assigned", ""}

    def channels(**which: Any) -> list[str]:
        return sorted(Delivery.objects.filter(**which).values_list("channel", flat=True))

    assert channels(message__recipient=owner, message__topic="mentioned") == sorted(set(BOTH) - {off})
    assert channels(message__recipient=owner, message__topic="assigned") == sorted(BOTH)
    assert channels(message__recipient=owner, message__topic="") == sorted(BOTH)
    assert channels(message__recipient=other) == sorted(BOTH)


def test_an_address_without_an_account_is_told_once(mailed: Any, resident: Any, notice: Any) -> None:
    event = uuid4()
    delivery = mailed("eve@example.org", event_id=event)
    assert (delivery.channel, delivery.address, delivery.device_id) == ("email", "eve@example.org", None)
    assert (delivery.message.recipient_id, delivery.message.address) == (None, "eve@example.org")

    def to(address: str) -> Notice:
        return Notice(None, event, "request_submitted", {}, {}, timedelta(1), address=address, channels=BOTH)

    assert outbox.enqueue([to("eve@example.org")]) == 0
    twice = to("ann@example.org")
    assert outbox.enqueue([twice, to("ann@example.org")]) == 1
    # An account with the same address is somebody else.
    assert outbox.enqueue([notice(resident("eve@example.org"), event_id=event, channels=("email",))]) == 1
    assert Delivery.objects.filter(address="eve@example.org").count() == 2


def test_one_statement_whatever_the_count(resident: Any, phone: Any, notice: Any) -> None:
    people = [resident(f"p{number}@example.org") for number in range(20)]
    phone(people[0])
    strangers = [
        Notice(None, uuid4(), "request_submitted", {}, {}, timedelta(1), address=f"s{number}@x.example", channels=BOTH)
        for number in range(20)
    ]
    gone = notice(SimpleNamespace(pk=uuid4()), channels=BOTH)
    with CaptureQueriesContext(connection) as queries:
        told = [notice(one, channels=BOTH, topic="assigned") for one in people]
        assert outbox.enqueue([gone, *told, *strangers]) == 40
    assert len(queries) == 1
    assert Delivery.objects.filter(channel="email").count() == 40
    assert Delivery.objects.filter(channel="push").count() == 1


def test_the_worker_is_woken_for_an_email_alone(
    resident: Any, notice: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        outbox.enqueue([notice(resident(), channels=("email",))])
    assert [callback.args for callback in callbacks] == [(deliver_due,)]


@pytest.mark.parametrize(
    ("change", "code"),
    [({"is_active": False}, "account_inactive"), ({"email": "new@example.org"}, "address_changed")],
)
def test_an_address_that_is_no_longer_the_recipient_s(
    post: MailServer, resident: Any, notice: Any, change: dict[str, Any], code: str
) -> None:
    owner = resident()
    outbox.enqueue([notice(owner, channels=("email",))])
    get_user_model().objects.filter(pk=owner.pk).update(**change)
    assert deliver_batch() == 1
    assert list(Delivery.objects.values_list("state", "error_code")) == [("cancelled", code)]
    assert post.letters == []


def test_who_is_erased_leaves_nothing(resident: Any, notice: Any) -> None:
    owner = resident()
    outbox.enqueue([notice(owner, channels=BOTH)])
    Switch.objects.create(user=owner, topic=Topic.DIGEST, channel=Channel.EMAIL)
    owner.delete()
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()
    assert not Switch.objects.exists()


def test_old_ones_are_removed(mailed: Any) -> None:
    mailed(sender="town")
    Message.objects.update(created_at=timezone.now() - timedelta(9), expires_at=timezone.now() - timedelta(2))
    assert retention.remove_old(sender="town", days=5, limit=10) == retention.Removed(messages=1, deliveries=1)


# --- What is in it -------------------------------------------------------------------------------


def test_the_letter(post: MailServer, resident: Any, notice: Any) -> None:
    owner = resident(language="es-MX")
    data = {"link": "https://311.city.example/r/1"}
    outbox.enqueue([notice(owner, channels=("email",), data=data, topic="assigned", kind="request_assigned")])
    deliver_batch()
    delivery = Delivery.objects.get()
    [letter] = post.letters
    message = letter.message
    assert delivery.provider_id == message["Message-ID"] == f"<{delivery.pk}@city.example>"
    assert (message["From"], message["To"]) == ("City <311@city.example>", "ada@example.org")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"]
    assert message.get_content_type() == "text/plain"
    assert message["Subject"] == "Bache: asignado a una cuadrilla"
    assert letter.text == (
        "Transporte asignó su reporte 7K3F-9QTD a una cuadrilla.\n\n"
        "https://311.city.example/r/1\n\n"
        "Recibe esto porque se le asignan solicitudes; puede desactivarlo en Notificaciones, dentro de su cuenta.\n"
    )


@pytest.mark.parametrize(
    ("language", "fallback", "subject"),
    [
        ("", "es", "Bache: a cargo de Transporte"),
        ("fr", "es", "Bache: a cargo de Transporte"),
        ("", "en", "Pothole is with Transportation"),
        ("en-GB", "es", "Pothole is with Transportation"),
    ],
)
def test_the_person_s_language_else_the_fallback(
    post: MailServer, resident: Any, notice: Any, language: str, fallback: str, subject: str
) -> None:
    owner = resident(language=language)
    outbox.enqueue([notice(owner, channels=("email",), fallback_language=fallback)])
    deliver_batch()
    assert post.letters[0].message["Subject"] == subject


def test_a_kind_with_a_text_of_its_own(post: MailServer, mailed: Any) -> None:
    link = "https://311.city.example/h/abc"
    mailed(kind="handover_link", context={"text": "Please look.", "link": link}, data={"link": link})
    deliver_batch()
    [letter] = post.letters
    assert letter.message["Subject"] == "A report: handed over to you"
    assert "\n\nPlease look.\n\n" in letter.text
    assert letter.text.count(link) == 1
    assert "your address was given for this report" in letter.text
    assert "switch" not in letter.text


HOSTILE = "Hi\r\nBcc: all@example.org\x0b\x85\u2028X: y\r\n\r\n.\r\nMAIL FROM:<x@example.org>"


def test_no_header_comes_in_by_what_people_write(post: MailServer, mailed: Any) -> None:
    told = dict.fromkeys(("number", "service", "department", "text", "jurisdiction"), HOSTILE)
    mailed(context=told, data={"link": HOSTILE}, kind="request_closed")
    deliver_batch()
    [letter] = post.letters
    assert letter.recipients == ("somebody@example.org",)
    assert letter.message["Bcc"] is None
    assert letter.message["X"] is None
    assert "\n" not in letter.message["Subject"]
    assert letter.message["Subject"].startswith("Hi")


@pytest.mark.parametrize(
    "address",
    [
        "a@example.org\r\nBcc: b@example.org",
        "a@example.org\nBcc: b@example.org",
        "a@example.org, b@example.org",
        "Bob <b@example.org>",
        "a@example.org>\r\nRCPT TO:<b@example.org",
        "nobody",
    ],
)
def test_an_address_that_is_none_is_never_tried(post: MailServer, mailed: Any, address: str) -> None:
    delivery = mailed(address)
    assert deliver_batch() == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.error_code) == ("dead", "INVALID_MESSAGE")
    assert "example" not in delivery.error
    assert post.conversations == 0


# --- What the mail server says -------------------------------------------------------------------


@pytest.mark.parametrize("command", ["RCPT", "TEXT"])
def test_550_is_final(post: MailServer, mailed: Any, command: str) -> None:
    post.answers[command] = "550 5.1.1 no such user <somebody@example.org>"
    delivery = again(mailed())
    assert (delivery.state, delivery.error_code) == ("dead", "SMTP_550")
    assert "somebody" not in delivery.error
    post.answers.clear()
    assert outbox.resend(Delivery.objects.all()) == 1
    assert again(delivery).state == "sent"


def test_resend_leaves_an_address_alone_that_is_another_s_now(resident: Any, notice: Any) -> None:
    owner = resident()
    outbox.enqueue([notice(owner, channels=("email",))])
    Delivery.objects.update(state="dead", error_code="SMTP_550")
    get_user_model().objects.filter(pk=owner.pk).update(email="new@example.org")
    assert outbox.resend(Delivery.objects.all()) == 0
    get_user_model().objects.filter(pk=owner.pk).update(email="ada@example.org")
    assert outbox.resend(Delivery.objects.all()) == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "TEXT"])
def test_451_is_tried_again_with_the_same_message_id(post: MailServer, mailed: Any, command: str) -> None:
    post.answers[command] = "451 4.7.1 greylisted"
    delivery = again(mailed())
    assert (delivery.state, delivery.error_code, delivery.attempts) == ("pending", "SMTP_451", 1)
    assert delivery.next_attempt_at > timezone.now() - timedelta(seconds=1)
    post.answers.clear()
    delivery = again(delivery)
    assert (delivery.state, delivery.attempts) == ("sent", 2)
    assert [letter.message["Message-ID"] for letter in post.letters] == [f"<{delivery.pk}@city.example>"]


def test_a_letter_that_comes_twice_has_one_message_id(post: MailServer, mailed: Any) -> None:
    """A worker died between sending and writing it down."""
    delivery = again(mailed())
    Delivery.objects.update(state="pending", sent_at=None)
    assert again(delivery).state == "sent"
    one, two = post.letters
    assert one.message["Message-ID"] == two.message["Message-ID"]


@pytest.mark.parametrize(("command", "answer"), [("MAIL", "550 who are you"), ("GREETING", "554 go away")])
def test_a_server_that_does_not_want_us_calls_a_person(
    post: MailServer, mailed: Any, command: str, answer: str
) -> None:
    post.answers[command] = answer
    before = alerts("email_refused")
    delivery = again(mailed())
    assert (delivery.state, delivery.error_code) == ("pending", f"SMTP_{answer[:3]}")
    assert (delivery.next_attempt_at - timezone.now()).total_seconds() > 25
    assert alerts("email_refused") == before + 1


def test_no_mail_server_is_set(settings: Any, mailed: Any) -> None:
    settings.EMAIL_BACKEND = "config.mail.NoMailServer"
    before = alerts("email_not_configured")
    delivery = again(mailed())
    assert (delivery.state, delivery.error_code) == ("pending", "email_not_configured")
    assert alerts("email_not_configured") == before + 1


def test_a_server_that_is_down_costs_a_batch_a_few_tries(settings: Any, post: MailServer, mailed: Any) -> None:
    up, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    deliveries = [mailed(f"a{number}@example.org") for number in range(10)]
    assert deliver_batch() == 10
    assert set(Delivery.objects.values_list("state", "error_code", "attempts")) == {("pending", "SMTP_UNREACHABLE", 1)}
    settings.EMAIL_PORT = up
    assert again(deliveries[0]).state == "sent"


def test_a_farewell_that_fails_is_no_failure(post: MailServer, mailed: Any) -> None:
    post.answers["QUIT"] = "hang"
    assert again(mailed()).state == "sent"


# --- Beside the pushes ---------------------------------------------------------------------------


def test_without_credentials_for_pushes_emails_go_out(
    settings: Any, post: MailServer, resident: Any, phone: Any, notice: Any
) -> None:
    settings.FIREBASE_CREDENTIALS = ""
    owner = resident()
    phone(owner)
    outbox.enqueue([notice(owner, channels=BOTH)])
    assert deliver_batch() == 2
    assert set(Delivery.objects.values_list("channel", "state", "error_code")) == {
        ("push", "pending", "push_not_configured"),
        ("email", "sent", ""),
    }


def test_without_a_mail_server_pushes_go_out(
    settings: Any, fcm: RunningEmulator, resident: Any, phone: Any, notice: Any
) -> None:
    settings.EMAIL_BACKEND = "config.mail.NoMailServer"
    owner = resident()
    phone(owner)
    outbox.enqueue([notice(owner, channels=BOTH)])
    assert deliver_batch() == 2
    assert len(fcm.messages()) == 1
    assert Delivery.objects.get(channel="email").error_code == "email_not_configured"


def test_a_few_connections_at_a_time_and_a_few_letters_in_a_batch(post: MailServer, mailed: Any) -> None:
    for number in range(30):
        mailed(f"a{number}@example.org")
    post.slow = 0.05
    assert deliver_batch() == 12
    deliver_due()
    assert Delivery.objects.filter(state="sent", attempts=1).count() == 30
    assert len(post.letters) == 30
    assert 1 < post.most <= 4


def test_many_emails_do_not_stand_in_line_before_a_push(mailed: Any, told: Any) -> None:
    for number in range(30):
        mailed(f"a{number}@example.org")
    push = told()
    assert push.pk in [each.pk for each in claim(uuid4(), 1)]


def test_a_hanging_mail_server_holds_up_no_push_and_ends_before_the_lease(
    settings: Any, fcm: RunningEmulator, post: MailServer, told: Any, mailed: Any
) -> None:
    settings.EMAIL_TIMEOUT, settings.PUSH_TIMEOUT_SECONDS, settings.DELIVERY_LEASE_SECONDS = 1, 1, 1
    settings.PUSH_THREADS = 2
    post.answers["GREETING"] = "hang"
    for number in range(10):
        mailed(f"a{number}@example.org")
    pushes = [told() for _ in range(10)]
    begun = time.monotonic()
    assert deliver_batch() == 20
    assert time.monotonic() - begun < lease_seconds()
    assert Delivery.objects.filter(pk__in=[each.pk for each in pushes], state="sent").count() == 10
    # Those that were not tried learn it from the one that was.
    assert set(Delivery.objects.filter(channel="email").values_list("state", "error_code")) == {
        ("pending", "SMTP_UNREACHABLE")
    }
    assert post.conversations == 1


def test_the_lease_covers_a_mail_server_s_time(settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 60
    assert attempt_seconds() > 120
    assert lease_seconds() > attempt_seconds()


def test_in_development_a_letter_is_a_file(settings: Any, mailed: Any, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND, server = mail_settings((tmp_path / "mail").as_uri())
    settings.EMAIL_FILE_PATH = server.folder
    mailed("works@contractor.example")
    deliver_due()
    (letter,) = (tmp_path / "mail").iterdir()
    assert "To: works@contractor.example" in letter.read_text()
    assert Delivery.objects.get().state == "sent"
