"""A client of the standard in each format, a city, and keys that may write."""

import pytest
from django.test import Client

from tests.api.open311.keys import make_key
from tests.api.open311.making import sandbox_of
from tests.api.open311.reading import FORMATS, Speaker
from tests.factories.cities import SmallCity


@pytest.fixture(params=FORMATS)
def speak(request: pytest.FixtureRequest) -> Speaker:
    """One client a format: what is tested with it holds in both."""
    return Speaker(request.param, Client())


@pytest.fixture
def api_key(city: SmallCity) -> str:
    """May write to the city."""
    return make_key("Fix it, an app")


@pytest.fixture
def sandbox_key(city: SmallCity) -> str:
    """May write to a sandbox alone."""
    return make_key("Fix it, under development", test=True)


@pytest.fixture
def sandbox(city: SmallCity) -> SmallCity:
    return sandbox_of(city)
