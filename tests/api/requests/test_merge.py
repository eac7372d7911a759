"""POST /requests/{key}/merge and POST /requests/{key}/unmerge"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from requests311.models import Membership, ServiceRequest
from tests.api.asking import API, in_parallel, refused, submitted, uploaded
from tests.api.requests.working import act, acted, etag
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in


@pytest.fixture
def duplicate(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city, photos=[uploaded(phone)])


@pytest.fixture
def kept(stranger: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(stranger, city)


def photos(client: APIClient, key: str) -> list[str]:
    return [photo["id"] for photo in client.get(f"{API}/requests/{key}").json()["photos"]]


@pytest.mark.django_db
class TestMerge:
    def test_the_duplicate_names_the_kept_one_for_everybody(
        self, client: APIClient, dispatcher: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]
    ) -> None:
        now = acted(dispatcher, duplicate["number"], "merge", {"into": kept["number"]})
        assert (now["id"], now["status"], now["duplicate_of"]) == (duplicate["id"], "duplicate", kept["number"])
        assert client.get(f"{API}/requests/{duplicate['id']}").json()["duplicate_of"] == kept["number"]

    def test_photos_are_the_kept_one_s(
        self, client: APIClient, dispatcher: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]
    ) -> None:
        before = photos(client, duplicate["id"])
        acted(dispatcher, duplicate["id"], "merge", {"into": kept["id"]})
        assert (photos(client, duplicate["id"]), photos(client, kept["id"])) == ([], before)

    @pytest.mark.parametrize("role", ["manager", "admin"])
    def test_others_who_may(self, city: SmallCity, duplicate: dict[str, Any], kept: dict[str, Any], role: str) -> None:
        user = person(role=role, city=city, department="roads-west" if role == "manager" else None)
        acted(signed_in(user), duplicate["id"], "merge", {"into": kept["id"]})

    def test_photos_of_a_private_report_never_become_public(
        self, client: APIClient, dispatcher: APIClient, phone: APIClient, city: SmallCity, kept: dict[str, Any]
    ) -> None:
        photo = uploaded(phone)
        secret = submitted(phone, city, service="heating", photos=[photo])
        acted(dispatcher, secret["id"], "merge", {"into": kept["id"]})
        assert photos(client, kept["id"]) == []
        refused(client.get(f"{API}/photos/{photo}/large"), 404)
        assert photos(phone, secret["id"]) == [photo]

    def test_across_jurisdictions(self, dispatcher: APIClient, phone: APIClient, duplicate: dict[str, Any]) -> None:
        elsewhere = submitted(phone, small_city("elsewhere", (-90.0, 40.0)))
        refused(act(dispatcher, duplicate["id"], "merge", {"into": elsewhere["id"]}), 409, "cannot_merge")

    def test_into_one_that_is_not_open(
        self, dispatcher: APIClient, phone: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]
    ) -> None:
        acted(dispatcher, kept["id"], "transitions", {"to": "rejected", "text": "Not ours."})
        refused(act(dispatcher, duplicate["id"], "merge", {"into": kept["id"]}), 409, "cannot_merge")

    def test_with_open_tasks(self, dispatcher: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]) -> None:
        parts = [{"department": "parks", "text": "The tree first."}]
        acted(dispatcher, duplicate["id"], "children", {"parts": parts}, 201)
        refused(act(dispatcher, duplicate["id"], "merge", {"into": kept["id"]}), 409, "has_open_tasks")

    def test_a_task(self, dispatcher: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]) -> None:
        parts = [{"department": "parks", "text": "The tree first."}]
        acted(dispatcher, duplicate["id"], "children", {"parts": parts}, 201)
        task = ServiceRequest.objects.get(parent=duplicate["id"])
        refused(act(dispatcher, str(task.pk), "merge", {"into": kept["id"]}), 409, "cannot_merge")

    def test_without_if_match(self, dispatcher: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]) -> None:
        response = act(dispatcher, duplicate["id"], "merge", {"into": kept["id"]}, None)
        refused(response, 428, "if_match_required")

    def test_with_an_older_one(self, dispatcher: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]) -> None:
        tag = etag(dispatcher, duplicate["id"])
        acted(dispatcher, duplicate["id"], "transitions", {"to": "acknowledged"})
        problem = refused(act(dispatcher, duplicate["id"], "merge", {"into": kept["id"]}, tag), 412, "stale_version")
        assert problem["version"] == 2

    def test_crew_may_not(self, crew: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]) -> None:
        refused(act(crew, duplicate["id"], "merge", {"into": kept["id"]}), 403, "not_allowed")

    def test_nor_may_residents_and_nobody(
        self, client: APIClient, phone: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]
    ) -> None:
        refused(act(phone, duplicate["id"], "merge", {"into": kept["id"]}), 403, "not_allowed")
        refused(act(client, duplicate["id"], "merge", {"into": kept["id"]}), 401)

    def test_into_what_there_is_not(self, dispatcher: APIClient, phone: APIClient, duplicate: dict[str, Any]) -> None:
        hidden = submitted(phone, small_city("elsewhere", (-90.0, 40.0)), service="heating")
        for into in (hidden["id"], hidden["number"], "nonsense"):
            refused(act(dispatcher, duplicate["id"], "merge", {"into": into}), 422, "invalid", "/into")

    @pytest.mark.parametrize(
        ("body", "pointer"), [({}, "/into"), ({"into": ""}, "/into"), ({"into": "x", "more": 1}, "/more")]
    )
    def test_what_is_no_body(
        self, dispatcher: APIClient, duplicate: dict[str, Any], body: dict[str, Any], pointer: str
    ) -> None:
        refused(act(dispatcher, duplicate["id"], "merge", body), 422, "invalid", pointer)

    def test_of_what_there_is_not(self, dispatcher: APIClient, kept: dict[str, Any]) -> None:
        refused(act(dispatcher, "nonsense", "merge", {"into": kept["id"]}, '"1-00000000"'), 404)


@pytest.mark.django_db
class TestUnmerge:
    def test_it_is_as_before(
        self, client: APIClient, dispatcher: APIClient, duplicate: dict[str, Any], kept: dict[str, Any]
    ) -> None:
        shown = photos(client, duplicate["id"])
        acted(dispatcher, duplicate["id"], "merge", {"into": kept["id"]})
        now = acted(dispatcher, duplicate["id"], "unmerge", {})
        before = client.get(f"{API}/requests/{duplicate['id']}").json()
        assert (now["status"], now["duplicate_of"], now["closed_at"]) == ("submitted", None, None)
        assert now["due_at"] == duplicate["due_at"] == before["due_at"]
        assert (photos(client, duplicate["id"]), photos(client, kept["id"])) == (shown, [])

    def test_what_is_no_duplicate(self, dispatcher: APIClient, duplicate: dict[str, Any]) -> None:
        refused(act(dispatcher, duplicate["id"], "unmerge", {}), 409, "cannot_merge")

    def test_refusals(
        self,
        client: APIClient,
        crew: APIClient,
        dispatcher: APIClient,
        duplicate: dict[str, Any],
        kept: dict[str, Any],
    ) -> None:
        acted(dispatcher, duplicate["id"], "merge", {"into": kept["id"]})
        refused(act(crew, duplicate["id"], "unmerge", {}), 403, "not_allowed")
        refused(act(client, duplicate["id"], "unmerge", {}), 401)
        refused(act(dispatcher, duplicate["id"], "unmerge", {}, None), 428, "if_match_required")
        refused(act(dispatcher, duplicate["id"], "unmerge", {}, '"1-00000000"'), 412, "stale_version")
        refused(act(dispatcher, duplicate["id"], "unmerge", {"into": "x"}), 422, "invalid", "/into")
        refused(act(dispatcher, "nonsense", "unmerge", {}, '"1-00000000"'), 404)


@pytest.mark.django_db(transaction=True)
def test_of_two_dispatchers_who_join_them_crosswise_one_wins() -> None:
    city = small_city()
    phone = signed_in(person())
    people = [signed_in(person(role="dispatcher", city=city)) for _ in range(2)]
    assert Membership.objects.count() == 2
    for _ in range(5):
        pair = [submitted(phone, city)["id"] for _ in range(2)]
        tags = [etag(people[0], key) for key in pair]

        def join(at: int, pair: list[str] = pair, tags: list[str] = tags) -> int:
            response = act(people[at], pair[at], "merge", {"into": pair[1 - at]}, tags[at])
            return int(response.status_code)

        codes = sorted(in_parallel([lambda: join(0), lambda: join(1)]))
        assert codes[0] == 200
        assert codes[1] in (409, 412)
        assert ServiceRequest.objects.filter(pk__in=pair, status="duplicate").count() == 1
