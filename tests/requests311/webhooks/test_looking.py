"""What the operator sees of webhooks."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from requests311.models import Webhook, WebhookDelivery
from requests311.webhooks.signing import new_secret
from tests.factories.cities import SmallCity
from tests.requests311.forwarding.peers import Peer
from tests.requests311.webhooks.sent import fresh, in_line, sent

pytestmark = pytest.mark.django_db


@pytest.fixture
def dead(city: SmallCity, webhook: Webhook) -> WebhookDelivery:
    delivery = in_line(city, webhook)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state="dead", last_error="The receiver answered 500.")
    return fresh(delivery)


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss@example.org"))
    return client


def test_the_admin_sends_again(browser: Client, dead: WebhookDelivery) -> None:
    url = reverse("admin:requests311_webhookdelivery_changelist")
    assert "The receiver answered 500." in browser.get(f"{url}?state=dead").content.decode()
    answer = browser.post(url, {"action": "resend", "_selected_action": [str(dead.pk)]}, follow=True)
    assert "1 will be sent again." in answer.content.decode()
    assert fresh(dead).state == "pending"


def test_the_admin_shows_no_secret(browser: Client, webhook: Webhook) -> None:
    page = browser.get(reverse("admin:requests311_webhook_change", args=[webhook.pk])).content.decode()
    assert webhook.url in page
    assert webhook.secret not in page


def test_the_figures(client: APIClient, city: SmallCity, webhook: Webhook, dead: WebhookDelivery, peer: Peer) -> None:
    in_line(city, webhook)
    figures = client.get("/metrics").content.decode()
    assert 'requests311_webhook_deliveries{state="dead"} 1.0' in figures
    assert 'requests311_webhook_deliveries{state="pending"} 1.0' in figures


def test_the_receiver_of_the_documentation_knows_ours(city: SmallCity, webhook: Webhook, peer: Peer) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "webhooks.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(compile(code, "webhooks.md", "exec"), names)
    sent(in_line(city, webhook))
    (asked,) = peer.asked
    assert names["is_ours"](webhook.secret, asked.headers, asked.body)
    assert not names["is_ours"](new_secret(), asked.headers, asked.body)
    assert not names["is_ours"](webhook.secret, {**asked.headers, "Webhook-Timestamp": "1"}, asked.body)
