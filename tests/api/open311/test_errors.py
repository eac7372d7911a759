"""Refusals: a list of code and description in the asked format, whatever went wrong; never a page of HTML."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django.test import Client

from tests.api.open311.reading import ROOT, Speaker, read, refused
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db

READ = ["discovery", "services", "services/pothole", "requests", "requests/7K3F-9QTD", "tokens/x",
        "servicerequestupdates"]  # fmt: skip


@pytest.mark.parametrize("path", ["nothing", "requests/1/2", "services/a/b/c", "bulk/nothing", "requests/", "x/y.z"])
def test_an_unknown_path_below_the_endpoint(speak: Speaker, city: SmallCity, path: str) -> None:
    refused(speak.get(path), 404)


@pytest.mark.parametrize("path", ["", "requests", "services", "services/pothole", "requests.", "bulk/requests", "x/"])
def test_a_path_without_a_format_is_refused_in_xml(city: SmallCity, path: str) -> None:
    response = Client().get(f"{ROOT}/{path}")
    refused(read(response, "xml"), 404)


@pytest.mark.parametrize("path", READ)
@pytest.mark.parametrize("suffix", ["html", "csv", "JSON", "xml2", "txt", "jsonp", "xml.bak", "%00", "json%0a"])
def test_any_other_format_is_404(city: SmallCity, path: str, suffix: str) -> None:
    refused(read(Client().get(f"{ROOT}/{path}.{suffix}"), "xml"), 404)


def test_the_root_s_discovery_too(city: SmallCity) -> None:
    refused(read(Client().get("/discovery.html"), "xml"), 404)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
@pytest.mark.parametrize("path", ["discovery", "services", "services/pothole", "requests/7K3F-9QTD", "tokens/x"])
def test_what_is_only_read_says_so(speak: Speaker, city: SmallCity, path: str, method: str) -> None:
    answer = read(speak.client.generic(method, speak.url(path)), speak.format)
    assert "GET" in refused(answer, 400, "use GET")[0]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["requests", "servicerequestupdates"])
def test_what_is_read_and_written_says_so(speak: Speaker, city: SmallCity, path: str, method: str) -> None:
    refused(read(speak.client.generic(method, speak.url(path)), speak.format), 400, "GET", "POST")


@pytest.mark.parametrize("path", READ[1:])
def test_a_missing_jurisdiction_and_an_unknown_one(speak: Speaker, city: SmallCity, path: str) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    refused(speak.get(path), 400, "jurisdiction_id required")
    refused(speak.get(path, {"jurisdiction_id": "atlantis"}), 404, "jurisdiction_id", "atlantis")


@pytest.mark.parametrize("path", READ[1:])
def test_before_any_city_is_loaded(speak: Speaker, db: None, path: str) -> None:
    answer = speak.get(path)
    assert answer.status in {400, 404}
    refused(answer, answer.status)


def test_too_many_reads(speak: Speaker, city: SmallCity, settings: LazySettings) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "read": "1/day"}
    answers = [speak.get("services") for _ in range(3)]
    refused(answers[-1], 429)
    assert int(answers[-1].headers["Retry-After"]) > 0


def test_a_database_that_is_away_is_told_in_the_format(
    speak: Speaker, city: SmallCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db.backends.utils import CursorWrapper

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("the connection is closed; password=hunter2")

    # PostgreSQL itself cannot be taken away from this test alone.
    monkeypatch.setattr(CursorWrapper, "execute", away)
    answer = speak.get("requests")
    monkeypatch.undo()
    assert answer.status == 503
    assert [error["code"] for error in answer.content] == [503]
    assert b"hunter2" not in answer.raw


def test_what_is_told_is_escaped(city: SmallCity) -> None:
    answer = Speaker("xml", Client()).get("requests/%3Cscript%3E&")
    refused(answer, 404)
    assert b"<script" not in answer.raw


def test_a_form_with_too_many_fields(speak: Speaker, city: SmallCity) -> None:
    refused(speak.post("requests", {f"field{n}": "" for n in range(5000)}), 400)


def test_a_form_that_says_no_length_or_a_wrong_one(speak: Speaker, city: SmallCity) -> None:
    for length in ("", "-1", "many", "9" * 30):
        response = speak.client.generic(
            "POST",
            speak.url("requests"),
            b"service_code=pothole",
            "application/x-www-form-urlencoded",
            CONTENT_LENGTH=length,
        )
        answer = read(response, speak.format)
        assert answer.status in {400, 403}
        refused(answer, answer.status)


@pytest.mark.parametrize("path", [*READ, "nothing"])
def test_any_site_s_page_may_read(speak: Speaker, city: SmallCity, path: str) -> None:
    assert speak.get(path, headers={"Origin": "https://map.example"}).headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", READ)
def test_no_cookie_is_set(speak: Speaker, city: SmallCity, path: str) -> None:
    assert "Set-Cookie" not in speak.get(path).headers


def test_no_document_type_in_xml(city: SmallCity) -> None:
    for path in READ:
        assert b"<!DOCTYPE" not in Client().get(f"{ROOT}/{path}.xml").content


@pytest.mark.parametrize("multipart", [False, True], ids=["urlencoded", "multipart"])
def test_a_form_that_is_too_large(speak: Speaker, city: SmallCity, multipart: bool) -> None:
    refused(speak.post("requests", {"description": "x" * 3_000_000}, multipart=multipart), 400)


def test_a_fault_of_ours_tells_nothing_of_itself(
    speak: Speaker, city: SmallCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db.backends.utils import CursorWrapper

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(CursorWrapper, "execute", broken)
    answer = speak.get("requests")
    monkeypatch.undo()
    assert (answer.status, [error["code"] for error in answer.content]) == (500, [500])
    assert b"hunter2" not in answer.raw


def test_a_host_that_is_not_ours_gets_no_page(speak: Speaker, city: SmallCity, settings: LazySettings) -> None:
    # Refused before any path is looked at, so not in the format; but a client that parses it falls over no HTML.
    settings.ALLOWED_HOSTS = ["311.city.example"]
    response = speak.client.get(speak.url("services"), headers={"Host": "evil.example"})
    assert response.status_code == 400
    assert b"<html" not in response.content.lower()
