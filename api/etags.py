"""Versions of a request in HTTP: ETag out, If-Match and If-None-Match in (RFC 9110 §13)."""

import hashlib
import re

from rest_framework.request import Request
from rest_framework.response import Response

from api.errors import HttpError

_OURS = re.compile(r'^"(\d{1,9})-[0-9a-f]{8}"$')


def etag(version: int, body: str) -> str:
    """`"<version>-<digest>"`: the version guards changes, the digest tells two renderings of it apart.

    A photo that becomes ready changes what is read but not what a crew decided on, so it may not make
    their change fail.
    """
    digest = hashlib.blake2s(body.encode(), digest_size=4).hexdigest()
    return f'"{version}-{digest}"'


def required_version(request: Request) -> int:
    """The version named by If-Match. Raises 428 where it is missing, 412 where it is no ETag of ours."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise HttpError(
            428,
            "if_match_required",
            "Send the ETag of the request you read as If-Match, so that no change is lost.",
        )
    match = _OURS.match(header)
    if match is None:
        raise HttpError(412, "stale_version", "If-Match is not the ETag of any version of this request.")
    return int(match[1])


def unchanged(request: Request, tag: str) -> bool:
    """If-None-Match names what the caller has; weak comparison, as §13.1.2 asks."""
    have = request.headers.get("If-None-Match", "")
    return have.strip() == "*" or tag in [part.strip().removeprefix("W/") for part in have.split(",")]


def not_modified(tag: str) -> Response:
    return Response(status=304, headers={"ETag": tag})
