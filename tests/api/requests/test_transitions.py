"""POST /requests/{key}/transitions"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Event, Photo, ServiceRequest
from requests311.photos import variants
from tests.api.asking import API, in_parallel, move, refused, submitted, uploaded
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in


def etag(client: APIClient, made: dict[str, Any]) -> str:
    return str(client.get(f"{API}/requests/{made['id']}")["ETag"])


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city, contact={"name": "Ada"})


@pytest.mark.django_db
class TestStaff:
    def test_a_report_goes_its_way(self, crew: APIClient, made: dict[str, Any]) -> None:
        tag = etag(crew, made)
        for version, body in enumerate(
            [
                {"to": "acknowledged"},
                {"to": "assigned", "text": "Crew 4"},
                {"to": "in_progress"},
                {"to": "resolved", "resolution": "fixed", "text": "Filled and sealed."},
                {"to": "closed"},
            ],
            start=2,
        ):
            response = move(crew, made["number"], body, tag)
            assert response.status_code == 200, response.content
            now = response.json()
            assert (now["status"], now["version"]) == (body["to"], version)
            tag = response["ETag"]
            assert tag == etag(crew, made)
        assert now["resolution"] == "fixed"
        assert now["assignee"] is not None
        assert all(now[name] for name in ("acknowledged_at", "resolved_at", "closed_at"))
        assert [event.text for event in Event.objects.order_by("version")][4] == "Filled and sealed."

    def test_the_etag_of_the_public_view_will_do(
        self, client: APIClient, crew: APIClient, made: dict[str, Any]
    ) -> None:
        assert move(crew, made["id"], {"to": "acknowledged"}, etag(client, made)).status_code == 200

    def test_a_photo_that_becomes_ready_meanwhile_is_no_conflict(
        self, phone: APIClient, crew: APIClient, city: SmallCity
    ) -> None:
        photo = uploaded(phone)
        made = submitted(phone, city, photos=[photo])
        before = etag(crew, made)
        variants.process(Photo.objects.get(pk=photo).pk)

        assert etag(crew, made) != before
        assert move(crew, made["id"], {"to": "acknowledged"}, before).status_code == 200

    @pytest.mark.parametrize("role", ["dispatcher", "admin"])
    def test_the_whole_jurisdiction(self, city: SmallCity, made: dict[str, Any], role: str) -> None:
        staff = signed_in(person(role=role, city=city))
        assert move(staff, made["id"], {"to": "acknowledged"}).status_code == 200

    def test_without_if_match(self, crew: APIClient, made: dict[str, Any]) -> None:
        refused(move(crew, made["id"], {"to": "acknowledged"}, None), 428, "if_match_required")
        assert ServiceRequest.objects.get().version == 1

    @pytest.mark.parametrize(
        "tag", ['"2-00000000"', '"0-00000000"', '"x"', "1", "*", 'W/"1-00000000"', '"99999999999-00000000"', '"1-"']
    )
    def test_a_version_that_is_not_the_present_one(self, crew: APIClient, made: dict[str, Any], tag: str) -> None:
        refused(move(crew, made["id"], {"to": "acknowledged"}, tag), 412, "stale_version")
        assert ServiceRequest.objects.get().version == 1

    def test_an_old_version_says_which_is_the_present_one(self, crew: APIClient, made: dict[str, Any]) -> None:
        assert move(crew, made["id"], {"to": "acknowledged"}).status_code == 200
        body = refused(move(crew, made["id"], {"to": "assigned"}), 412, "stale_version")
        assert body["version"] == 2

    def test_an_illegal_move_lists_the_legal_ones(self, crew: APIClient, made: dict[str, Any]) -> None:
        body = refused(move(crew, made["id"], {"to": "closed"}), 409, "illegal_transition")
        assert body["status_now"] == "submitted"
        assert sorted(body["legal"]) == ["acknowledged", "on_hold", "rejected"]
        assert Event.objects.count() == 1

    def test_a_closed_one_goes_nowhere(self, crew: APIClient, made: dict[str, Any]) -> None:
        move(crew, made["id"], {"to": "rejected", "text": "Private ground."})
        body = refused(move(crew, made["id"], {"to": "acknowledged"}, '"2-00000000"'), 409, "illegal_transition")
        assert body["legal"] == []

    @pytest.mark.parametrize(
        ("body", "pointer", "code"),
        [
            ({"to": "on_hold"}, "/text", "required"),
            ({"to": "on_hold", "text": " \n"}, "/text", "required"),
            ({"to": "rejected"}, "/text", "required"),
            ({"to": "acknowledged", "resolution": "fixed"}, "/resolution", "not_taken"),
        ],
    )
    def test_what_has_to_be_said(
        self, crew: APIClient, made: dict[str, Any], body: dict[str, Any], pointer: str, code: str
    ) -> None:
        problem = refused(move(crew, made["id"], body), 422, "invalid", pointer)
        assert problem["errors"][0]["code"] == code
        assert Event.objects.count() == 1

    def test_how_it_ended_has_to_be_said(self, crew: APIClient, made: dict[str, Any]) -> None:
        move(crew, made["id"], {"to": "acknowledged"})
        refused(move(crew, made["id"], {"to": "resolved"}, '"2-00000000"'), 422, "invalid", "/resolution")

    @pytest.mark.parametrize(
        ("body", "pointers"),
        [
            ({}, ["/to"]),
            ({"to": None}, ["/to"]),
            ({"to": 1}, ["/to"]),
            ({"to": ["closed"]}, ["/to"]),
            ({"to": "fixed"}, ["/to"]),
            ({"to": "closed", "text": 5, "resolution": "done"}, ["/text", "/resolution"]),
            ({"to": "closed", "text": "t" * 4001}, ["/text"]),
            ({"to": "closed", "text": "a\u0000"}, ["/text"]),
            ({"to": "closed", "status": "closed"}, ["/status"]),
            ({"to": "closed", "version": 1, "assignee": "me"}, ["/version", "/assignee"]),
            ([], [""]),
        ],
    )
    def test_wrong_input_is_named(
        self, crew: APIClient, made: dict[str, Any], body: object, pointers: list[str]
    ) -> None:
        refused(move(crew, made["id"], body), 422, "invalid", *pointers)

    @pytest.mark.parametrize("to", ["duplicate", "submitted"])
    def test_what_no_bare_move_makes(self, crew: APIClient, made: dict[str, Any], to: str) -> None:
        refused(move(crew, made["id"], {"to": to, "text": "x"}), 409, "illegal_transition")


@pytest.mark.django_db
class TestOthers:
    @pytest.mark.parametrize("who", ["stranger", "other department", "other city", "auditor"])
    def test_a_public_one_of_others_is_not_theirs_to_move(
        self, stranger: APIClient, city: SmallCity, made: dict[str, Any], who: str
    ) -> None:
        clients = {
            "stranger": lambda: stranger,
            "other department": lambda: signed_in(person(role="crew", city=city, department="parks")),
            "other city": lambda: signed_in(person(role="dispatcher", city=small_city("far", origin=(-90.0, 40.0)))),
            "auditor": lambda: signed_in(person(role="auditor", city=city)),
        }
        refused(move(clients[who](), made["id"], {"to": "acknowledged"}), 403, "not_allowed")
        assert ServiceRequest.objects.get().status == "submitted"

    def test_a_private_one_is_not_there(self, phone: APIClient, stranger: APIClient, city: SmallCity) -> None:
        private = submitted(phone, city, service="heating")
        refused(move(stranger, private["id"], {"to": "acknowledged"}), 404, "not_found")

    def test_nobody_in_particular(self, client: APIClient, made: dict[str, Any]) -> None:
        refused(move(client, made["id"], {"to": "acknowledged"}), 401, "not_authenticated")

    def test_an_absent_one(self, crew: APIClient) -> None:
        refused(move(crew, "019f1c2e-9b22-7f00-8e11-2a3b4c5d6e7f", {"to": "closed"}), 404, "not_found")


@pytest.mark.django_db
class TestReporter:
    def test_withdraws(self, phone: APIClient, made: dict[str, Any]) -> None:
        response = move(phone, made["id"], {"to": "withdrawn"}, etag(phone, made))
        assert response.json()["status"] == "withdrawn"
        # Still the reporter's view and no more.
        assert response.json()["contact"] == {"name": "Ada"}
        assert "reporter" not in response.json()

    def test_reopens(self, phone: APIClient, crew: APIClient, made: dict[str, Any]) -> None:
        move(crew, made["id"], {"to": "acknowledged"})
        move(crew, made["id"], {"to": "resolved", "resolution": "fixed"}, '"2-00000000"')
        response = move(phone, made["id"], {"to": "acknowledged", "text": "Still there."}, '"3-00000000"')
        assert response.json()["status"] == "acknowledged"
        assert response.json()["resolution"] is None

    def test_does_not_do_the_departments_work(self, phone: APIClient, made: dict[str, Any]) -> None:
        refused(move(phone, made["id"], {"to": "acknowledged"}), 403, "not_allowed")
        body = refused(move(phone, made["id"], {"to": "closed"}), 409, "illegal_transition")
        assert body["legal"] == ["withdrawn"]

    def test_does_not_withdraw_what_is_under_way(self, phone: APIClient, crew: APIClient, made: dict[str, Any]) -> None:
        move(crew, made["id"], {"to": "acknowledged"})
        move(crew, made["id"], {"to": "in_progress"}, '"2-00000000"')
        refused(move(phone, made["id"], {"to": "withdrawn"}, '"3-00000000"'), 409, "illegal_transition")


@pytest.mark.django_db(transaction=True)
def test_of_two_moves_on_one_version_one_is_made() -> None:
    city = small_city()
    made = submitted(signed_in(person()), city)
    crews = [signed_in(person(role="crew", city=city, department="roads-west")) for _ in range(2)]
    tag = etag(crews[0], made)

    answers = in_parallel([lambda c=crew: move(c, made["id"], {"to": "acknowledged"}, tag) for crew in crews])  # type: ignore[misc]

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    refused(next(answer for answer in answers if answer.status_code == 412), 412, "stale_version")
    assert Event.objects.count() == 2
    assert ServiceRequest.objects.get().version == 2
