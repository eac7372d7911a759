"""Keyset pages: a cursor names the last row seen, so the thousandth page costs what the first does."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from urllib.parse import urlencode

from rest_framework.request import Request

from api.errors import InvalidInput
from requests311.errors import InputError

DEFAULT_LIMIT = 50
GREATEST_LIMIT = 200


def encode(*key: str) -> str:
    return urlsafe_b64encode("|".join(key).encode()).decode().rstrip("=")


def decode(cursor: str, parts: int) -> list[str]:
    """The key of the last row seen; raises InvalidInput for anything that `encode` did not make."""
    try:
        key = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().split("|")
    except (Base64Error, ValueError):
        key = []
    if len(key) != parts:
        raise bad_cursor()
    return key


def bad_cursor() -> InvalidInput:
    detail = "This cursor is not one of ours; start without it."
    return InvalidInput([InputError("/cursor", "invalid", detail)])


def next_link(request: Request, cursor: str) -> str:
    """RFC 8288: the same query with the next cursor."""
    query = {key: request.query_params.getlist(key) for key in request.query_params} | {"cursor": [cursor]}
    return f'<{request.build_absolute_uri(request.path)}?{urlencode(query, doseq=True)}>; rel="next"'


def page(documents: str, next_cursor: str | None) -> str:
    """A page as JSON text, from comma-separated documents that are JSON text."""
    following = "null" if next_cursor is None else f'"{next_cursor}"'
    return f'{{"results":[{documents}],"next":{following}}}'
