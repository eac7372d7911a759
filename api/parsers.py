import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings
from rest_framework import exceptions, status
from rest_framework.parsers import JSONParser

from requests311.errors import InputError


class BodyTooLarge(exceptions.APIException):
    """The body is larger than this call takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body_too_large"
    default_detail = "The body is larger than 256 kB."
    errors = (InputError("", default_code, default_detail),)


class NotJSON(exceptions.ParseError):
    """The body is not JSON by RFC 8259."""

    def __init__(self, detail: str) -> None:
        self.errors = (InputError("", self.default_code, detail),)
        super().__init__(detail)


class BoundedJSONParser(JSONParser):
    """JSON by RFC 8259 (no NaN, no Infinity, UTF-8 only), at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        if parser_context is not None:
            # For Idempotency-Key: the same key must come with the same bytes.
            parser_context["request"]._request.body_digest = hashlib.sha256(body).hexdigest()
        try:
            return orjson.loads(body or b"{}")
        except orjson.JSONDecodeError as error:
            raise NotJSON(f"The body is not JSON: {error}") from error
