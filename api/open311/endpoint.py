"""What every endpoint has in common: the format from the suffix, an ETag, and refusals that are never a page."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from api import throttling
from api.open311.formats import Format, document
from api.open311.refusals import Refused, refusal


@method_decorator(csrf_exempt, name="dispatch")
class Endpoint(View):
    """A path of the standard. A subclass has `read`, or `write`, or both, which give the answer or raise.

    `format` comes from the path's suffix. A key is no cookie, so that no other site can write in its name.
    """

    read: Callable[..., HttpResponseBase] | None = None
    write: Callable[..., HttpResponseBase] | None = None
    format: Format = Format.XML

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            self.format = _format(kwargs.pop("suffix", "xml"))
            response = self._handler(request)(request, **kwargs)
        except Exception as error:
            response = self._refused(request, refusal(error))
        # Public data, and no cookies: a page of any site may read it.
        response["Access-Control-Allow-Origin"] = "*"
        return response

    def _handler(self, request: HttpRequest) -> Callable[..., HttpResponseBase]:
        if request.method in {"GET", "HEAD"} and self.read is not None:
            throttling.check_http(request, "read", f"address:{throttling.address_bucket(request)}")
            return self.read
        if request.method == "POST" and self.write is not None:
            return self.write
        methods = [method for method, found in (("GET", self.read), ("POST", self.write)) if found is not None]
        raise Refused(400, f"use {' or '.join(methods)} here" if methods else "there is nothing at this address")

    def _refused(self, request: HttpRequest, found: Refused) -> HttpResponse:
        errors = [{"code": found.status, "description": description} for description in found.descriptions]
        body = document(self.format, "errors", errors)
        response = HttpResponse(body, status=found.status, content_type=self.format.media_type, headers=found.headers)
        response["Cache-Control"] = "no-store"
        return response

    def answer(self, request: HttpRequest, root: str, content: Any, *, seconds: int = 0) -> HttpResponseBase:
        """`content` as a document; a cache may keep it for `seconds`, and asks by its ETag from then on."""
        return self.answer_body(request, document(self.format, root, content), seconds=seconds)

    def answer_body(self, request: HttpRequest, body: bytes, *, seconds: int = 0) -> HttpResponseBase:
        response = HttpResponse(body, content_type=self.format.media_type)
        if request.method == "POST":
            response["Cache-Control"] = "no-store"
            return response
        response["Cache-Control"] = f"public, max-age={seconds}" if seconds else "public, no-cache"
        response["ETag"] = tag = f'"{hashlib.blake2s(body, digest_size=16).hexdigest()}"'
        found = get_conditional_response(request, etag=tag, response=response)
        return response if found is None else found


class Unknown(Endpoint):
    """Whatever else lies below the endpoint."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return super().dispatch(request, suffix="json" if request.path.endswith(".json") else "xml")

    def _handler(self, request: HttpRequest) -> Callable[..., HttpResponseBase]:
        raise Refused(404, "There is nothing at this address; GET discovery.xml tells what there is.")


def _format(suffix: str) -> Format:
    try:
        return Format(suffix)
    except ValueError as error:
        raise Refused(404, f"There is no format {suffix!r} here; there are xml and json.") from error
