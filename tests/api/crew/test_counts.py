"""GET /crew/counts"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from requests311.models import Membership, ServiceRequest, Team
from requests311.policies import Role
from requests311.statuses import OPEN, Status
from tests.api.asking import API, refused
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in
from tests.requests311.reporting import request_row

pytestmark = pytest.mark.django_db

URL = f"{API}/crew/counts"
DAY = timedelta(days=1)


def counts(user: User) -> dict[str, Any]:
    response = signed_in(user).get(URL)
    assert response.status_code == 200, response.content
    found: dict[str, Any] = response.json()
    return found


@pytest.fixture
def worker(city: SmallCity) -> User:
    return person(role="crew", city=city, department="roads-west")


@pytest.fixture
def rows(city: SmallCity, worker: User) -> list[ServiceRequest]:
    """Each combination of what is counted more than once, and what is not counted at all."""
    now = timezone.now()
    other = person(role="crew", city=city, department="parks")
    team = Team.objects.create(department=city.departments["roads"], code="night", name="Night")
    departments = ["roads", "roads-west", "roads-east", "parks", "desk"]
    found = [
        request_row(
            city,
            status=sorted(OPEN)[number % 5],
            department=city.departments[departments[number // 5 % 5]],
            due_at=(None, now - DAY, now + DAY)[number % 3],
            assignee=(None, worker, other, None)[number % 4],
            team=team if number % 7 == 0 else None,
        )
        for number in range(160)
    ]
    ended = [status for status in Status if status not in OPEN]
    gone = [
        request_row(
            city,
            status=status,
            resolution="fixed" if status == Status.RESOLVED else "",
            resolved_at=now if status == Status.RESOLVED else None,
            closed_at=None if status == Status.RESOLVED else now,
            due_at=now - DAY,
            assignee=worker,
        )
        for status in ended
    ]
    elsewhere = request_row(small_city("otherton", origin=(-90.0, 40.0)), due_at=now - DAY, assignee=worker)
    ServiceRequest.objects.bulk_create([*found, *gone, elsewhere])
    return found


def plain(rows: Sequence[ServiceRequest], me: User, *departments: str) -> dict[str, Any]:
    """The same, counted one by one."""
    those = [row for row in rows if not departments or row.department.code in departments]
    now = timezone.now()
    by_status = Counter(str(row.status) for row in those)
    return {
        "total": len(those),
        "overdue": sum(row.due_at is not None and row.due_at < now for row in those),
        "unassigned": sum(row.assignee_id is None and row.team_id is None for row in those),
        "mine": sum(row.assignee_id == me.pk for row in those),
        "by_status": {status.value: by_status[status.value] for status in Status if status in OPEN},
    }


def test_they_equal_a_plain_count(city: SmallCity, worker: User, rows: list[ServiceRequest]) -> None:
    found = counts(worker)
    assert found == plain(rows, worker, "roads-west")
    assert all([found["total"], found["overdue"], found["unassigned"], found["mine"]])
    assert all(found["by_status"].values())


def test_an_agency_counts_its_units_too(city: SmallCity, rows: list[ServiceRequest]) -> None:
    user = person(role="manager", city=city, department="roads")
    assert counts(user) == plain(rows, user, "roads", "roads-west", "roads-east")


@pytest.mark.parametrize("role", [Role.DISPATCHER, Role.AUDITOR, Role.ADMIN])
def test_the_jurisdiction_as_a_whole(city: SmallCity, rows: list[ServiceRequest], role: Role) -> None:
    user = person(role=role, city=city)
    assert counts(user) == plain(rows, user)


def test_several_memberships_count_each_request_once(city: SmallCity, worker: User, rows: list[ServiceRequest]) -> None:
    for role, code in (("crew", "roads"), ("manager", "roads-west"), ("auditor", "parks")):
        Membership.objects.create(
            user=worker, jurisdiction=city.jurisdiction, department=city.departments[code], role=role
        )
    assert counts(worker) == plain(rows, worker, "roads", "roads-west", "roads-east", "parks")


def test_they_equal_the_queue(worker: User, rows: list[ServiceRequest]) -> None:
    client, found = signed_in(worker), counts(worker)
    queries: list[tuple[dict[str, str], int]] = [
        ({}, found["total"]),
        ({"overdue": "true"}, found["overdue"]),
        ({"overdue": "false"}, found["total"] - found["overdue"]),
        ({"assignee": "none"}, found["unassigned"]),
        ({"assignee": "me"}, found["mine"]),
        *[({"status": status}, number) for status, number in found["by_status"].items()],
    ]
    for query, number in queries:
        page = client.get(f"{API}/crew/queue", {**query, "limit": "200"}).json()
        assert len(page["results"]) == number, query


def test_of_nothing_everything_is_zero(worker: User) -> None:
    open_ones = {status.value: 0 for status in Status if status in OPEN}
    assert counts(worker) == {"total": 0, "overdue": 0, "unassigned": 0, "mine": 0, "by_status": open_ones}


def test_only_who_works_somewhere_may_count(city: SmallCity, client: APIClient, worker: User) -> None:
    refused(client.get(URL), 401, "not_authenticated")
    refused(signed_in(person()).get(URL), 403, "not_allowed")
    refused(signed_in(person("ada@example.org")).get(URL), 403, "not_allowed")
    worker.memberships.update(valid_to=timezone.now() - DAY)
    refused(signed_in(worker).get(URL), 403, "not_allowed")


def test_nobody_else_keeps_a_copy(crew: APIClient) -> None:
    response = crew.get(URL)
    assert response["Cache-Control"] == "private, no-cache"
    assert "Authorization" in response["Vary"]
