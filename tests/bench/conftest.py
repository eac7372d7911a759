"""A small city with 4,000 made-up requests, then 40,000: what does not depend on the machine's speed shows there."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from api import throttling
from requests311 import catalogue
from script.benchmark.data import copying
from script.benchmark.data.city import City, read_city
from script.benchmark.data.people import copy_guests, copy_staff
from script.benchmark.data.rows import Generator
from script.benchmark.people import make_people
from script.benchmark.workloads.workload import World
from tests.factories.cities import small_city

FEW, MANY = 4_000, 40_000
NOW = datetime(2026, 11, 2, 15, tzinfo=UTC)


def generator_of(city: City, seed: int = 7) -> Generator:
    raw: Any = connection.connection
    return Generator(
        city,
        seed=seed,
        now=NOW,
        reporters=copy_guests(raw, 200, seed=seed),
        staff=copy_staff(raw, 10, seed=seed),
        addresses=3_000,
    )


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The test database for a whole module, put back at its end."""
    limits = override_settings(REDIS_URL="", RATE_LIMITS=dict.fromkeys(settings.RATE_LIMITS, "1000000/hour"))
    with django_db_blocker.unblock(), limits, transaction.atomic():
        throttling.reset()
        catalogue.forget()
        try:
            yield
        finally:
            transaction.set_rollback(True)
            throttling.reset()
            catalogue.forget()


@pytest.fixture(scope="module")
def generator(house: None) -> Generator:
    small_city()
    return generator_of(read_city("smallville"))


@pytest.fixture(scope="module")
def filled(generator: Generator) -> Callable[[int], World]:
    """Grows the table to a size and gives the world of callers there."""
    reached = [0]
    people = make_people(generator.city.jurisdiction, guests=5)
    people.renew()

    def grow(size: int) -> World:
        raw: Any = connection.connection
        if size > reached[0]:
            copying.copy_past(raw, generator, begin=reached[0], end=size)
            reached[0] = size
            # All of ours, and no autovacuum meanwhile, which sees nothing of what is not committed; but not the
            # catalogues of the whole server, which another test worker may be at.
            names = ", ".join(connection.introspection.table_names())
            raw.execute(f"ANALYZE {names}".encode())
            # Foreign keys are looked up here, once, and not again at the end of every test.
            raw.execute("SET CONSTRAINTS ALL IMMEDIATE")
            raw.execute("SET CONSTRAINTS ALL DEFERRED")
        return World(generator, people.guest_tokens, people.dispatcher_token, size=size)

    return grow


@pytest.fixture(scope="module")
def few(filled: Callable[[int], World]) -> World:
    """The table with 4,000 requests, filled for the whole module."""
    return filled(FEW)
