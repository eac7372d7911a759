"""Calls of staff on one request, for tests of each of them."""

from typing import Any

from rest_framework.test import APIClient

from tests.api.asking import API


def etag(client: APIClient, key: str) -> str:
    return str(client.get(f"{API}/requests/{key}")["ETag"])


def act(client: APIClient, key: str, what: str, body: Any, tag: str | None = "as it is now") -> Any:
    """POST /requests/{key}/{what}; the response. Without a tag no If-Match is sent."""
    if tag == "as it is now":
        tag = etag(client, key)
    return client.post(f"{API}/requests/{key}/{what}", body, headers={"If-Match": tag} if tag else {})


def acted(client: APIClient, key: str, what: str, body: Any, status: int = 200) -> dict[str, Any]:
    """The same; the request as the answer has it."""
    response = act(client, key, what, body)
    assert response.status_code == status, response.content
    document: dict[str, Any] = response.json()
    assert response["ETag"] == etag(client, key)
    return document
