"""Handing over by e-mail and to a webhook."""

import hashlib
import hmac
import json
import smtplib
import time
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail

from config.mail import mail_settings
from requests311.models import Connector, ServiceRequest
from requests311.statuses import Status
from tests.factories.cities import SmallCity
from tests.factories.people import guest
from tests.requests311.forwarding.forwarded import due, in_line, sent
from tests.requests311.forwarding.peers import Peer, says
from tests.requests311.reporting import photo

pytestmark = pytest.mark.django_db

CONTACT = {"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+1 555 0100"}


# --- E-mail --------------------------------------------------------------------------------------


@pytest.fixture
def by_email(city: SmallCity) -> Connector:
    return Connector.objects.create(department=city.departments["roads"], kind="email", email="roads@b.example")


def test_a_letter(city: SmallCity, by_email: Connector, settings: LazySettings) -> None:
    settings.DEFAULT_FROM_EMAIL = "Smallville <311@smallville.example>"
    settings.PUBLIC_URL = "https://311.smallville.example"
    by = guest()
    picture = photo(by, state="ready", thumbnail="t.jpg", large="l.jpg")
    forward = in_line(
        city,
        by,
        photos=[picture.pk],
        description="A <b>hole</b> & more",
        address="12 Main Street",
        attributes={"position": "lane", "lane_number": 2},
        contact=CONTACT,
    )
    assert sent(forward).state == "accepted"
    (letter,) = mail.outbox
    assert (letter.to, letter.from_email, letter.reply_to) == (["roads@b.example"], settings.DEFAULT_FROM_EMAIL, [])
    assert letter.extra_headers["Message-ID"] == f"<{forward.pk}@smallville.example>"
    assert letter.subject == f"{forward.request.number}: Pothole"
    for line in ("A <b>hole</b> & more", "(12 Main Street)", "lane_number: 2", "West Ward", "Roads – West Yard",
                 f"https://311.smallville.example/api/v1/photos/{picture.pk}/large"):  # fmt: skip
        assert line in letter.body, letter.body
    assert "ada@example.org" not in letter.body
    # Nobody has said that they have seen it.
    assert ServiceRequest.objects.get().status == Status.SUBMITTED
    sent(forward)
    assert len(mail.outbox) == 1


def test_a_letter_with_the_contact(city: SmallCity, by_email: Connector) -> None:
    Connector.objects.update(share_contact=True)
    sent(in_line(city, contact=CONTACT))
    assert mail.outbox[0].reply_to == ["ada@example.org"]
    assert "Ada Lovelace ada@example.org +1 555 0100" in mail.outbox[0].body


def test_a_letter_in_spanish(city: SmallCity, by_email: Connector) -> None:
    type(city.jurisdiction).objects.update(languages=["es"])
    sent(in_line(city))
    assert "Un reporte para Roads" in mail.outbox[0].body


@pytest.mark.parametrize(
    ("error", "state", "is_paused"),
    [
        (smtplib.SMTPRecipientsRefused({"x": (550, b"no such user ada@example.org")}), "stuck", False),
        (smtplib.SMTPRecipientsRefused({"x": (450, b"greylisted")}), "waiting", False),
        (smtplib.SMTPDataError(554, b"spam"), "stuck", False),
        (smtplib.SMTPDataError(451, b"later"), "waiting", False),
        (smtplib.SMTPAuthenticationError(535, b"wrong password"), "waiting", True),
        (smtplib.SMTPServerDisconnected("gone"), "waiting", True),
        (ConnectionRefusedError(), "waiting", True),
        (TimeoutError(), "waiting", True),
    ],
)
def test_what_the_mail_server_says(
    city: SmallCity,
    by_email: Connector,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    state: str,
    is_paused: bool,
) -> None:
    def refuse(*_: Any) -> None:
        raise error

    forward = in_line(city)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)
        sent(forward)
    assert forward.state == state
    assert (forward.connector.paused_until is not None) == is_paused
    assert "ada@example.org" not in forward.last_error
    if state == "waiting":
        assert sent(due(forward)).state == "accepted"


def test_without_a_mail_server_a_letter_waits(city: SmallCity, by_email: Connector, settings: LazySettings) -> None:
    settings.EMAIL_BACKEND, _ = mail_settings("")
    forward = sent(in_line(city))
    assert forward.state == "waiting"
    assert "mail server cannot be used" in forward.last_error


def test_email_url() -> None:
    backend, server = mail_settings("smtp://us%40er:pa%2Fss@mail.example")
    assert backend == "django.core.mail.backends.smtp.EmailBackend"
    assert (server.host, server.port, server.user, server.password) == ("mail.example", 587, "us@er", "pa/ss")
    assert (server.starttls, server.tls) == (True, False)
    _, server = mail_settings("smtps://mail.example:4650")
    assert (server.port, server.starttls, server.tls) == (4650, False, True)
    _, server = mail_settings("smtp+plain://127.0.0.1")
    assert (server.port, server.starttls, server.tls) == (25, False, False)


@pytest.mark.parametrize("url", ["mail.example", "smtp://", "https://mail.example", "smtp://mail.example:no"])
def test_what_is_no_email_url(url: str) -> None:
    with pytest.raises(ValueError):
        mail_settings(url)


# --- Webhook -------------------------------------------------------------------------------------


@pytest.fixture
def webhook(city: SmallCity, peer: Peer) -> Connector:
    return Connector.objects.create(
        department=city.departments["roads"], kind="webhook", url=f"http://{peer.host}/hook?x=1", api_key="shared"
    )


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_signed_document(city: SmallCity, webhook: Connector, peer: Peer, status: int) -> None:
    peer.behaviour = says(b"", status)
    before = int(time.time())
    forward = in_line(city, description="Größer", attributes={"position": "lane", "lane_number": 2}, contact=CONTACT)
    assert sent(forward).state == "accepted"
    (asked,) = peer.asked
    assert (asked.path, asked.query) == ("/hook", {"x": ["1"]})
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Idempotency-Key"] == str(forward.pk)
    at, signed = (part.split("=")[1] for part in asked.headers["X-Requests311-Signature"].split(","))
    assert before <= int(at) <= time.time()
    assert signed == hmac.new(b"shared", f"{at}.".encode() + asked.body, hashlib.sha256).hexdigest()
    document = json.loads(asked.body)
    request = forward.request
    latitude, longitude = city.point_in("west")
    assert document["forward_id"] == str(forward.pk)
    assert document["request"] == {
        "id": str(request.pk),
        "number": request.number,
        "service_code": "pothole",
        "service_name": "Pothole",
        "department": "Roads – West Yard",
        "description": "Größer",
        "address": "",
        "location": {"latitude": latitude, "longitude": longitude},
        "areas": request.areas,
        "attributes": {"position": "lane", "lane_number": 2},
        "photos": [],
        "submitted_at": request.submitted_at.isoformat(),
        "due_at": request.due_at.isoformat() if request.due_at else None,
        "contact": {},
    }
    assert ServiceRequest.objects.get().status == Status.SUBMITTED


def test_a_webhook_with_the_contact(city: SmallCity, webhook: Connector, peer: Peer) -> None:
    Connector.objects.update(share_contact=True)
    sent(in_line(city, contact=CONTACT))
    assert json.loads(peer.asked[0].body)["request"]["contact"] == CONTACT


@pytest.mark.parametrize(("status", "state"), [(500, "waiting"), (429, "waiting"), (400, "stuck"), (302, "stuck")])
def test_what_a_webhook_answers(city: SmallCity, webhook: Connector, peer: Peer, status: int, state: str) -> None:
    peer.behaviour = says(b"shared", status)
    forward = sent(in_line(city))
    assert forward.state == state
    assert "shared" not in forward.last_error
