"""Exception → RFC 9457 problem. The only place that knows the HTTP status of a refusal."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions, status
from rest_framework.response import Response

from accounts.errors import CredentialsRejected, TokenRejected
from api.renderers import JSONRenderer
from requests311 import errors as domain

log = structlog.get_logger(__name__)

STATUS: dict[type[domain.DomainError], int] = {
    domain.NotFound: 404,
    domain.Invalid: 422,
    domain.NotAllowed: 403,
    domain.StaleVersion: 412,
    domain.IllegalTransition: 409,
    domain.HasOpenTasks: 409,
    domain.CannotMerge: 409,
    domain.CannotRevise: 409,
    domain.AnsweredAlready: 409,
    domain.QuestionPending: 409,
    domain.NobodyToAsk: 409,
    domain.ReportedAlready: 409,
    domain.LinkOver: 410,
    domain.OperationReused: 422,
    domain.OutsideEveryJurisdiction: 422,
    domain.ServiceNotOffered: 422,
    domain.LocationMissing: 422,
    domain.PhotoHasNoPlace: 422,
    domain.PhotoRefused: 422,
    domain.PhotoTooLarge: 413,
    domain.NoDispatchDesk: 500,
    domain.TooManyWebhooks: 409,
    domain.WebhookInactive: 409,
    domain.DeliveryNotDead: 409,
}

_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "No longer there",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Wrong content type",
    422: "Some values are wrong",
    428: "If-Match is needed",
    429: "Too many requests",
    500: "Our mistake",
    503: "Not available now",
}

#: A connection that breaks while it is used is an OperationalError, the next use of it an InterfaceError.
_DATABASE_AWAY = (OperationalError, InterfaceError)

_TOO_LARGE = domain.InputError("", "body_too_large", "The body is larger than 256 kB.")

#: Enough for a form, and no way to make us write megabytes about a body of 256 kB.
_ERRORS_AT_MOST = 100


class HttpError(exceptions.APIException):
    """A refusal that only HTTP knows: a header that is missing, a key that was used otherwise."""

    def __init__(self, status_code: int, code: str, detail: str, headers: dict[str, str] | None = None) -> None:
        self.status_code = status_code
        self.headers = headers or {}
        super().__init__(detail, code)


class InvalidInput(exceptions.APIException):
    """Input that a parser of ours refused, with a pointer for each fault."""

    status_code = 422

    def __init__(self, errors: Sequence[domain.InputError]) -> None:
        self.errors = errors
        super().__init__("Some values are wrong; each is listed.", "invalid")


def problem_response(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None lets Django answer, with `server_error` below."""
    request = context["request"]._request if context.get("request") is not None else None
    found = _problem(exception)
    if found is None:
        return None
    headers = _headers(exception)
    body = problem(request, **found)
    response = Response(body, status=found["status"], headers=headers)
    response.content_type = "application/problem+json"
    return response


def problem(
    request: HttpRequest | None,
    *,
    status: int,
    code: str,
    detail: str,
    errors: Sequence[domain.InputError] = (),
    **extra: Any,
) -> dict[str, Any]:
    """The members of RFC 9457, ours (`code`, `errors`, `request_id`), and what the error adds."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if request is not None:
        body["instance"] = request.path
        body["request_id"] = getattr(request, "request_id", "")
    if errors:
        body["errors"] = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in errors]
    return body | extra


def describe(request: HttpRequest | None, exception: Exception) -> dict[str, Any]:
    """The problem of one operation among many, which is no answer of its own."""
    found = _problem(exception)
    if found is None:
        raise exception
    return problem(request, **found)


def _problem(exception: Exception) -> dict[str, Any] | None:
    if isinstance(exception, domain.DomainError):
        return {
            "status": STATUS[type(exception)],
            "code": exception.code,
            "detail": exception.detail,
            "errors": exception.errors,
            **exception.extra,
        }
    if isinstance(exception, TokenRejected | CredentialsRejected):
        code = "token_rejected" if isinstance(exception, TokenRejected) else "credentials_rejected"
        return {"status": 401, "code": code, "detail": exception.__doc__}
    if isinstance(exception, InvalidInput):
        return {"status": 422, "code": "invalid", "detail": str(exception.detail), "errors": exception.errors}
    if isinstance(exception, exceptions.ValidationError):
        detail = "Some values are wrong; each is listed."
        return {
            "status": 422,
            "code": "invalid",
            "detail": detail,
            "errors": list(islice(_flatten(exception.detail), _ERRORS_AT_MOST)),
        }
    if isinstance(exception, RequestDataTooBig):
        # Django has looked at the body before the parser could: DATA_UPLOAD_MAX_MEMORY_SIZE.
        return {"status": 413, "code": "body_too_large", "detail": _TOO_LARGE.detail, "errors": [_TOO_LARGE]}
    if isinstance(exception, exceptions.APIException):
        codes = exception.get_codes()
        return {
            "status": exception.status_code,
            "code": codes if isinstance(codes, str) else "refused",
            "detail": str(exception.detail),
            "errors": getattr(exception, "errors", ()),
        }
    if isinstance(exception, Http404):
        return {"status": 404, "code": "not_found", "detail": domain.NotFound().detail}
    if isinstance(exception, PermissionDenied):
        return {"status": 403, "code": "not_allowed", "detail": domain.NotAllowed().detail}
    if isinstance(exception, _DATABASE_AWAY):
        log.error("database unavailable", exc_info=exception)
        return {
            "status": 503,
            "code": "unavailable",
            "detail": "The database does not answer just now. Nothing was lost; try again in a moment.",
        }
    return None


def _headers(exception: Exception) -> dict[str, str]:
    headers = dict(getattr(exception, "headers", {}))
    if header := getattr(exception, "auth_header", None):
        headers["WWW-Authenticate"] = header
    if isinstance(exception, TokenRejected | CredentialsRejected):
        headers["WWW-Authenticate"] = 'Bearer realm="requests311"'
    if isinstance(exception, _DATABASE_AWAY):
        headers["Retry-After"] = "2"
    return headers


def _flatten(detail: Any, pointer: str = "") -> Iterator[domain.InputError]:
    """DRF's nested errors as a flat list with RFC 6901 pointers."""
    if isinstance(detail, dict):
        for key, value in detail.items():
            below = pointer if key == "non_field_errors" else f"{pointer}/{_escaped(key)}"
            yield from _flatten(value, below)
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        for index, value in enumerate(detail):
            yield from _flatten(value, f"{pointer}/{index}")
    elif isinstance(detail, list):
        for item in detail:
            yield from _flatten(item, pointer)
    else:
        yield domain.InputError(pointer, getattr(detail, "code", "invalid"), str(detail))


def _escaped(key: object) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


# --- Answers outside DRF: unknown paths and mistakes of ours ------------------------------------


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(request, 404, "not_found", "There is nothing at this address; /api/docs lists what there is.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _plain(request, 400, "bad_request", "The request cannot be understood.")


def server_error(request: HttpRequest) -> HttpResponse:
    """No trace and nothing personal: the request id finds the log line."""
    detail = "This is our mistake, not yours, and it has been logged. Name the request_id when you report it."
    return _plain(request, status.HTTP_500_INTERNAL_SERVER_ERROR, "internal_error", detail)


def _plain(request: HttpRequest, status_code: int, code: str, detail: str) -> HttpResponse:
    body = JSONRenderer().render(problem(request, status=status_code, code=code, detail=detail))
    return HttpResponse(body, status=status_code, content_type="application/problem+json")
