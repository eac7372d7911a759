from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from tests.contract.seeds import Seeds


@pytest.fixture
def seeds(db: None) -> Iterator[Seeds]:
    seeds = Seeds()
    # As Django's own test client does (and undoes, so after it): the connection with the test's transaction
    # outlives a request.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield seeds
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """`long` tests run only where they are asked for by name: pytest -m long."""
    if "long" in config.getoption("markexpr"):
        return
    asked_for_by_nobody = [item for item in items if item.get_closest_marker("long")]
    items[:] = [item for item in items if item not in asked_for_by_nobody]
    config.hook.pytest_deselected(items=asked_for_by_nobody)
