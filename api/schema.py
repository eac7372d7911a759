"""How a view describes itself in openapi.yaml: one decorator an operation, and the shape of every refusal."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import force_instance, get_doc
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from api.fields import StrictSerializer

F = TypeVar("F", bound=Callable[..., Any])


class Schema(AutoSchema):
    """drf-spectacular's, which also says that an object with an unknown field is refused."""

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(force_instance(serializer), StrictSerializer):  # type: ignore[no-untyped-call]
            if direction == "request":
                schema["additionalProperties"] = False
            # How we read input is no news of any particular object.
            if schema.get("description") == get_doc(StrictSerializer):
                del schema["description"]
        return schema


class ProblemErrorSerializer(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="JSON pointer (RFC 6901) to the wrong value.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable; decide on this and not on the texts.")
    detail = serializers.CharField(help_text="For a person.")
    instance = serializers.CharField(required=False)
    request_id = serializers.CharField(required=False)
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]  # also DRF's own


#: What an operation may refuse with, and the code that its example shows.
REFUSALS: dict[int, tuple[str, str, str]] = {
    400: ("parse_error", "Bad request", "The body is not JSON, or a header is malformed."),
    401: ("authentication_failed", "Not signed in", "No access token, or one that is no longer good."),
    403: ("not_allowed", "Not allowed", "Your role does not allow this."),
    404: ("not_found", "Not found", "There is no such thing, or it is not yours to see."),
    406: ("not_acceptable", "Not acceptable", "Only application/json is made here."),
    409: ("conflict", "Conflict", "It cannot be done in the present state."),
    410: ("link_over", "No longer there", "This link has expired, or was revoked."),
    412: ("stale_version", "Changed meanwhile", "Somebody changed this request since you read it."),
    413: ("body_too_large", "Too large", "The body is larger than this call takes."),
    415: ("unsupported_media_type", "Wrong content type", "Another content type than this call takes."),
    422: ("invalid", "Some values are wrong", "Some values are wrong; each is listed in `errors`."),
    428: ("if_match_required", "If-Match is needed", "Send the ETag you read as If-Match."),
    429: ("throttled", "Too many requests", "Too many at once; wait `Retry-After` seconds."),
    503: ("unavailable", "Not available now", "The database does not answer just now; try again."),
}


def operation(
    *,
    id: str,
    tag: str,
    summary: str,
    responses: dict[Any, Any],
    refusals: Sequence[int],
    description: str = "",
    request: Any = None,
    parameters: Sequence[Any] = (),
    examples: Sequence[OpenApiExample] = (),
    anonymous: bool = False,
    optional_token: bool = False,
) -> Callable[[F], F]:
    """Describes one operation. `anonymous`: takes no token; `optional_token`: some of its questions need one.

    429, 406 and 503 stand for every one.
    """
    codes = {*refusals, 406, 429, 503} | ({400, 413, 415} if request is not None else set())
    refused = {(code, "application/problem+json"): _refusal(code) for code in sorted(codes)}
    return extend_schema(
        operation_id=id,
        tags=[tag],
        summary=summary,
        description=description,
        request=request,
        parameters=list(parameters),
        responses={**responses, **refused},
        examples=list(examples),
        auth=cast("list[str] | None", [] if anonymous else [{"bearer": []}, {}] if optional_token else None),
    )


def answers(serializer: Any, description: str, *examples: tuple[str, Any]) -> OpenApiResponse:
    """A successful answer with its example."""
    return OpenApiResponse(
        serializer,
        description=description,
        examples=[OpenApiExample(name, value=value, response_only=True) for name, value in examples],
    )


def _refusal(status: int) -> OpenApiResponse:
    code, title, detail = REFUSALS[status]
    value: dict[str, Any] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": "019f1c2e7c1b7d0aa3d15a7c8e0f4b21",
    }
    if status == 422:
        value["errors"] = [{"pointer": "/location/latitude", "code": "max_value", "detail": "Must be at most 90."}]
    return OpenApiResponse(
        ProblemSerializer,
        description=detail,
        examples=[OpenApiExample(code, value=value, response_only=True, status_codes=[str(status)])],
    )


def header(name: str, description: str, *, required: bool = False, pattern: str = "") -> OpenApiParameter:
    # A required one that is empty is as good as missing.
    kind: Any = {"type": "string", "minLength": 1} if required else str
    if pattern:
        kind = {"type": "string", "pattern": pattern}
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, required=required, description=description)


def query(name: str, kind: Any, description: str, *, required: bool = False, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, required=required, description=description, **more)


def degrees(most: int) -> dict[str, Any]:
    """A number of degrees between −most and most."""
    return {"type": "number", "format": "double", "minimum": -most, "maximum": most}


def text(most: int) -> dict[str, Any]:
    """1 to `most` characters."""
    return {"type": "string", "minLength": 1, "maxLength": most}


#: Of every call that changes a request.
IF_MATCH = header("If-Match", "ETag of the request as you read it.", required=True)
