"""GET requests/{id}: one request."""

import pytest

from tests.api.open311.making import ago, reported, said
from tests.api.open311.reading import REQUEST_FIELDS, Speaker, refused
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db


def test_a_list_of_one_as_in_the_list(speak: Speaker, city: SmallCity) -> None:
    request = reported(city, description="Deep.")
    reported(city)
    answer = speak.get(f"requests/{request.number}")
    assert answer.status == 200
    assert answer.root in {"", "service_requests"}
    assert len(answer.content) == 1
    assert answer.content == [
        entry for entry in speak.get("requests").content if entry["service_request_id"] == request.number
    ]
    assert set(answer.content[0]) == REQUEST_FIELDS


def test_in_any_spelling(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    plain = request.number.replace("-", "")
    numbers = (request.number, request.number.lower(), plain, plain.lower(), f"{plain[:4]}%20{plain[4:]}")
    for spelling in (*numbers, str(request.pk), str(request.pk).upper()):
        assert speak.ids(path=f"requests/{spelling}") == [request.number], spelling


def test_of_any_age(speak: Speaker, city: SmallCity) -> None:
    request = reported(city, at=ago(days=4000))
    assert speak.ids(path=f"requests/{request.number}") == [request.number]


@pytest.mark.parametrize(
    "key", ["0000-0000", "4711", "7K3F-9QTE", "00000000-0000-0000-0000-000000000000", "9" * 60, "a.b", "%00", "%ff"]
)
def test_an_unknown_one(speak: Speaker, city: SmallCity, key: str) -> None:
    answer = speak.get(f"requests/{key}")
    # Ids that no text can hold are malformed rather than unknown.
    assert answer.status == 404 or (key == "%00" and answer.status == 400)
    refused(answer, answer.status)


def test_the_refusal_names_it(speak: Speaker, city: SmallCity) -> None:
    refused(speak.get("requests/4711"), 404, "4711")


def test_a_private_one_is_unknown(speak: Speaker, city: SmallCity) -> None:
    request = reported(city, visibility="private")
    by_number = refused(speak.get(f"requests/{request.number}"), 404)
    refused(speak.get(f"requests/{request.pk}"), 404)
    # And looks as one that there is not.
    unknown = refused(speak.get("requests/0000-0000"), 404)
    assert by_number[0].replace(request.number, "0000-0000") == unknown[0]


def test_one_of_another_jurisdiction_is_unknown(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    small_city("otherton", origin=(-90.0, 40.0))
    path = f"requests/{request.number}"
    assert speak.ids({"jurisdiction_id": "smallville"}, path=path) == [request.number]
    refused(speak.get(path, {"jurisdiction_id": "otherton"}), 404)
    refused(speak.get(path), 400, "jurisdiction_id required")


def test_extensions(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    said(request, "On its way.")
    (entry,) = speak.get(f"requests/{request.number}", {"extensions": "true"}).content
    assert [note["description"] for note in entry["notes"]] == ["On its way."]
    assert "extended_attributes" in entry
