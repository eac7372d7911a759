"""openapi.yaml is what the code does, whole and valid."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from jsonschema import Draft4Validator
from openapi_spec_validator import validate

OPENAPI = Path(__file__).resolve().parent.parent.parent / "openapi.yaml"
COMMITTED: dict[str, Any] = yaml.safe_load(OPENAPI.read_text())
METHODS = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}

OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, item in COMMITTED["paths"].items()
    for method, operation in item.items()
    if method in METHODS
}
each = pytest.mark.parametrize("operation", [pytest.param(op, id=name) for name, op in OPERATIONS.items()])


def examples_of(content: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in content.get("examples", {}).values()] + (
        [content["example"]] if "example" in content else []
    )


def as_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0's `nullable` as every generator reads it, beside `allOf` too."""
    if isinstance(schema, list):
        return [as_json_schema(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: as_json_schema(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def test_the_committed_file_is_the_generated_one() -> None:
    generated = OpenApiYamlRenderer().render(
        SchemaGenerator().get_schema(request=None, public=True),  # type: ignore[no-untyped-call]
        renderer_context={},
    )
    assert generated.decode() == OPENAPI.read_text(), (
        "openapi.yaml is not what the code says; run: .venv/bin/python manage.py spectacular --file openapi.yaml"
    )


def test_it_is_valid_openapi() -> None:
    assert COMMITTED["openapi"].startswith("3.0.")
    validate(COMMITTED)


def test_the_issues_calls_are_all_there() -> None:
    api = "/api/v1"
    assert set(OPERATIONS) >= {
        f"POST {api}/auth/guest",
        f"POST {api}/auth/token",
        f"POST {api}/auth/refresh",
        f"GET {api}/services",
        f"GET {api}/locate",
        f"POST {api}/photos",
        f"GET {api}/photos/{{photo_id}}",
        f"GET {api}/assets",
        f"GET {api}/assets/{{asset_id}}",
        f"GET {api}/requests/{{key}}/earlier",
        f"POST {api}/requests",
        f"GET {api}/requests",
        f"GET {api}/requests/{{key}}",
        f"GET {api}/requests/{{key}}/events",
        f"POST {api}/requests/{{key}}/transitions",
        f"PUT {api}/me/devices/{{installation_id}}",
        f"DELETE {api}/me/devices/{{installation_id}}",
    }


def test_operation_ids_are_unique_and_camel_case() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)
    assert all(id_.isalnum() and id_[0].islower() for id_ in ids)


@each
def test_every_operation_says_what_it_is(operation: dict[str, Any]) -> None:
    assert operation["summary"]
    assert operation["operationId"]
    assert operation["tags"]
    assert set(operation["tags"]) <= {tag["name"] for tag in COMMITTED["tags"]}


@each
def test_every_success_has_an_example(operation: dict[str, Any]) -> None:
    succeeded = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
    assert succeeded
    for status, answer in succeeded.items():
        for content_type, content in answer.get("content", {}).items():
            if content_type == "application/json":
                assert examples_of(content), status


@each
def test_every_json_body_has_an_example(operation: dict[str, Any]) -> None:
    for content_type, content in operation.get("requestBody", {}).get("content", {}).items():
        if content_type == "application/json":
            assert examples_of(content)


@each
def test_every_refusal_is_a_problem(operation: dict[str, Any]) -> None:
    refusals = {status: answer for status, answer in operation["responses"].items() if status[0] in "45"}
    assert {"406", "429", "503"} <= set(refusals)
    for status, answer in refusals.items():
        assert set(answer["content"]) == {"application/problem+json"}, status
        content = answer["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
        assert [example["status"] for example in examples_of(content)] == [int(status)]


@each
def test_examples_are_what_they_are_examples_of(operation: dict[str, Any]) -> None:
    contents = [
        *operation.get("requestBody", {}).get("content", {}).values(),
        *(content for answer in operation["responses"].values() for content in answer.get("content", {}).values()),
    ]
    for content in contents:
        schema = as_json_schema({**content["schema"], "components": COMMITTED["components"]})
        for example in examples_of(content):
            Draft4Validator(schema).validate(example)


def test_input_objects_refuse_unknown_fields() -> None:
    """As the code does; a generated client then refuses a misspelt field before it is sent."""
    inputs = [name for name in COMMITTED["components"]["schemas"] if name.endswith("Request")]
    assert len(inputs) >= 8
    for name in set(inputs) - {"PhotoUploadRequest"}:
        assert COMMITTED["components"]["schemas"][name].get("additionalProperties") is False, name
