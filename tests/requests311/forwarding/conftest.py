from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from requests311.models import Connector
from tests.factories.cities import SmallCity, small_city
from tests.requests311.forwarding.peers import Peer, running


@pytest.fixture
def peer(settings: LazySettings) -> Iterator[Peer]:
    """A department's own system, which the operator has allowed to be on this machine."""
    with running() as peer:
        settings.OUTBOUND_PRIVATE_HOSTS = [peer.host]
        yield peer


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def connector(city: SmallCity, peer: Peer) -> Connector:
    """The agency's: its yards have none of their own."""
    return Connector.objects.create(
        department=city.departments["roads"],
        kind="open311",
        url=peer.url,
        jurisdiction_id="b.example",
        api_key="key-of-roads",
    )
