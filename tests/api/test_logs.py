"""A full story leaves lines that name request and actor, and nothing that is anybody's business."""

import logging
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from tests.api.asking import API, move, phone_entry, report, submit, uploaded
from tests.factories.cities import SmallCity
from tests.factories.people import PASSWORD, resident

pytestmark = pytest.mark.django_db


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Our own lines; structlog hands its event over as the record's message."""
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def test_the_story_of_a_report(caplog: pytest.LogCaptureFixture, crew: APIClient, city: SmallCity) -> None:
    ada = resident("ada@example.org")
    caplog.set_level(logging.DEBUG)
    phone = APIClient()
    secrets = [PASSWORD, "ada@example.org", "Ada Lovelace", "+1 555 0100", "Behind the blue door", "token-of-the-phone"]

    signed_in = phone.post(f"{API}/auth/token", {"email": "ada@example.org", "password": PASSWORD}).json()
    phone.post(f"{API}/auth/token", {"email": "ada@example.org", "password": "wrong-password-311"})
    fresh = phone.post(f"{API}/auth/refresh", {"refresh": signed_in["refresh"]}).json()
    phone.post(f"{API}/auth/refresh", {"refresh": signed_in["refresh"] + "x"})
    secrets += [signed_in["access"], signed_in["refresh"], fresh["access"], fresh["refresh"], "wrong-password-311"]
    phone.credentials(HTTP_AUTHORIZATION=f"Bearer {fresh['access']}")
    phone.put(f"{API}/me/devices/phone-1", phone_entry())
    body = report(
        city,
        description="Behind the blue door",
        address="12 Canal Street",
        photos=[uploaded(phone)],
        contact={"name": "Ada Lovelace", "email": "ada@example.org", "phone": "+1 555 0100"},
    )
    made = submit(phone, body, key="key-of-ada").json()
    submit(phone, {**body, "status": "Behind the blue door"})
    move(crew, made["id"], {"to": "on_hold", "text": "Behind the blue door"})
    phone.get(f"{API}/requests/{made['number']}", {"email": "ada@example.org"})
    phone.get(f"{API}/nothing/ada@example.org")
    secrets += ["12 Canal Street", str(body["location"]["latitude"]), "key-of-ada"]

    written = "\n".join(f"{record.getMessage()} {record.exc_text or ''}" for record in caplog.records)
    assert [secret for secret in secrets if secret in written] == []

    told = [line for line in lines(caplog) if line.get("event") == "request"]
    assert len(told) == 11
    assert len({line["request_id"] for line in told}) == len(told)
    by_ada = [line for line in told if line.get("actor_id") == str(ada.pk)]
    assert [line["route"] for line in by_ada] == [
        "api/v1/me/devices/<str:installation_id>",
        "api/v1/photos",
        "api/v1/requests",
        "api/v1/requests",
        "api/v1/requests/<str:key>",
    ]
    assert User.objects.filter(pk=next(x["actor_id"] for x in told if "transitions" in x["route"])).exists()


def test_a_line_names_its_request(caplog: pytest.LogCaptureFixture, client: APIClient) -> None:
    caplog.set_level(logging.INFO)
    client.get(f"{API}/requests/x", headers={"X-Request-ID": "asked-by-me"})
    line = lines(caplog)[-1]
    assert (line["request_id"], line["method"], line["status"]) == ("asked-by-me", "GET", 404)
    assert line["route"] == "api/v1/requests/<str:key>"
    assert line["milliseconds"] >= 0
    assert "actor_id" not in line


def test_nobody_is_named_after_somebody(caplog: pytest.LogCaptureFixture, phone: APIClient) -> None:
    """What one request bound to its thread is gone in the next."""
    caplog.set_level(logging.INFO)
    phone.get(f"{API}/requests")
    APIClient().get(f"{API}/requests")
    first, second = lines(caplog)[-2:]
    assert "actor_id" in first
    assert "actor_id" not in second


@pytest.mark.parametrize("url", ["/livez", "/readyz", "/metrics"])
def test_what_machines_ask_is_not_logged(caplog: pytest.LogCaptureFixture, client: APIClient, url: str) -> None:
    caplog.set_level(logging.INFO)
    client.get(url)
    assert [line for line in lines(caplog) if line.get("event") == "request"] == []
