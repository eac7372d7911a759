"""GET /requests/{key}/transitions lists what POST accepts, and what each move needs."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from requests311.models import Photo, RejectionReason, ServiceRequest
from requests311.statuses import HoldReason, Resolution, Status
from tests.api.asking import API, move, refused, submitted
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in
from tests.requests311.reporting import force, report, request_row

pytestmark = pytest.mark.django_db

S = Status
SAID: dict[str, Any] = {"text": "Because.", "resolution": "fixed"}


@pytest.fixture
def reporter() -> User:
    return person("reporter@mail.example")


@pytest.fixture
def made(city: SmallCity, reporter: User) -> ServiceRequest:
    return report(city, reporter)


def moves(client: APIClient, made: ServiceRequest) -> dict[str, Any]:
    response = client.get(f"{API}/requests/{made.pk}/transitions")
    assert response.status_code == 200, response.content
    assert response["Cache-Control"] == "private, no-cache"
    listed: dict[str, Any] = response.json()
    return listed


def listed(client: APIClient, made: ServiceRequest, to: str) -> dict[str, Any]:
    [found] = [one for one in moves(client, made)["moves"] if one["to"] == to]
    return dict(found)


@pytest.fixture
def everybody(city: SmallCity, reporter: User) -> dict[str, APIClient]:
    staff = {
        "crew": "roads-west",
        "manager": "roads",
        "dispatcher": None,
        "auditor": None,
        "admin": None,
    }
    return {
        "reporter": signed_in(reporter),
        "stranger": signed_in(person()),
        "another crew": signed_in(person(role="crew", city=city, department="parks")),
        **{role: signed_in(person(role=role, city=city, department=department)) for role, department in staff.items()},
    }


@pytest.mark.parametrize("status", Status)
def test_exactly_what_is_listed_is_accepted(
    made: ServiceRequest, everybody: dict[str, APIClient], status: Status
) -> None:
    force(made, status)
    nothing = {"stranger", "another crew", "auditor"}
    for role, client in everybody.items():
        now = moves(client, made)
        assert now["status"] == status
        needs = {one["to"]: one["needs"] for one in now["moves"]}
        assert not (role in nothing and needs), role
        for to in Status:
            tag = f'"{moves(client, made)["version"]}-00000000"'
            said = {"to": to.value, **{need: SAID[need] for need in needs.get(to.value, [])}}
            if to.value not in needs:
                response = move(client, str(made.pk), said | SAID, tag)
                assert response.status_code in (403, 409), (role, to, response.content)
                continue
            for need in needs[to.value]:
                less = {name: value for name, value in said.items() if name != need}
                refused(move(client, str(made.pk), less, tag), 422, "invalid", f"/{need}")
            response = move(client, str(made.pk), said, tag)
            assert response.status_code == 200, (role, to, response.content)
            assert response.json()["status"] == to
            force(made, status)


def test_who_may_not_know_of_it(client: APIClient, city: SmallCity, phone: APIClient) -> None:
    private = submitted(phone, city, service="heating")
    assert [one["to"] for one in phone.get(f"{API}/requests/{private['id']}/transitions").json()["moves"]] == [
        "withdrawn"
    ]
    refused(client.get(f"{API}/requests/{private['id']}/transitions"), 404, "not_found")
    refused(client.get(f"{API}/requests/0000-0000/transitions"), 404, "not_found")


def test_nobody_in_particular_moves_nothing(client: APIClient, made: ServiceRequest) -> None:
    assert moves(client, made) == {"status": "submitted", "version": 1, "moves": []}


def test_a_duplicate_is_made_by_a_call_of_its_own(dispatcher: APIClient, made: ServiceRequest) -> None:
    assert "duplicate" not in [one["to"] for one in moves(dispatcher, made)["moves"]]
    body = refused(move(dispatcher, str(made.pk), {"to": "duplicate", "text": "x"}), 409, "illegal_transition")
    assert "merge" in body["detail"]
    assert "duplicate" not in body["legal"]


def test_the_reporters_window_is_over(everybody: dict[str, APIClient], made: ServiceRequest, city: SmallCity) -> None:
    force(made, S.RESOLVED)
    assert [one["to"] for one in moves(everybody["reporter"], made)["moves"]] == ["acknowledged"]
    ServiceRequest.objects.filter(pk=made.pk).update(resolved_at="2020-01-01T00:00:00Z")
    assert moves(everybody["reporter"], made)["moves"] == []
    assert [one["to"] for one in moves(everybody["crew"], made)["moves"]] == ["closed", "acknowledged"]


class TestResolving:
    def test_how_it_may_end(self, crew: APIClient, made: ServiceRequest, city: SmallCity) -> None:
        force(made, S.IN_PROGRESS)
        assert listed(crew, made, "resolved") == {
            "to": "resolved",
            "needs": ["resolution"],
            "takes": ["text", "photos", "resolution"],
            "resolutions": Resolution.values,
            "reasons": [],
        }
        service = city.services["pothole"]
        service.resolutions = ["nothing_found"]
        service.save()
        assert listed(crew, made, "resolved")["resolutions"] == ["nothing_found"]
        body = refused(
            move(crew, str(made.pk), {"to": "resolved", "resolution": "fixed"}), 422, "invalid", "/resolution"
        )
        assert "nothing_found" in body["errors"][0]["detail"]

    def test_with_a_photo_where_one_is_still_wanted(
        self, crew: APIClient, made: ServiceRequest, city: SmallCity
    ) -> None:
        force(made, S.IN_PROGRESS)
        service = city.services["pothole"]
        service.completion_photo = True
        service.save()
        assert listed(crew, made, "resolved")["needs"] == ["resolution", "photos"]
        said = {"to": "resolved", "resolution": "fixed"}
        refused(move(crew, str(made.pk), said), 422, "invalid", "/photos")
        Photo.objects.create(
            request=made, purpose="handover", audience="staff", original="x", size_bytes=1, width=1, height=1
        )
        assert listed(crew, made, "resolved")["needs"] == ["resolution"]
        assert move(crew, str(made.pk), said).status_code == 200

    def test_not_while_a_task_is_open(self, crew: APIClient, made: ServiceRequest, city: SmallCity) -> None:
        force(made, S.IN_PROGRESS)
        request_row(city, parent=made).save(force_insert=True)
        assert "resolved" not in [one["to"] for one in moves(crew, made)["moves"]]
        refused(move(crew, str(made.pk), {"to": "resolved", "resolution": "fixed"}), 409, "has_open_tasks")


def test_why_it_is_put_off(crew: APIClient, made: ServiceRequest) -> None:
    found = listed(crew, made, "on_hold")
    assert (found["needs"], found["takes"]) == (["text"], ["text", "photos", "reason", "until"])
    assert [reason["code"] for reason in found["reasons"]] == HoldReason.values
    response = move(
        crew, str(made.pk), {"to": "on_hold", "text": "Frost.", "reason": "weather", "until": "2199-01-01T00:00:00Z"}
    )
    assert response.status_code == 200
    assert (response.json()["hold_reason"], response.json()["hold_until"][:10]) == ("weather", "2199-01-01")


def test_a_day_that_is_over(crew: APIClient, made: ServiceRequest) -> None:
    said = {"to": "on_hold", "text": "Frost.", "until": "2020-01-01T00:00:00Z"}
    refused(move(crew, str(made.pk), said), 422, "invalid", "/until")


class TestRejecting:
    @pytest.fixture(autouse=True)
    def reasons(self, city: SmallCity) -> None:
        def add(code: str, **more: Any) -> None:
            RejectionReason.objects.create(jurisdiction=city.jurisdiction, code=code, text=f"It is {code}.", **more)

        add("not_ours", names_responsible=True)
        add("old", active=False)
        add("private")
        add("state", names_responsible=True, responsible="State Highways", contact="511")

    def test_the_reasons_there_are(self, crew: APIClient, made: ServiceRequest) -> None:
        found = listed(crew, made, "rejected")
        assert found["takes"] == ["text", "photos", "reason", "responsible"]
        assert found["reasons"] == [
            {"code": "not_ours", "text": "It is not_ours.", "needs_responsible": True},
            {"code": "private", "text": "It is private.", "needs_responsible": False},
            {"code": "state", "text": "It is state.", "needs_responsible": False},
        ]

    def test_each_is_accepted_with_what_it_needs(self, crew: APIClient, made: ServiceRequest) -> None:
        for reason in listed(crew, made, "rejected")["reasons"]:
            said: dict[str, Any] = {"to": "rejected", "reason": reason["code"]}
            tag = f'"{moves(crew, made)["version"]}-00000000"'
            if reason["needs_responsible"]:
                refused(move(crew, str(made.pk), said, tag), 422, "invalid", "/responsible")
                said["responsible"] = {"name": "Water Board", "link": "https://water.example/"}
            assert move(crew, str(made.pk), said, tag).status_code == 200
            force(made, S.SUBMITTED)

    def test_who_is_responsible_has_to_be_reached(self, crew: APIClient, made: ServiceRequest) -> None:
        said = {"to": "rejected", "reason": "not_ours", "responsible": {"name": "Water Board"}}
        refused(move(crew, str(made.pk), said), 422, "invalid", "/responsible")

    def test_one_that_there_is_not(self, crew: APIClient, made: ServiceRequest) -> None:
        for code in ("unheard_of", "old"):
            refused(move(crew, str(made.pk), {"to": "rejected", "reason": code}), 422, "invalid", "/reason")
