"""POST /requests/{key}/assign and POST /requests/{key}/priority"""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from requests311.models import Team
from tests.api.asking import refused, submitted
from tests.api.requests.working import act, acted, etag
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city)


@pytest.fixture
def worker(city: SmallCity) -> User:
    return person(role="crew", city=city, department="roads-west")


@pytest.fixture
def night(city: SmallCity) -> Team:
    return Team.objects.create(department=city.departments["roads-west"], code="night", name="Night shift")


def test_to_a_person_and_a_team_and_to_nobody_again(
    dispatcher: APIClient, made: dict[str, Any], worker: User, night: Team
) -> None:
    now = acted(dispatcher, made["number"], "assign", {"assignee": str(worker.pk), "team": "night"})
    assert (now["status"], now["assignee"], now["team"]) == ("assigned", str(worker.pk), "night")
    assert now["acknowledged_at"] is not None
    now = acted(dispatcher, made["id"], "assign", {"team": "night"})
    assert (now["status"], now["assignee"], now["team"]) == ("assigned", None, "night")
    now = acted(dispatcher, made["id"], "assign", {"assignee": None, "team": None})
    assert (now["status"], now["assignee"], now["team"]) == ("acknowledged", None, None)


def test_crew_takes_it(city: SmallCity, made: dict[str, Any], worker: User) -> None:
    now = acted(signed_in(worker), made["id"], "assign", {"assignee": str(worker.pk)})
    assert (now["status"], now["assignee"]) == ("assigned", str(worker.pk))


def test_how_urgent_it_is(crew: APIClient, client: APIClient, made: dict[str, Any]) -> None:
    now = acted(crew, made["id"], "priority", {"priority": "urgent"})
    assert (now["priority"], now["status"], now["version"]) == ("urgent", "submitted", 2)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"assignee": str(uuid4())}, "/assignee"),
        ({"assignee": "nonsense"}, "/assignee"),
        ({"team": "nonsense"}, "/team"),
        ({"more": 1}, "/more"),
    ],
)
def test_what_is_wrong(dispatcher: APIClient, made: dict[str, Any], body: dict[str, Any], pointer: str) -> None:
    refused(act(dispatcher, made["id"], "assign", body), 422, "invalid", pointer)


def test_who_does_not_work_there(dispatcher: APIClient, city: SmallCity, made: dict[str, Any]) -> None:
    gardener = person(role="crew", city=city, department="parks")
    refused(act(dispatcher, made["id"], "assign", {"assignee": str(gardener.pk)}), 422, "invalid", "/assignee")
    Team.objects.create(department=city.departments["parks"], code="trees", name="Trees")
    refused(act(dispatcher, made["id"], "assign", {"team": "trees"}), 422, "invalid", "/team")


@pytest.mark.parametrize("body", [{}, {"priority": "sometime"}, {"priority": 1}])
def test_what_is_no_priority(dispatcher: APIClient, made: dict[str, Any], body: dict[str, Any]) -> None:
    refused(act(dispatcher, made["id"], "priority", body), 422, "invalid", "/priority")


@pytest.mark.parametrize(("what", "body"), [("assign", {}), ("priority", {"priority": "low"})])
def test_refusals_of_both(
    client: APIClient,
    phone: APIClient,
    city: SmallCity,
    dispatcher: APIClient,
    made: dict[str, Any],
    what: str,
    body: dict[str, Any],
) -> None:
    others = signed_in(person(role="crew", city=city, department="parks"))
    for somebody in (phone, others, signed_in(person(role="auditor", city=city))):
        refused(act(somebody, made["id"], what, body), 403, "not_allowed")
    refused(act(client, made["id"], what, body), 401)
    refused(act(dispatcher, "nonsense", what, body, '"1-00000000"'), 404)
    refused(act(dispatcher, made["id"], what, body, None), 428, "if_match_required")
    tag = etag(dispatcher, made["id"])
    acted(dispatcher, made["id"], "transitions", {"to": "acknowledged"})
    refused(act(dispatcher, made["id"], what, body, tag), 412, "stale_version")


def test_one_that_is_over(dispatcher: APIClient, made: dict[str, Any]) -> None:
    acted(dispatcher, made["id"], "transitions", {"to": "rejected", "text": "Not ours."})
    refused(act(dispatcher, made["id"], "assign", {}), 409, "illegal_transition")
