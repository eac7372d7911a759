"""What every request gets: an id, a log line, its figures, and the headers of its rate limit."""

import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from prometheus_client import Counter, Histogram
from uuid_utils.compat import uuid7

log = structlog.get_logger("requests311.http")

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

REQUESTS = Counter("requests311_http_requests_total", "HTTP requests.", ["method", "route", "status"])
SECONDS = Histogram(
    "requests311_http_request_seconds",
    "Seconds from the request to its answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

#: Asked every few seconds by machines; their lines would drown the others.
_QUIET = {"livez", "readyz", "metrics"}

#: A caller may invent methods; every invention would be a time series of its own, for ever.
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}


def _route(request: HttpRequest) -> str:
    """The pattern and not the path: bounded in number, and without the ids of people's reports."""
    match = request.resolver_match
    return match.route if match is not None else "unknown"


class RequestContext:
    """X-Request-ID in, out and in every log line; the caller's own is kept where it is harmless."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid7().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        rate_limit = getattr(request, "rate_limit", None)
        if rate_limit is not None:
            for name, value in rate_limit.headers().items():
                response[name] = value
        route = _route(request)
        if route not in _QUIET:
            milliseconds = round((time.perf_counter() - started) * 1000, 1)
            log.info(
                "request",
                method=request.method,
                route=route,
                status=response.status_code,
                milliseconds=milliseconds,
            )
        structlog.contextvars.clear_contextvars()
        return response


class Metrics:
    """Counts and times every request by route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        response = self.get_response(request)
        method, route = request.method if request.method in _METHODS else "other", _route(request)
        REQUESTS.labels(method, route, response.status_code).inc()
        SECONDS.labels(method, route).observe(time.perf_counter() - started)
        return response


class _OfPages:
    """Passes calls of the API by: they carry a bearer token, and no cookie of theirs means anything."""

    def __call__(self, request: HttpRequest) -> Any:
        if request.path_info.startswith("/api/v1/"):
            return self.get_response(request)  # type: ignore[attr-defined]  # of the middleware it is mixed into
        return super().__call__(request)  # type: ignore[misc]


class PageSessions(_OfPages, SessionMiddleware):
    """Sessions of the admin."""


class PageAuthentication(_OfPages, AuthenticationMiddleware):
    """Who is signed in at the admin."""


class PageMessages(_OfPages, MessageMiddleware):
    """What the admin tells after a change."""
