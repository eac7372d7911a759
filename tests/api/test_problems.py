"""Refusals and failures outside any one endpoint."""

import json
from typing import Any
from uuid import UUID

import pytest
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from rest_framework.test import APIClient

from api.errors import STATUS
from config.urls import handler400, handler404, handler500
from config.urls import urlpatterns as real
from requests311.errors import DomainError
from tests.api.asking import API, refused

pytestmark = pytest.mark.django_db


def breaks(request: HttpRequest) -> HttpResponse:
    raise ValueError("ada@example.org was at /var/lib/secret")


urlpatterns = [*real, path("breaks", breaks)]
__all__ = ["handler400", "handler404", "handler500", "urlpatterns"]


@pytest.mark.parametrize("url", ["/nothing", f"{API}/nothing", f"{API}/requests/a/b/c", f"{API}/requests/", "/api/v2"])
def test_an_unknown_path(client: APIClient, url: str) -> None:
    body = refused(client.get(url), 404, "not_found")
    assert body["instance"] == url


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [
        ("DELETE", "/requests", {"GET", "POST"}),
        ("POST", "/requests/7K3F-9QTD", {"GET"}),
        ("GET", "/requests/7K3F-9QTD/assign", {"POST"}),
        ("GET", "/photos", {"POST"}),
        ("PATCH", "/me/devices/x", {"PUT", "DELETE"}),
        ("POST", "/services", {"GET"}),
        ("GET", "/auth/token", {"POST"}),
        ("TRACE", "/locate", {"GET"}),
        ("BREW", "/locate", {"GET"}),
    ],
)
def test_a_method_that_is_not_there(method: str, url: str, allowed: set[str]) -> None:
    from tests.factories.cities import person
    from tests.factories.people import signed_in

    response = signed_in(person()).generic(method, f"{API}{url}")
    refused(response, 405, "method_not_allowed")
    assert set(response["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == allowed


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png"])
def test_an_answer_that_is_not_made_here(client: APIClient, accept: str) -> None:
    refused(client.get(f"{API}/requests", headers={"Accept": accept}), 406, "not_acceptable")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*", "text/html, */*;q=0.1"])
def test_an_answer_that_is_made_here(client: APIClient, accept: str) -> None:
    response = client.get(f"{API}/requests", headers={"Accept": accept})
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"


@pytest.mark.parametrize("accept", ["application/problem+json", "application/json, application/problem+json"])
def test_a_client_that_takes_problems_too(client: APIClient, accept: str) -> None:
    refused(client.get(f"{API}/requests/x", headers={"Accept": f"{accept}, */*;q=0.1"}), 404, "not_found")


@override_settings(ROOT_URLCONF="tests.api.test_problems")
def test_a_mistake_of_ours_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    response = APIClient(raise_request_exception=False).get("/breaks?secret=1")
    body = refused(response, 500, "internal_error")
    text = json.dumps(body)
    for trace in ("ada@example.org", "secret", "ValueError", "Traceback", ".py"):
        assert trace not in text
    # But we hear of it, under the id that the caller can name.
    assert any(record.exc_info for record in caplog.records)


def test_a_mistake_within_the_api_too(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise KeyError("ada@example.org")

    monkeypatch.setattr("api.requests.listing.request_documents", breaks)
    response = APIClient(raise_request_exception=False).get(f"{API}/requests")
    assert "ada@example" not in json.dumps(refused(response, 500, "internal_error"))


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away(client: APIClient, monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def breaks(*_: Any, **__: Any) -> None:
        raise error("connection to server at 10.1.2.3, user requests311, failed")

    monkeypatch.setattr("api.requests.listing.request_documents", breaks)
    response = client.get(f"{API}/requests")
    body = refused(response, 503, "unavailable")
    assert "10.1.2.3" not in json.dumps(body)
    assert int(response["Retry-After"]) > 0


def test_a_host_that_is_not_ours(client: APIClient) -> None:
    refused(client.get(f"{API}/requests", headers={"Host": "evil.example"}), 400, "bad_request")


class TestRequestId:
    def test_every_answer_has_one(self, client: APIClient) -> None:
        first, second = (client.get("/livez")["X-Request-ID"] for _ in range(2))
        assert UUID(hex=first) != UUID(hex=second)

    @pytest.mark.parametrize("given", ["abc", "A-1_2.3", "x" * 64])
    def test_the_callers_own_is_kept(self, client: APIClient, given: str) -> None:
        response = client.get(f"{API}/requests/x", headers={"X-Request-ID": given})
        assert response["X-Request-ID"] == given
        assert refused(response, 404)["request_id"] == given

    @pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a\nb", "abc\n", "<script>", "é", "{}", '"'])
    def test_one_that_could_do_harm_is_not(self, client: APIClient, given: str) -> None:
        response = client.get("/livez", headers={"X-Request-ID": given})
        assert response["X-Request-ID"] != given
        assert UUID(hex=response["X-Request-ID"])


def test_every_refusal_of_the_domain_has_a_status() -> None:
    def kinds(of: type[DomainError]) -> set[type[DomainError]]:
        return {of}.union(*(kinds(kind) for kind in of.__subclasses__()))

    # The base class is never raised itself.
    assert kinds(DomainError) - {DomainError} == set(STATUS)
