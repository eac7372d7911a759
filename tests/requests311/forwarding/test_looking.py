"""What staff see of forwards, and how they send them again."""

from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from config.logs import redact
from requests311.models import Connector, Forward
from tests.factories.cities import SmallCity
from tests.requests311.forwarding.forwarded import in_line, sent
from tests.requests311.forwarding.peers import Peer, accepts, says

pytestmark = pytest.mark.django_db


@pytest.fixture
def stuck(city: SmallCity, connector: Connector, peer: Peer) -> Forward:
    peer.behaviour = says([{"code": "400", "description": "no such service"}], 400)
    forward = sent(in_line(city))
    assert forward.state == "stuck"
    peer.behaviour = accepts()
    return forward


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss@example.org"))
    return client


def command(*arguments: str) -> str:
    output = StringIO()
    call_command("forwards", *arguments, stdout=output)
    return output.getvalue()


def test_the_command_lists_and_sends_again(stuck: Forward, connector: Connector, peer: Peer) -> None:
    shown = command()
    assert f"{stuck.request.number}  roads" in shown
    assert "The other side answered 400: no such service" in shown
    assert "1 stuck." in shown
    assert command("--department", "parks") == "0 stuck.\n"
    assert "will be sent again" not in command("--resend", "--department", "parks")
    assert "1 will be sent again." in command("--resend")
    stuck.refresh_from_db()
    assert (stuck.state, stuck.attempts, stuck.last_error) == ("waiting", 0, "")
    assert command() == "0 stuck.\n"
    assert sent(stuck).state == "accepted"
    assert [asked.headers["Idempotency-Key"] for asked in peer.asked] == [str(stuck.pk)] * 2


def test_the_admin_sends_again(browser: Client, stuck: Forward) -> None:
    url = reverse("admin:requests311_forward_changelist")
    page = browser.get(f"{url}?state=stuck")
    assert "no such service" in page.content.decode()
    answer = browser.post(url, {"action": "resend", "_selected_action": [str(stuck.pk)]}, follow=True)
    assert "1 will be sent again." in answer.content.decode()
    stuck.refresh_from_db()
    assert stuck.state == "waiting"


def test_only_those_that_are_stuck_are_sent_again(browser: Client, stuck: Forward) -> None:
    assert sent(_resent(stuck)).state == "accepted"
    _resent(stuck)
    assert stuck.state == "accepted"


def _resent(forward: Forward) -> Forward:
    from requests311.forwarding.resending import resend

    resend(Forward.objects.filter(pk=forward.pk))
    forward.refresh_from_db()
    return forward


def form(city: SmallCity, **fields: Any) -> dict[str, Any]:
    return {
        "department": city.departments["parks"].pk,
        "kind": "open311",
        "url": "https://parks.example/open311/v2/",
        "format": "json",
        "service_codes": "{}",
        "updates": "updates",
        "active": "on",
        "api_key": "the-key",
        **fields,
    }


def test_the_key_is_written_and_never_shown(browser: Client, city: SmallCity) -> None:
    answer = browser.post(reverse("admin:requests311_connector_add"), form(city))
    assert answer.status_code == 302, answer.content.decode()
    connector = Connector.objects.get()
    assert (connector.api_key, connector.url) == ("the-key", "https://parks.example/open311/v2")
    url = reverse("admin:requests311_connector_change", args=[connector.pk])
    assert "the-key" not in browser.get(url).content.decode()
    assert browser.post(url, form(city, api_key="", active="")).status_code == 302
    connector.refresh_from_db()
    assert (connector.api_key, connector.active) == ("the-key", False)
    assert browser.post(url, form(city, api_key="another")).status_code == 302
    connector.refresh_from_db()
    assert connector.api_key == "another"
    history = browser.get(reverse("admin:requests311_connector_history", args=[connector.pk])).content.decode()
    assert "the-key" not in history
    assert "another" not in history


def test_a_key_is_never_logged() -> None:
    assert redact(None, "info", {"api_key": "the-key"}) == {"api_key": "[redacted]"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": ""}, "url"),
        ({"url": "ftp://parks.example"}, "url"),
        ({"url": "https://user:pass@parks.example"}, "url"),
        ({"kind": "email", "email": "", "updates": "none"}, "email"),
        ({"kind": "email", "email": "a@b.example", "updates": "updates"}, "updates"),
        ({"kind": "webhook", "updates": "none", "api_key": ""}, "api_key"),
        ({"service_codes": ["a"]}, "service_codes"),
        ({"service_codes": {"a": 1}}, "service_codes"),
    ],
)
def test_what_a_connector_cannot_be(city: SmallCity, wrong: dict[str, Any], field: str) -> None:
    values = {"kind": "open311", "url": "https://x.example", "api_key": "k", **wrong}
    connector = Connector(department=city.departments["parks"], **values)
    with pytest.raises(ValidationError) as refused:
        connector.full_clean()
    assert field in refused.value.message_dict


def test_a_webhook_without_a_secret_is_refused_by_the_form(browser: Client, city: SmallCity) -> None:
    fields = form(city, kind="webhook", updates="none", api_key="")
    answer = browser.post(reverse("admin:requests311_connector_add"), fields)
    assert answer.status_code == 200
    assert "A webhook is signed" in answer.content.decode()


def test_a_connector_with_forwards_stays(stuck: Forward, connector: Connector) -> None:
    with pytest.raises(ProtectedError):
        connector.delete()


def test_the_figures(client: APIClient, city: SmallCity, stuck: Forward) -> None:
    in_line(city)
    figures = client.get("/metrics").content.decode()
    assert 'requests311_forwards{state="stuck"} 1.0' in figures
    assert 'requests311_forwards{state="waiting"} 1.0' in figures
    assert 'requests311_forwards{state="token"} 0.0' in figures
