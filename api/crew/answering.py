"""One call that changes one request: parse, act, and answer with the request as it is then."""

from collections.abc import Callable
from typing import Any

import orjson
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from api import etags
from api.actors import caller, signed_in
from api.crew.operations import OPERATIONS
from api.fields import checked
from api.links import base_url
from api.renderers import JSONText
from requests311.actors import Actor
from requests311.models import ServiceRequest
from requests311.queries.documents import request_document


def document_response(body: str, *, status: int = 200) -> Response:
    """A request's document with its ETag."""
    tag = etags.etag(orjson.loads(body)["version"], body)
    headers = {"ETag": tag, "Vary": "Authorization", "Cache-Control": "private, no-cache"}
    return Response(JSONText(body), status=status, headers=headers)


def changed(request: Request, act: Callable[[Actor, int], ServiceRequest], *, status: int = 200) -> Response:
    """Calls the action with the caller and the version of If-Match; answers with what it made of the request."""
    signed_in(request)
    version = etags.required_version(request)
    actor = caller(request)
    # Read in the same transaction: the answer is what this call made, not what came right after it.
    with transaction.atomic():
        made = act(actor, version)
        body = request_document(id=made.pk, actor=actor, base_url=base_url(request)).text()
    return document_response(body, status=status)


def operated(request: Request, key: str, name: str, *, status: int = 200) -> Response:
    """`changed` by one of OPERATIONS."""
    signed_in(request)
    operation = OPERATIONS[name]
    values: dict[str, Any] = checked(operation.takes, request.data)
    return changed(request, lambda actor, version: operation.run(actor, key, version, values), status=status)
