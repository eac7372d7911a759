"""Speaks GeoReport v2 in one format, and reads either format into one shape: JSON's, by the Spark convention.

The outermost element is dropped, a list is an array even of one, an empty element is null. Only what the standard
types is typed here (numbers, booleans); everything else is text. So a test that runs in both formats says once what
both must say.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from django.test import Client

ROOT = "/open311/v2"
FORMATS = ("json", "xml")
MEDIA_TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}

#: The containers, and what their entries are called in XML.
LISTS = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
    "notes": "note",
    "photos": "photo",
}
_NUMBERS = {"lat": float, "long": float, "order": int}
_BOOLEANS = {"metadata", "variable", "required", "duplicate"}
#: W3C date and time with a zone, without fractions of a second.
W3C = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00")

#: What the standard knows of a request, and nothing else stands there without `extensions=true`.
REQUEST_FIELDS = {
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description",
    "agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "expected_datetime",
    "address", "address_id", "zipcode", "lat", "long", "media_url",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An answer in its format, read. `content` is in JSON's shape, `root` the outermost element of XML."""

    status: int
    content: Any
    raw: bytes
    headers: Mapping[str, str]
    root: str = ""


@dataclass
class Speaker:
    """A client of the standard that speaks one format."""

    format: str
    client: Client

    def url(self, path: str) -> str:
        return f"{ROOT}/{path}.{self.format}"

    def get(
        self, path: str, query: Mapping[str, Any] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET the path under the endpoint, less its suffix."""
        return read(self.client.get(self.url(path), query or {}, headers=headers), self.format)

    def post(
        self,
        path: str,
        form: Mapping[str, Any] | Sequence[tuple[str, Any]],
        *,
        multipart: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST a form; a value that is a list is sent repeated."""
        if multipart:
            return read(self.client.post(self.url(path), dict(form), headers=headers), self.format)
        body = urlencode(form, doseq=True)
        return self.post_body(path, body.encode(), "application/x-www-form-urlencoded", headers=headers)

    def post_body(
        self, path: str, body: bytes, content_type: str, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        response = self.client.generic("POST", self.url(path), body, content_type, headers=headers)
        return read(response, self.format)

    def ids(self, query: Mapping[str, Any] | None = None, path: str = "requests") -> list[str]:
        """`service_request_id` of each request that is listed, in order."""
        answer = self.get(path, query)
        assert answer.status == 200, answer.content
        return [entry["service_request_id"] for entry in answer.content]


def read(response: Any, format: str) -> Answer:
    """Holds what every answer must be: its media type, no page of HTML, a declaration, no namespace."""
    raw = response.content
    if response.status_code == 304:
        return Answer(304, None, raw, response.headers)
    assert response.headers["Content-Type"] == MEDIA_TYPES[format], (response.status_code, raw[:300])
    if format == "json":
        return Answer(response.status_code, _strict(raw), raw, response.headers)
    assert re.match(rb"""<\?xml version=["']1\.0["'] encoding=["']utf-8["']""", raw, re.IGNORECASE), raw[:80]
    assert b"xmlns" not in raw.split(b">", 2)[1]
    element = fromstring(raw, forbid_dtd=True)
    assert "{" not in element.tag
    return Answer(response.status_code, spark(element), raw, response.headers, element.tag)


def spark(element: Element, within: str = "") -> Any:
    """An element as JSON has it."""
    name = element.tag
    assert not element.attrib, f"{name} has attributes, which JSON has no place for"
    if name in LISTS:
        assert not (element.text or "").strip()
        assert {child.tag for child in element} <= {LISTS[name]}, f"{name} holds {[child.tag for child in element]}"
        return [spark(child, name) for child in element]
    if len(element):
        names = [child.tag for child in element]
        assert len(set(names)) == len(names), f"{name} holds one element twice: {names}"
        return {child.tag: spark(child, name) for child in element}
    if not element.text:
        return None
    return _typed(name, element.text, within)


def _typed(name: str, text: str, within: str) -> Any:
    if name in _BOOLEANS:
        return {"true": True, "false": False}[text]
    if name == "code" and within == "error":
        return int(text)
    return _NUMBERS.get(name, str)(text)


def _strict(raw: bytes) -> Any:
    """JSON of RFC 8259: no NaN, no name twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs), f"a name comes twice: {[name for name, _ in pairs]}"
        return dict(pairs)

    def never(constant: str) -> Any:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(raw.decode(), object_pairs_hook=once, parse_constant=never)


def refused(answer: Answer, status: int, *words: str) -> list[str]:
    """Holds a refusal against the standard, with every word in some description; the descriptions."""
    assert answer.status == status, (answer.status, answer.content)
    assert isinstance(answer.content, list), answer.content
    assert answer.content
    assert answer.root in {"", "errors"}
    for error in answer.content:
        assert set(error) == {"code", "description"}
        assert error["code"] == status
        assert isinstance(error["code"], int)
        assert isinstance(error["description"], str)
    descriptions = [error["description"] for error in answer.content]
    for word in words:
        assert any(word in description for description in descriptions), (word, descriptions)
    return descriptions


def streamed(response: Any) -> bytes:
    """All of an answer that comes in pieces."""
    return b"".join(response.streaming_content)
