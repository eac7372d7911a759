"""How the tests of the API ask, and what every refusal must look like."""

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from rest_framework.test import APIClient

from tests.factories.cities import SmallCity
from tests.factories.photos import photo

T = TypeVar("T")

API = "/api/v1"


def report(city: SmallCity, ward: str = "west", **more: Any) -> dict[str, Any]:
    """The body of a plain report; `more` adds or replaces members."""
    latitude, longitude = city.point_in(ward)
    return {"service": "pothole", "location": {"latitude": latitude, "longitude": longitude}, **more}


def submit(client: APIClient, body: Any, key: str | None = None) -> Any:
    """POST /requests; the response."""
    headers = {"Idempotency-Key": key} if key is not None else {}
    return client.post(f"{API}/requests", body, headers=headers)


def submitted(client: APIClient, city: SmallCity, ward: str = "west", **more: Any) -> dict[str, Any]:
    """A report that was taken; its document."""
    response = submit(client, report(city, ward, **more))
    assert response.status_code == 201, response.content
    document: dict[str, Any] = response.json()
    return document


def move(client: APIClient, key: str, body: Any, etag: str | None = '"1-00000000"') -> Any:
    """POST /requests/{key}/transitions; the response."""
    return client.post(f"{API}/requests/{key}/transitions", body, headers={"If-Match": etag} if etag else {})


def upload(client: APIClient, data: bytes | None = None, *, name: str = "pothole.jpg", kind: str = "image/jpeg") -> Any:
    """POST /photos; the response."""
    file = SimpleUploadedFile(name, photo() if data is None else data, content_type=kind)
    return client.post(f"{API}/photos", {"file": file}, format="multipart")


def uploaded(client: APIClient, data: bytes | None = None) -> str:
    """A photo that was taken; its id."""
    response = upload(client, data)
    assert response.status_code == 201, response.content
    return str(response.json()["id"])


def phone_entry(token: str = "token-of-the-phone") -> dict[str, Any]:
    """The body that registers a phone."""
    return {
        "fcm": {"kind": "token", "value": token},
        "platform": "android",
        "locale": "en-US",
        "app_version": "1.0",
    }


def refused(response: Any, status: int, code: str | None = None, *pointers: str) -> dict[str, Any]:
    """Holds a refusal against RFC 9457 and DESIGN §7; its body.

    `pointers` are all that the problem lists, in any order; none named: it must list none.
    """
    assert response.status_code == status, (response.status_code, response.content)
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = json.loads(response.content)
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    assert body["status"] == status
    assert body["request_id"] == response["X-Request-ID"]
    if code is not None:
        assert body["code"] == code
    assert sorted(error["pointer"] for error in body.get("errors", [])) == sorted(pointers)
    return body


def without_what_differs(response: Any) -> dict[str, Any]:
    """A refusal less its request id and path: what is left may not tell two refusals apart."""
    body: dict[str, Any] = json.loads(response.content)
    return {"http": response.status_code} | {k: v for k, v in body.items() if k not in {"request_id", "instance"}}


def in_parallel(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Starts all calls at the same moment, each in a thread with a database connection of its own."""
    together = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        try:
            together.wait(timeout=30)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
