"""Two people move one request at the same moment."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from requests311.actions.reroute import reroute
from requests311.actions.transition import transition
from requests311.actors import Actor
from requests311.errors import StaleVersion
from requests311.models import Event, ServiceRequest
from requests311.policies import Role
from requests311.statuses import Status
from tests.factories.cities import person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import report
from tests.waiting import one_behind_the_other


@pytest.mark.django_db(transaction=True)
def test_exactly_one_wins() -> None:
    city = small_city()
    dispatchers = [person(role=Role.DISPATCHER, city=city) for _ in range(2)]
    request = report(city, guest())
    targets = [Status.ACKNOWLEDGED, Status.REJECTED]
    start = Barrier(2)

    def run(number: int) -> str:
        try:
            actor = Actor(dispatchers[number])
            start.wait(timeout=30)
            transition(by=actor, key=request.number, to=targets[number], if_version=1, text="Because.")
            return "won"
        except StaleVersion:
            return "stale"
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        answers = Counter(pool.map(run, range(2)))
    assert answers == {"won": 1, "stale": 1}
    row = ServiceRequest.objects.get(pk=request.pk)
    event = Event.objects.get(request=row, version=2)
    assert (row.version, row.status) == (2, event.to_status)
    assert Event.objects.filter(request=row).count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_second_waits_for_the_first_and_then_is_stale() -> None:
    city = small_city()
    dispatcher = person(role=Role.DISPATCHER, city=city)
    request = report(city, guest())

    def run(to: Status) -> ServiceRequest:
        return transition(by=Actor(dispatcher), key=request.number, to=to, if_version=1, text="Because.")

    first, second = one_behind_the_other(lambda: run(Status.ACKNOWLEDGED), lambda: run(Status.REJECTED))
    assert first.result().status == Status.ACKNOWLEDGED
    assert isinstance(second.exception(), StaleVersion)
    assert ServiceRequest.objects.get().status == Status.ACKNOWLEDGED


@pytest.mark.django_db(transaction=True)
def test_who_waits_while_another_department_gets_it_is_stale_and_not_blind() -> None:
    city = small_city()
    dispatcher = person(role=Role.DISPATCHER, city=city)
    request = report(city, guest())

    def hand_on() -> ServiceRequest:
        return reroute(by=Actor(dispatcher), key=request.number, if_version=1, department="parks", reason="A root.")

    def move() -> ServiceRequest:
        return transition(by=Actor(dispatcher), key=request.number, to=Status.ACKNOWLEDGED, if_version=1)

    _, second = one_behind_the_other(hand_on, move)
    assert isinstance(second.exception(), StaleVersion)
