"""Which requests get a forward, and through which connector."""

import pytest
from django.db import DatabaseError, connection

from notifications.models import Message
from requests311 import tasks
from requests311.models import Connector, Forward, ServiceRequest
from requests311.policies import Role
from requests311.statuses import Status
from tests.factories.cities import SmallCity, person
from tests.factories.people import guest
from tests.requests311.forwarding.forwarded import announced, in_line, sent
from tests.requests311.forwarding.peers import Peer
from tests.requests311.reporting import move, report

pytestmark = pytest.mark.django_db


def test_the_agency_s_connector_is_for_its_units(city: SmallCity, connector: Connector) -> None:
    forward = in_line(city)
    assert (forward.connector, forward.state, forward.attempts) == (connector, "waiting", 0)
    assert forward.request.department.code == "roads-west"


def test_a_unit_s_own_comes_first(city: SmallCity, connector: Connector) -> None:
    own = Connector.objects.create(department=city.departments["roads-west"], kind="email", email="west@b.example")
    assert in_line(city).connector == own
    assert in_line(city, ward="east").connector == connector


def test_one_that_is_off_makes_none(city: SmallCity, connector: Connector) -> None:
    Connector.objects.update(active=False)
    announced(report(city, guest()))
    assert not Forward.objects.exists()


def test_another_department_s_request_makes_none(city: SmallCity, connector: Connector) -> None:
    announced(report(city, guest(), attributes={"position": "curb"}))
    assert not Forward.objects.exists()


def test_a_report_makes_none_itself(city: SmallCity, connector: Connector, peer: Peer) -> None:
    """Whoever reports waits for the request and its event, and for nothing of this."""
    with connection.execute_wrapper(_refuse_forwards):
        report(city, guest())
    assert not Forward.objects.exists()
    assert not peer.asked


def _refuse_forwards(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
    if "requests311_forward" in sql or "requests311_connector" in sql:
        raise DatabaseError("a report looked for connectors")
    return execute(sql, params, many, context)


def test_announced_twice_is_forwarded_once(city: SmallCity, connector: Connector) -> None:
    request = in_line(city).request
    request.events.update(announced_at=None)
    announced(request)
    assert Forward.objects.count() == 1


def test_a_forward_that_cannot_be_made_costs_no_message(
    city: SmallCity, connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both or neither: the sweeper tries the event again."""
    request = report(city, guest())
    event = request.events.get()

    def broken(*_: object, **__: object) -> None:
        raise DatabaseError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(type(Forward.objects), "bulk_create", broken)
        tasks.announce(str(event.pk))
    event.refresh_from_db()
    assert event.announced_at is None
    assert not Message.objects.exists()
    announced(request)
    assert (Message.objects.count(), Forward.objects.count()) == (1, 1)


@pytest.mark.parametrize("end", [Status.WITHDRAWN, Status.REJECTED])
def test_what_is_over_before_it_is_sent_is_cancelled(
    city: SmallCity, connector: Connector, peer: Peer, end: Status
) -> None:
    forward = in_line(city)
    assert forward.request.reporter is not None
    by = forward.request.reporter if end == Status.WITHDRAWN else person(role=Role.DISPATCHER, city=city)
    move(forward.request, by, end, text="Not ours.")
    assert sent(forward).state == "cancelled"
    assert not peer.asked


def test_one_that_is_opened_again_goes_on(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward, boss = in_line(city), person(role=Role.DISPATCHER, city=city)
    move(forward.request, boss, Status.ACKNOWLEDGED)
    move(forward.request, boss, Status.RESOLVED, resolution="fixed")
    assert sent(forward).state == "cancelled"
    move(forward.request, boss, Status.ACKNOWLEDGED, text="It is back.")
    announced(ServiceRequest.objects.get())
    assert sent(forward).state == "accepted"
