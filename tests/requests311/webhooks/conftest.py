from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from requests311.models import Webhook
from tests.factories.cities import SmallCity, small_city
from tests.requests311.forwarding.peers import Peer, running, says
from tests.requests311.webhooks.sent import webhook_of


@pytest.fixture
def peer(settings: LazySettings) -> Iterator[Peer]:
    """A receiver, which the operator has allowed to be on this machine."""
    with running() as peer:
        peer.behaviour = says(b"")
        settings.OUTBOUND_PRIVATE_HOSTS = [peer.host]
        yield peer


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def webhook(city: SmallCity, peer: Peer) -> Webhook:
    """The yard's that has the potholes of the west ward."""
    return webhook_of(city, "roads-west", url=f"http://{peer.host}/hook")
