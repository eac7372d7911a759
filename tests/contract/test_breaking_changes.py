"""openapi.yaml against openapi-released.yaml: an app in a pocket goes on working after we deploy.

After a release, and only then, openapi-released.yaml becomes a copy of openapi.yaml. A break needs /api/v2.
"""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.breaking import breaks

HERE = Path(__file__).resolve().parent
RELEASED: dict[str, Any] = yaml.safe_load((HERE / "openapi-released.yaml").read_text())
PRESENT: dict[str, Any] = yaml.safe_load((HERE.parent.parent / "openapi.yaml").read_text())


def test_no_client_breaks() -> None:
    found = breaks(RELEASED, PRESENT)
    assert not found, "these break clients that are out there:\n" + "\n".join(found)


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][f"/api/v1{path}"][method]
    return found


def parameter(document: dict[str, Any], path: str, name: str) -> dict[str, Any]:
    return next(p for p in operation(document, "get", path)["parameters"] if p["name"] == name)


Change = Callable[[dict[str, Any]], Any]

BREAKS: dict[str, tuple[Change, str]] = {
    "path removed": (lambda d: d["paths"].pop("/api/v1/locate"), "/api/v1/locate: path removed"),
    "operation removed": (
        lambda d: d["paths"]["/api/v1/me/devices/{installation_id}"].pop("delete"),
        "DELETE /api/v1/me/devices/{installation_id}: operation removed",
    ),
    "operation renamed": (lambda d: operation(d, "get", "/locate").update(operationId="where"), "operationId changed"),
    "answer removed": (lambda d: operation(d, "post", "/requests")["responses"].pop("201"), "answer 201 removed"),
    "success added": (
        lambda d: operation(d, "get", "/locate")["responses"].update({"202": {"description": "Later."}}),
        "answer 202 added",
    ),
    "field of an answer removed": (
        lambda d: schema(d, "RequestDocument")["properties"].pop("reason"),
        "/reason: removed",
    ),
    "field of an answer optional": (
        lambda d: schema(d, "RequestDocument")["required"].remove("number"),
        "/number: may now be missing",
    ),
    "field of an answer nullable": (
        lambda d: schema(d, "RequestDocument")["properties"]["address"].update(nullable=True),
        "/address: may be null now",
    ),
    "type changed": (
        lambda d: schema(d, "RequestDocument")["properties"]["version"].update(type="string"),
        "type changed from integer to string",
    ),
    "format changed": (
        lambda d: schema(d, "PhotoDocument")["properties"]["id"].update(format="int64"),
        "format changed from uuid",
    ),
    "type of a list's items changed": (
        lambda d: schema(d, "ServiceEntry")["properties"]["keywords"]["items"].update(type="integer"),
        "/keywords[]: type changed",
    ),
    "new value in an answer": (lambda d: schema(d, "PhotoState")["enum"].append("lost"), "may now be ['lost']"),
    "value no longer taken": (lambda d: schema(d, "Platform")["enum"].remove("web"), "no longer takes ['web']"),
    "field of a request became required": (
        lambda d: schema(d, "RequestInputRequest")["required"].append("address"),
        "/address: became required",
    ),
    "new required field": (
        lambda d: (
            schema(d, "RequestInputRequest")["properties"].update(age={"type": "integer"}),
            schema(d, "RequestInputRequest")["required"].append("age"),
        ),
        "/age: became required",
    ),
    "new required multipart field": (
        lambda d: (
            schema(d, "PhotoUploadRequest")["properties"].update(caption={"type": "string"}),
            schema(d, "PhotoUploadRequest")["required"].append("caption"),
        ),
        "POST /api/v1/photos/caption: became required",
    ),
    "field of a request removed": (
        lambda d: schema(d, "RequestInputRequest")["properties"].pop("client_id"),
        "/client_id: removed",
    ),
    "no longer null": (
        lambda d: schema(d, "RequestInputRequest")["properties"]["location"].pop("nullable"),
        "/location: may no longer be null",
    ),
    "shorter text": (
        lambda d: schema(d, "RequestInputRequest")["properties"]["description"].update(maxLength=100),
        "maxLength tightened from 4000 to 100",
    ),
    "new bound": (
        lambda d: schema(d, "RequestInputRequest")["properties"]["address"].update(minLength=1),
        "minLength tightened from nothing to 1",
    ),
    "fewer photos": (
        lambda d: schema(d, "RequestInputRequest")["properties"]["photos"].update(maxItems=3),
        "maxItems tightened from 10 to 3",
    ),
    "new required parameter": (
        lambda d: operation(d, "get", "/locate")["parameters"].append(
            {"in": "query", "name": "city", "required": True, "schema": {"type": "string"}}
        ),
        "parameter city became required",
    ),
    "parameter became required": (
        lambda d: parameter(d, "/requests", "status").update(required=True),
        "parameter status became required",
    ),
    "parameter removed": (
        lambda d: operation(d, "get", "/requests")["parameters"].remove(parameter(d, "/requests", "bbox")),
        "parameter bbox removed",
    ),
    "tighter parameter": (
        lambda d: parameter(d, "/requests", "limit")["schema"].update(maximum=50),
        "maximum tightened from 200 to 50",
    ),
    "content type removed": (
        lambda d: operation(d, "post", "/requests")["responses"]["422"]["content"].pop("application/problem+json"),
        "422: application/problem+json removed",
    ),
    "body became required": (
        lambda d: operation(d, "post", "/auth/guest")["requestBody"].update(required=True),
        "body became required",
    ),
    "now needs a token": (
        lambda d: operation(d, "get", "/requests").update(security=[{"bearer": []}]),
        "now needs a token",
    ),
}

HARMLESS: dict[str, Change] = {
    "nothing": lambda d: None,
    "field added to an answer": lambda d: schema(d, "RequestDocument")["properties"].update(mood={"type": "string"}),
    "promised field added to an answer": lambda d: (
        schema(d, "RequestDocument")["properties"].update(mood={"type": "string"}),
        schema(d, "RequestDocument")["required"].append("mood"),
    ),
    "optional field added to a request": lambda d: schema(d, "RequestInputRequest")["properties"].update(
        mood={"type": "string"}
    ),
    "optional parameter added": lambda d: operation(d, "get", "/requests")["parameters"].append(
        {"in": "query", "name": "mood", "schema": {"type": "string"}}
    ),
    "refusal added": lambda d: operation(d, "get", "/requests")["responses"].update({"451": {"description": "No."}}),
    "path added": lambda d: d["paths"].update({"/api/v1/new": {"get": {"responses": {}}}}),
    "longer text": lambda d: schema(d, "RequestInputRequest")["properties"]["description"].update(maxLength=9000),
    "words": lambda d: operation(d, "get", "/requests").update(summary="Other words", description="Other."),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_planted_break_is_found(name: str) -> None:
    change, message = BREAKS[name]
    planted = copy.deepcopy(RELEASED)
    change(planted)
    assert any(message in line for line in breaks(RELEASED, planted)), breaks(RELEASED, planted)


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_change_is_none(name: str) -> None:
    planted = copy.deepcopy(RELEASED)
    HARMLESS[name](planted)
    assert breaks(RELEASED, planted) == []
