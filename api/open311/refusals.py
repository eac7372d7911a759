"""Exception → errors as GeoReport v2 has them: a list of code and description, HTTP 400, 403 or 404.

Beside those there is 429 for a caller who is throttled, and 500 and 503 where the fault is ours.
"""

import structlog
from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from rest_framework.exceptions import APIException

from api.errors import STATUS, HttpError
from requests311.errors import DomainError, InputError

log = structlog.get_logger(__name__)

#: Of this many wrong values each is told.
_ERRORS_AT_MOST = 100
#: As a client of GeoReport v2 knows what our domain calls otherwise.
_NAMES = {
    "/service": "service_code",
    "/location": "lat and long",
    "/address": "address_string",
    "/photos": "media",
    "/media_url": "media_url",
    "/description": "description",
}


class Refused(Exception):
    """A refusal that only this interface knows."""

    def __init__(self, status: int, *descriptions: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(*descriptions)
        self.status = status
        self.descriptions = descriptions
        self.headers = headers or {}


def refusal(exception: Exception) -> Refused:
    """What to tell of any exception; one that nobody expected is logged, and tells nothing of itself."""
    if isinstance(exception, Refused):
        return exception
    if isinstance(exception, DomainError):
        return _of_domain(exception)
    if isinstance(exception, HttpError) and exception.status_code == 429:
        return Refused(429, str(exception.detail), headers=exception.headers)
    if isinstance(exception, Http404):
        return Refused(404, "There is nothing at this address; GET discovery.xml tells what there is.")
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return Refused(400, "The form is too large.")
    if isinstance(
        exception,
        MultiPartParserError | UnreadablePostError | SuspiciousOperation | BadRequest | APIException | UnicodeError,
    ):
        return Refused(400, "The request cannot be understood.")
    if isinstance(exception, OperationalError | InterfaceError):
        log.error("database unavailable", exc_info=exception)
        return Refused(503, "Not available just now. Nothing was lost; try again.", headers={"Retry-After": "2"})
    log.error("unhandled", exc_info=exception)
    return Refused(500, "This is our mistake, not yours, and it has been logged.")


def _of_domain(exception: DomainError) -> Refused:
    status = STATUS[type(exception)]
    if status < 500 and status not in {403, 404}:
        status = 400
    if not exception.errors:
        return Refused(status, exception.detail)
    return Refused(status, *(_description(error) for error in exception.errors[:_ERRORS_AT_MOST]))


def _description(error: InputError) -> str:
    if error.code == "required":
        return f"{_name(error.pointer)} required"
    return error.detail


def _name(pointer: str) -> str:
    if pointer.startswith("/attributes/"):
        return pointer.removeprefix("/attributes/").replace("~1", "/").replace("~0", "~")
    return _NAMES.get(pointer, pointer.strip("/"))
