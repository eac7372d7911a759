"""Clients as they are in the wild, unmodified, over real HTTP.

`georeport` 0.3.1 and `three` 0.8.0 are those of PyPI. What other programs are known to do is done here by hand.
"""

import io
import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests as http
from defusedxml.ElementTree import fromstring
from django.conf import LazySettings
from georeport import GeoReport

from requests311.models import Photo, ServiceRequest
from requests311.statuses import Status
from tests.api.open311.keys import make_key
from tests.api.open311.making import ago, in_status, reported, said, w3c
from tests.api.open311.reading import ROOT
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.photos import photo
from tests.requests311.reporting import move

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy of this machine stands between a client and loopback; no key of this shell is used."""
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("OPEN311_API_KEY", "OPEN311_CITY_INFO", "GEOREPORT_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def city(transactional_db: None) -> SmallCity:
    return small_city()


@pytest.fixture
def endpoint(live_server: Any) -> str:
    return f"{live_server.url}{ROOT}"


@pytest.fixture
def key(city: SmallCity) -> str:
    return make_key("A client in the wild")


# --- georeport 0.3.1 ---------------------------------------------------------------------------------


@pytest.fixture(params=["json", "xml"])
def georeport(request: pytest.FixtureRequest, endpoint: str, city: SmallCity) -> GeoReport:
    return GeoReport(endpoint, jurisdiction="smallville", output_format=request.param)


def test_georeport_lists_services(georeport: GeoReport) -> None:
    services = {service["service_code"]: service for service in georeport.get_service_list()}
    assert services["pothole"]["service_name"] == "Pothole"
    # xmltodict knows no booleans.
    assert str(services["pothole"]["metadata"]).lower() == "true"


def test_georeport_reads_a_definition(georeport: GeoReport) -> None:
    definition = georeport.get_service_definition("pothole")
    attributes = definition["attributes"]
    entries = attributes["attribute"] if isinstance(attributes, dict) else attributes
    assert [entry["code"] for entry in entries] == ["position", "depth_cm", "lane_number"]


def test_georeport_lists_requests(georeport: GeoReport, city: SmallCity) -> None:
    made = [reported(city, at=ago(hours=hours), description="Tief & größer") for hours in (1, 2)]
    listed = georeport.get_service_requests(
        start_date=w3c(ago(days=3)), end_date=w3c(ago()), status="open", service_code="pothole,graffiti"
    )
    assert [entry["service_request_id"] for entry in listed] == [request.number for request in made]
    assert listed[0]["description"] == "Tief & größer"


def test_georeport_lists_requests_by_id(georeport: GeoReport, city: SmallCity) -> None:
    made = [reported(city).number for _ in range(2)]
    listed = georeport.get_service_requests(service_request_id=",".join(made))
    assert {entry["service_request_id"] for entry in listed} == set(made)


def test_georeport_reads_one_request(georeport: GeoReport, city: SmallCity) -> None:
    request = reported(city)
    found = georeport.get_service_request(request.number)
    assert found["service_request_id"] == request.number
    assert float(found["lat"]) == request.location.y


def test_georeport_is_told_of_an_unknown_request(georeport: GeoReport) -> None:
    with pytest.raises(http.HTTPError, match="404"):
        georeport.get_service_request("4711")


def test_georeport_needs_no_jurisdiction_where_there_is_one(endpoint: str, city: SmallCity) -> None:
    assert len(GeoReport(endpoint).get_service_list()) == len(city.services)


# --- three 0.8.0 -------------------------------------------------------------------------------------


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> Any:
    # It is written for Python 2; nothing else is done to it.
    monkeypatch.setattr(itertools, "ifilter", filter, raising=False)
    import three

    return three


@pytest.fixture
def city_api(three: Any, endpoint: str, key: str) -> Iterator[Any]:
    client = three.Three(endpoint, api_key=key, jurisdiction="smallville")
    yield client
    # It leaves its connections open.
    client.session.close()


def test_three_discovers(city_api: Any, endpoint: str) -> None:
    found = city_api.discovery()
    assert found["endpoints"][0]["url"] == endpoint
    assert found["endpoints"][0]["specification"] == "http://wiki.open311.org/GeoReport_v2"


def test_three_discovers_at_the_root(city_api: Any, live_server: Any) -> None:
    city_api.configure(discovery=f"{live_server.url}/discovery.json")
    try:
        assert city_api.discovery()["endpoints"]
    finally:
        city_api.session.close()


def test_three_lists_services(city_api: Any, city: SmallCity) -> None:
    assert {service["service_code"] for service in city_api.services()} == set(city.services)
    assert city_api.services("streetlight")["attributes"][0]["code"] == "pole_id"


def test_three_lists_requests(city_api: Any, city: SmallCity) -> None:
    # With the dates that it makes of its own: midnight of a day, and of today where no end was given.
    request = reported(city, at=ago(days=2))
    other = reported(city, at=ago(days=2), service=city.services["graffiti"])
    start = ago(days=10).strftime("%m-%d-%Y")
    assert {entry["service_request_id"] for entry in city_api.requests(start=start)} == {request.number, other.number}
    assert [entry["service_request_id"] for entry in city_api.requests("pothole")] == [request.number]
    between = [ago(days=5).strftime("%m/%d/%y"), ago(days=-1).strftime("%m/%d/%y")]
    assert len(city_api.requests(between=between, count=50, status="open")) == 2


def test_three_reads_one_request(city_api: Any, city: SmallCity) -> None:
    request = reported(city)
    (found,) = city_api.request(request.number)
    assert found["service_request_id"] == request.number


def test_three_posts(city_api: Any, city: SmallCity) -> None:
    latitude, longitude = city.point_in("west")
    (answer,) = city_api.post(
        "pothole",
        lat=latitude,
        long=longitude,
        address="12 Main Street",
        name="Ada Lovelace",
        phone="555-5555",
        description="My issue description.",
    )
    request = ServiceRequest.objects.get(number=answer["service_request_id"])
    assert request.address == "12 Main Street"
    assert request.contact == {"name": "Ada Lovelace", "phone": "555-5555"}


def test_three_posts_a_picture(city_api: Any, city: SmallCity) -> None:
    latitude, longitude = city.point_in("west")
    file = io.BytesIO(photo())
    file.name = "hole.jpg"
    (answer,) = city_api.post("graffiti", lat=latitude, long=longitude, description="Größer", media=file)
    request = ServiceRequest.objects.get(number=answer["service_request_id"])
    assert Photo.objects.filter(request=request).count() == 1
    assert request.description == "Größer"


def test_three_reads_every_refusal(city_api: Any, city: SmallCity) -> None:
    """It parses whatever is below 500 as JSON, and would fall over a page of HTML."""
    assert city_api.post("streetlight", lat=40.1, long=-99.95) == [{"code": 400, "description": "pole_id required"}]
    assert city_api.services("dragons")[0]["code"] == 404
    assert city_api.token("dragons")[0]["code"] == 404
    assert city_api.request("dragons")[0]["code"] == 404
    city_api.api_key = "wrong"
    assert city_api.post("pothole", lat=40.1, long=-99.95)[0]["code"] == 403
    city_api.jurisdiction = "atlantis"
    assert city_api.services()[0]["code"] == 404


# --- What others are known to do ---------------------------------------------------------------------


def get(url: str, **query: Any) -> http.Response:
    return http.get(url, params=query, timeout=30)


def form_of(city: SmallCity, key: str, **more: Any) -> dict[str, Any]:
    latitude, longitude = city.point_in("west")
    return {"api_key": key, "service_code": "pothole", "lat": latitude, "long": longitude, **more}


@pytest.mark.parametrize("format", ["json", "xml"])
def test_android_s_open311_java_drops_no_row(endpoint: str, city: SmallCity, format: str) -> None:
    """It leaves out rows without id, lat or long."""
    for status in Status.values:
        in_status(city, status)
    answer = get(f"{endpoint}/requests.{format}", jurisdiction_id="smallville")
    if format == "json":
        entries = answer.json()
    else:
        entries = [{field.tag: field.text for field in entry} for entry in fromstring(answer.content)]
    assert len(entries) == len(Status.values)
    for entry in entries:
        assert entry["service_request_id"]
        assert float(entry["lat"])
        assert float(entry["long"])


def test_android_s_open311_java_sends_times_without_a_zone(endpoint: str, city: SmallCity) -> None:
    request = reported(city, at=ago(days=2))
    span = [ago(days=days).strftime("%Y-%m-%dT%H:%M:%S") for days in (4, 0)]
    answer = get(f"{endpoint}/requests.json", jurisdiction_id="smallville", start_date=span[0], end_date=span[1])
    assert [entry["service_request_id"] for entry in answer.json()] == [request.number]


@pytest.mark.parametrize("path", ["discovery", "services", "services/pothole", "requests", "servicerequestupdates"])
def test_a_jurisdiction_is_sent_always(endpoint: str, city: SmallCity, key: str, path: str) -> None:
    assert get(f"{endpoint}/{path}.xml", jurisdiction_id="smallville").status_code == 200


def test_a_jurisdiction_is_sent_with_a_report_in_the_form_or_the_query(
    endpoint: str, city: SmallCity, key: str
) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    sent = form_of(city, key)
    for query, body in (({}, {"jurisdiction_id": "smallville"}), ({"jurisdiction_id": "smallville"}, {})):
        answer = http.post(f"{endpoint}/requests.xml", params=query, data={**sent, **body}, timeout=30)
        assert answer.status_code == 200, answer.text


def test_fixmystreet_sends_a_report(endpoint: str, city: SmallCity, key: str) -> None:
    """Urlencoded, XML, with attributes of its own; it needs a status of 2xx and the id in the document."""
    fields = [
        ("jurisdiction_id", "smallville"),
        ("api_key", key),
        ("service_code", "pothole"),
        ("lat", str(city.point_in("west")[0])),
        ("long", str(city.point_in("west")[1])),
        ("description", "title: A hole\n\ndetail: Größer\n\nurl: https://fms.example/report/1"),
        ("email", "ada@example.org"),
        ("first_name", "Ada"),
        ("last_name", "Lovelace"),
        ("attribute[easting]", "529025"),
        ("attribute[northing]", "179716"),
        ("attribute[fixmystreet_id]", "1"),
        ("attribute[title]", "A hole"),
        ("attribute[depth_cm]", "7"),
        ("attribute[position]", ""),
        ("media_url", ""),
        ("address_string", ""),
        ("account_id", ""),
        ("device_id", ""),
    ]
    answer = http.post(
        f"{endpoint}/requests.xml",
        data=urlencode(fields).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        timeout=30,
    )
    assert answer.status_code // 100 == 2, answer.text
    number = fromstring(answer.content).findtext("request/service_request_id")
    request = ServiceRequest.objects.get(number=number)
    assert "Größer" in request.description
    assert request.attributes == {"depth_cm": 7}


def test_fixmystreet_reads_keywords(endpoint: str, city: SmallCity) -> None:
    """Of a service with the keyword `private` it shows no report to others."""
    answer = fromstring(get(f"{endpoint}/services.xml").content)
    keywords = {entry.findtext("service_code"): entry.findtext("keywords") or "" for entry in answer}
    assert "private" in [word.strip() for word in keywords["heating"].split(",")]


def test_fixmystreet_fetches_updates(endpoint: str, city: SmallCity) -> None:
    request = in_status(city, "resolved")
    said(request, "Filled.", to_status="resolved")
    said(reported(city), "On our list.", to_status="acknowledged")
    answer = get(f"{endpoint}/servicerequestupdates.xml", start_date=w3c(ago(days=2)), end_date=w3c(ago(days=-1)))
    found = [
        (
            entry.findtext("service_request_id"),
            (entry.findtext("status") or "").lower(),
            entry.findtext("description"),
        )
        for entry in fromstring(answer.content).iter("request_update")
    ]
    assert (request.number, "closed", "Filled.") in found
    assert len(found) == 2


def test_fixmystreet_sends_an_update(endpoint: str, city: SmallCity, key: str) -> None:
    number = fromstring(http.post(f"{endpoint}/requests.xml", data=form_of(city, key), timeout=30).content).findtext(
        "request/service_request_id"
    )
    update = {
        "jurisdiction_id": "smallville",
        "api_key": key,
        "updated_datetime": w3c(ago()),
        "service_request_id": number,
        "service_code": "pothole",
        "status": "CLOSED",
        "description": "It is gone.",
        "last_name": "Lovelace",
        "first_name": "Ada",
        "email": "ada@example.org",
        "update_id": "1001",
        "public_anonymity_required": "TRUE",
        "media_url": "",
    }
    answer = http.post(f"{endpoint}/servicerequestupdates.xml", data=update, timeout=30)
    assert answer.status_code == 200, answer.text
    assert fromstring(answer.content).findtext("request_update/update_id") == "1001"
    # And again, after a time-out of its own.
    assert http.post(f"{endpoint}/servicerequestupdates.xml", data=update, timeout=30).status_code == 400
    assert get(f"{endpoint}/requests/{number}.json").json()[0]["status"] == "closed"


def test_chicago_s_clients_poll_by_windows_of_changes(endpoint: str, city: SmallCity) -> None:
    """Pages of what changed since the last look, with everything that is known of it."""
    crew = person(role="crew", city=city, department="roads-west")
    moved = reported(city, at=ago(days=300))
    move(moved, crew, Status.ACKNOWLEDGED, text="Seen.")
    reported(city, at=ago(days=20))
    query = {
        "jurisdiction_id": "smallville",
        "extensions": "true",
        "updated_after": w3c(ago(hours=1)),
        "updated_before": w3c(ago(hours=-1)),
        "page": 1,
        "page_size": 500,
    }
    (entry,) = get(f"{endpoint}/requests.json", **query).json()
    assert entry["service_request_id"] == moved.number
    assert entry["notes"][0]["description"] == "Seen."
    assert get(f"{endpoint}/requests.json", **{**query, "page": 2}).json() == []


def test_a_client_behind_a_public_address_is_led_to_it(endpoint: str, city: SmallCity, settings: LazySettings) -> None:
    settings.PUBLIC_URL = "https://311.city.example"
    found = get(f"{endpoint}/discovery.json").json()
    assert found["endpoints"][0]["url"] == f"https://311.city.example{ROOT}"
