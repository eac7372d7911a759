"""How staff and people with a link call, for the tests of what is done beside the moves."""

from typing import Any

from django.db import transaction
from rest_framework.test import APIClient

from tests.api.asking import API


def etag(client: APIClient, key: str) -> str:
    """The ETag of the request as this client reads it."""
    return str(client.get(f"{API}/requests/{key}")["ETag"])


def call(client: APIClient, key: str, what: str, body: Any, *, tag: str | None = "", method: str = "post") -> Any:
    """POST (or another method) /requests/{key}/{what} with If-Match; of the request as it is unless `tag` is given,
    and without for None."""
    tag = etag(client, key) if tag == "" else tag
    return getattr(client, method)(
        f"{API}/requests/{key}/{what}", body, format="json", headers={"If-Match": tag} if tag else {}
    )


def done(client: APIClient, key: str, what: str, body: Any, *, status: int = 201, method: str = "post") -> Any:
    """As `call`, where it succeeds: the request's document, whose ETag is the one that a GET gives."""
    response = call(client, key, what, body, method=method)
    assert response.status_code == status, response.content
    assert response["ETag"] == etag(client, key)
    assert response["Cache-Control"] == "private, no-cache"
    return response.json()


def events(client: APIClient, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"{API}/requests/{key}/events").json()["results"]
    return found


def status_of(client: APIClient, path: str) -> int:
    """GET, where nothing but the answer's status is of interest; a file that it streams is read to its end."""
    response: Any = client.get(path)
    if response.streaming:
        for _ in response.streaming_content:
            pass
    return int(response.status_code)


def by_link(client: APIClient, path: str, body: Any) -> Any:
    """POST to what a link names. In a savepoint: a refusal rolls the whole transaction back, which is here the
    test's."""
    with transaction.atomic():
        return client.post(f"{API}/{path}", body, format="json")
