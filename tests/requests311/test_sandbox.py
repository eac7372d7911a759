"""A sandbox: a copy of a city that nobody sees, where programs in the making write to."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from geo.models import Area
from requests311.actions.submit import submit
from requests311.city.sandbox import SandboxExists, make_sandbox
from requests311.errors import OutsideEveryJurisdiction
from requests311.models import (
    Attribute,
    Department,
    EscalationStep,
    Jurisdiction,
    MapChange,
    RejectionReason,
    RoutingRule,
    Service,
    ServiceArea,
    ServiceRequest,
    Team,
)
from requests311.places import locate
from requests311.policies import Role
from tests.api.asking import API
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest, signed_in
from tests.requests311.reporting import at, refused, report

pytestmark = pytest.mark.django_db


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def pretended(city: SmallCity, **more: Any) -> ServiceRequest:
    values: dict[str, Any] = {"by": guest(), "service": "pothole", "location": at(city.point_in("west")), **more}
    return submit(sandbox=True, **values).request


def test_the_copy_is_whole(city: SmallCity) -> None:
    team = Team.objects.create(
        department=city.departments["roads"], code="one", name="One", lead=person("a@example.org")
    )
    team.members.add(person("b@example.org"))
    EscalationStep.objects.create(jurisdiction=city.jurisdiction, percent=80, tells="lead")
    RejectionReason.objects.create(
        jurisdiction=city.jurisdiction, code="state", text="No.", names_responsible=True, responsible="X", contact="311"
    )
    Service.objects.filter(code="pothole").update(priority=1, resolutions=["fixed"], completion_photo=True)
    made = make_sandbox(city.jurisdiction)
    assert (made.code, made.sandbox, made.time_zone) == ("smallville-sandbox", True, "America/Chicago")
    assert made.boundary.boundary.equals(city.areas["boundary"].boundary)

    def parts(jurisdiction: Jurisdiction) -> list[Any]:
        own = {"jurisdiction": jurisdiction}
        return [
            sorted(Area.objects.filter(parent=jurisdiction.boundary).values_list("kind", "code", "name")),
            sorted(
                Department.objects.filter(**own).values_list("code", "name", "parent__code", "is_dispatch_desk"),
                key=str,
            ),
            sorted(
                Service.objects.filter(**own).values_list(
                    *("code", "name", "visibility", "due_after", "priority", "resolutions", "completion_photo")
                ),
                key=str,
            ),
            list(Team.objects.filter(department__jurisdiction=jurisdiction).values_list("department__code", "code")),
            list(EscalationStep.objects.filter(**own).values_list("percent", "tells")),
            list(
                RejectionReason.objects.filter(**own).values_list(
                    *("code", "text", "names_responsible", "responsible", "contact", "active")
                )
            ),
            sorted(Attribute.objects.filter(service__jurisdiction=jurisdiction).values_list("service__code", "code")),
            sorted(
                ServiceArea.objects.filter(service__jurisdiction=jurisdiction).values_list(
                    "service__code", "area__code"
                )
            ),
            sorted(
                RoutingRule.objects.filter(**own).values_list(
                    "service__code", "department__code", "area__code", "attribute", "value"
                ),
                key=str,
            ),
        ]

    assert parts(made) == parts(city.jurisdiction)
    copied = Team.objects.get(department__jurisdiction=made)
    assert (copied.lead, copied.members.count()) == (None, 0)
    # Nothing of the copy leads back to the city.
    assert not RoutingRule.objects.filter(jurisdiction=made).exclude(department__jurisdiction=made).exists()
    assert not Department.objects.filter(jurisdiction=made, parent__jurisdiction=city.jurisdiction).exists()
    assert set(
        RoutingRule.objects.filter(jurisdiction=made, area__isnull=False).values_list("area__parent", flat=True)
    ) == {made.boundary_id}


def test_once(city: SmallCity) -> None:
    make_sandbox(city.jurisdiction)
    with refused(SandboxExists):
        make_sandbox(city.jurisdiction)


def test_the_command(city: SmallCity) -> None:
    out = StringIO()
    call_command("make_sandbox", "smallville", stdout=out)
    assert "smallville-sandbox" in out.getvalue()
    for code, words in (("smallville", "already"), ("nowhere", "smallville"), ("smallville-sandbox", "smallville")):
        with pytest.raises(CommandError, match=words):
            call_command("make_sandbox", code)


def test_a_report_there_is_routed_as_in_the_city(city: SmallCity) -> None:
    made = make_sandbox(city.jurisdiction)
    real, pretence = report(city, guest()), pretended(city)
    assert pretence.jurisdiction == made
    assert pretence.department.jurisdiction == made
    assert pretence.department.code == real.department.code
    assert pretence.reason.partition(" (rule ")[0] == real.reason.partition(" (rule ")[0]
    assert real.jurisdiction == city.jurisdiction


def test_without_a_sandbox_there_is_nobody(city: SmallCity) -> None:
    with refused(OutsideEveryJurisdiction):
        pretended(city)


def test_a_place_is_the_city_s(city: SmallCity) -> None:
    made = make_sandbox(city.jurisdiction)
    point = at(city.point_in("west"))
    assert [j.pk for j in locate(point).jurisdictions] == [city.jurisdiction.pk]
    assert [j.pk for j in locate(point, sandbox=True).jurisdictions] == [made.pk]


def test_nobody_else_sees_it(city: SmallCity) -> None:
    make_sandbox(city.jurisdiction)
    changes = MapChange.objects.count()
    pretence = pretended(city)
    assert pretence.visibility == "private"
    assert MapChange.objects.count() == changes
    latitude, longitude = city.point_in("west")
    box = "-100.1,39.9,-99.7,40.3"
    for client in (Client(), signed_in(guest()), signed_in(person(role=Role.DISPATCHER, city=city))):
        assert client.get(f"{API}/requests").json()["results"] == []
        assert client.get(f"{API}/requests?jurisdiction=smallville-sandbox").json()["results"] == []
        assert client.get(f"{API}/requests/{pretence.pk}").status_code == 404
        assert client.get(f"{API}/requests/{pretence.number}/events").status_code == 404
        assert client.get(f"{API}/map/requests?bbox={box}").json()["features"] == []
        assert client.get(f"{API}/map/heat?bbox={box}").json()["features"] == []
        found = client.get(f"{API}/locate?latitude={latitude}&longitude={longitude}").json()
        assert found["jurisdiction"]["code"] == "smallville"
    for kind in ("jurisdiction", "ward"):
        for area in Client().get(f"{API}/map/areas?kind={kind}&bbox={box}&zoom=10").json()["features"]:
            assert "sandbox" not in str(area)


def changed_at(city: SmallCity) -> Any:
    return Jurisdiction.objects.values_list("catalogue_changed_at", flat=True).get(pk=city.jurisdiction.pk)


class TestChangeset:
    @pytest.mark.parametrize(
        "change",
        [
            lambda city: Service.objects.filter(code="pothole", jurisdiction=city.jurisdiction).update(name="Hole"),
            lambda city: Service.objects.create(jurisdiction=city.jurisdiction, code="new", name="New"),
            lambda city: Attribute.objects.filter(code="position").update(description="Where?"),
            lambda city: ServiceArea.objects.all().delete(),
            lambda city: Department.objects.filter(code="parks").update(name="Green"),
            lambda city: RoutingRule.objects.filter(attribute="position").delete(),
        ],
        ids=["service", "new service", "attribute", "area", "department", "rule"],
    )
    def test_it_moves_with_the_catalogue(self, city: SmallCity, change: Any) -> None:
        before = changed_at(city)
        change(city)
        assert changed_at(city) > before
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            assert changed_at(city) <= cursor.fetchone()[0]

    def test_and_with_nothing_else(self, city: SmallCity) -> None:
        before = changed_at(city)
        report(city, guest())
        Jurisdiction.objects.update(reopen_days=20)
        small_city("elsewhere", (-90.0, 30.0))
        assert changed_at(city) == before


def test_a_client_of_the_api_cannot_ask_for_it(city: SmallCity, settings: Any) -> None:
    make_sandbox(city.jurisdiction)
    client: APIClient = signed_in(guest())
    latitude, longitude = city.point_in("west")
    body = {"service": "pothole", "location": {"latitude": latitude, "longitude": longitude}, "sandbox": True}
    assert client.post(f"{API}/requests", body, format="json").status_code == 422
