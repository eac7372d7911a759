"""GeoReport Bulk: all public requests as one CSV, whatever their number and age."""

import csv
import io
from typing import Any

import pytest
from django.test import Client

from tests.api.open311.making import ago, in_status, reported, rows, times, w3c
from tests.api.open311.reading import REQUEST_FIELDS, ROOT, Speaker, streamed
from tests.factories.cities import SmallCity, small_city
from tests.requests311.reporting import request_row

pytestmark = pytest.mark.django_db


def bulk(**query: Any) -> list[dict[str, str]]:
    response = Client().get(f"{ROOT}/bulk/requests.csv", query)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response.streaming
    text = streamed(response).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_header_even_without_a_row(city: SmallCity) -> None:
    response = Client().get(f"{ROOT}/bulk/requests.csv")
    head = streamed(response).decode().strip().split(",")
    assert set(head) >= REQUEST_FIELDS
    assert head[0] == "service_request_id"


def test_every_row_says_what_the_list_says(city: SmallCity) -> None:
    reported(city, description='Two\nlines, "quoted", größer', address="12 Main Street", due_at=ago(days=-2))
    in_status(city, "closed")
    listed = {
        entry["service_request_id"]: {name: "" if value is None else str(value) for name, value in entry.items()}
        for entry in Speaker("json", Client()).get("requests").content
    }
    told = {row["service_request_id"]: {name: row[name] for name in REQUEST_FIELDS} for row in bulk()}
    assert told == listed


def test_all_of_them_whatever_their_age_and_number(city: SmallCity) -> None:
    made = rows(request_row(city, **times(ago(hours=hour))) for hour in range(0, 2100 * 24, 24))
    found = [row["service_request_id"] for row in bulk()]
    assert len(found) == 2100
    assert set(found) == {request.number for request in made}


def test_many_of_the_same_second_each_once(city: SmallCity) -> None:
    moment = ago(hours=1)
    made = rows(request_row(city, **times(moment)) for _ in range(4100))
    found = [row["service_request_id"] for row in bulk()]
    assert len(found) == 4100
    assert set(found) == {request.number for request in made}


def test_between_two_times_with_any_span(city: SmallCity) -> None:
    old, middle, new = (reported(city, at=ago(days=days)) for days in (900, 500, 1))
    numbers = {row["service_request_id"] for row in bulk(start_date=w3c(ago(days=901)), end_date=w3c(ago(days=400)))}
    assert numbers == {old.number, middle.number}
    assert {row["service_request_id"] for row in bulk(start_date=w3c(ago(days=2)))} == {new.number}
    assert {row["service_request_id"] for row in bulk(end_date=w3c(ago(days=600)))} == {old.number}


def test_the_public_ones_alone(city: SmallCity) -> None:
    reported(city, visibility="private", description="in my home")
    assert bulk() == []


def test_of_several_jurisdictions_one_must_be_named(city: SmallCity) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    request = reported(city)
    assert [row["service_request_id"] for row in bulk(jurisdiction_id="smallville")] == [request.number]
    assert bulk(jurisdiction_id="otherton") == []
    for query, status in (({}, 400), ({"jurisdiction_id": "atlantis"}, 404)):
        response = Client().get(f"{ROOT}/bulk/requests.csv", query)
        assert response.status_code == status
        assert b"jurisdiction_id" in response.content
        assert b"<html" not in response.content.lower()


def test_wrong_dates_are_told(city: SmallCity) -> None:
    response = Client().get(f"{ROOT}/bulk/requests.csv", {"start_date": "yesterday"})
    assert response.status_code == 400
    assert b"start_date" in response.content
