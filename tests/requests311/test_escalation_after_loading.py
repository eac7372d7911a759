"""A city's files change its steps while requests are under way: nobody is told too early, and nothing breaks."""

from datetime import timedelta

import pytest
from django.utils import timezone

from requests311 import promises
from requests311.escalation import escalate
from requests311.models import EscalationStep, Event, EventKind, ServiceRequest
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import report

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    made = small_city()
    EscalationStep.objects.create(jurisdiction=made.jurisdiction, percent=80, tells="lead")
    return made


@pytest.fixture
def waiting(city: SmallCity) -> ServiceRequest:
    """A request that has come to its step, and not yet to its due time."""
    request = report(city, guest())
    ServiceRequest.objects.filter(pk=request.pk).update(escalates_at=timezone.now() - timedelta(minutes=1))
    return request


def told(request: ServiceRequest) -> list[dict[str, int]]:
    events = Event.objects.filter(request=request, kind=EventKind.ESCALATED)
    return [event.data["tells"] for event in events]


def test_a_step_that_is_gone_tells_nobody(waiting: ServiceRequest) -> None:
    EscalationStep.objects.all().delete()
    assert not escalate(waiting.pk)
    waiting.refresh_from_db()
    assert (waiting.escalates_at, waiting.version, told(waiting)) == (None, 1, [])


def test_a_step_that_is_later_now_waits(waiting: ServiceRequest) -> None:
    EscalationStep.objects.update(percent=150, tells="director")
    assert not escalate(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.escalates_at == promises.next_escalation(waiting, EscalationStep.objects.all())
    assert told(waiting) == []


def test_a_step_that_is_due_tells(city: SmallCity) -> None:
    request = report(city, guest())
    long_ago = timezone.now() - timedelta(days=300)
    ServiceRequest.objects.filter(pk=request.pk).update(submitted_at=long_ago, escalates_at=long_ago)
    assert escalate(request.pk)
    assert told(request) == [{"lead": 80}]
    assert not escalate(request.pk)
