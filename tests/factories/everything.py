"""One row, at least, of every table of the domain."""

from datetime import timedelta

from django.utils import timezone

from api.models import IdempotencyKey
from api.open311 import keys
from geo import outlines
from requests311.models import (
    Connector,
    EscalationStep,
    Event,
    EventRemoval,
    Follower,
    Forward,
    Handover,
    Merge,
    PhotoFetch,
    Question,
    ReceivedUpdate,
    RejectionReason,
    SavedFilter,
    StandardText,
    SyncedOperation,
    Team,
    Webhook,
    WebhookDelivery,
)
from requests311.policies import Role
from tests.factories.addresses import Line, has_addresses
from tests.factories.assets import light
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import photo, report


def city_with_everything() -> SmallCity:
    """A small city in which something has happened of everything that can."""
    now = timezone.now()
    made = small_city()
    has_addresses(made.jurisdiction.code, Line("12", "Main Street"))
    outlines.draw(made.areas["boundary"].pk, "ward")
    crew = person("somebody@example.org", role=Role.CREW, city=made, department="roads")
    person("else@example.org", role=Role.DISPATCHER, city=made)
    reporter = guest()
    request = report(made, reporter, client_id="c", photos=[photo(reporter).pk])
    connector = Connector.objects.create(department=made.departments["roads"], kind="open311", url="https://x.example")
    Forward.objects.create(request=request, connector=connector)
    hook = Webhook.objects.create(jurisdiction=made.jurisdiction, url="https://x.example", secret="whsec_bmV3")
    WebhookDelivery.objects.create(webhook=hook, event=Event.objects.get())
    EventRemoval.objects.create(at=now, role="somebody", events=1, first_at=now, last_at=now)
    PhotoFetch.objects.create(request=request, url="http://x.example/a.jpg")
    ReceivedUpdate.objects.create(source="key:1", update_id="u", request=request)
    SavedFilter.objects.create(owner=reporter, name="Overdue", query={"overdue": "true"}, position=0)
    said = {"jurisdiction": made.jurisdiction, "status": "resolved", "language": "en", "text": "{number}"}
    parts = {"department": made.departments["roads"], "service": made.services["pothole"]}
    StandardText.objects.create(title="Filled", **said, **parts)
    StandardText.objects.create(title="Thanks", **said)
    team = Team.objects.create(department=made.departments["roads"], code="asphalt", name="Asphalt", lead=crew)
    team.members.add(crew)
    EscalationStep.objects.create(jurisdiction=made.jurisdiction, percent=80, tells="lead")
    RejectionReason.objects.create(
        jurisdiction=made.jurisdiction,
        code="state",
        text="This road is the State's.",
        names_responsible=True,
        responsible="The State",
        contact="511",
    )
    soon = now + timedelta(days=1)
    Question.objects.create(request=request, text="Which lane?", asked_by=crew, expires_at=soon)
    Handover.objects.create(request=request, email="contractor@example.org", by=crew, expires_at=soon)
    Follower.objects.create(request=request, user=crew)
    Merge.objects.create(duplicate=report(made, reporter), kept=request, by=crew)
    SyncedOperation.objects.create(user=crew, operation="o", fingerprint="f", result={})
    keys.make(name="An app")
    IdempotencyKey.objects.create(user=reporter, key="k", fingerprint="f")
    light(made)
    return made
