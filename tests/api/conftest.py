import pytest
from rest_framework.test import APIClient

from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in


@pytest.fixture
def city(db: None) -> SmallCity:
    return small_city()


@pytest.fixture
def phone(db: None) -> APIClient:
    """A guest's phone, signed in."""
    return signed_in(person())


@pytest.fixture
def stranger(db: None) -> APIClient:
    """Another resident's phone, signed in."""
    return signed_in(person("stranger@example.org"))


@pytest.fixture
def crew(city: SmallCity) -> APIClient:
    """A member of the yard that has the potholes of the west ward."""
    return signed_in(person(role="crew", city=city, department="roads-west"))


@pytest.fixture
def dispatcher(city: SmallCity) -> APIClient:
    return signed_in(person(role="dispatcher", city=city))
