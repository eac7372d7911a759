"""A document as XML, and as JSON by the Spark convention that GeoReport v2 names: the XML's outermost element
dropped, a list an array even where it has one entry, an empty element null."""

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from xml.sax.saxutils import escape

import orjson


class Format(StrEnum):
    XML = "xml"
    JSON = "json"

    @property
    def media_type(self) -> str:
        return "text/xml; charset=utf-8" if self is Format.XML else "application/json; charset=utf-8"


XML_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'

#: What each entry of a list is called in XML.
_ENTRY = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
}
#: Everything that XML 1.0 has no way to write.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(format: Format, root: str, content: Any) -> bytes:
    """`content` (dicts, lists, texts, numbers, booleans, None) under the element `root`."""
    if format is Format.JSON:
        return orjson.dumps(_with_nulls(content))
    return (XML_DECLARATION + _element(root, content)).encode()


def _with_nulls(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {name: _with_nulls(value) for name, value in content.items()}
    if isinstance(content, str):
        # A lone surrogate is no character; orjson would refuse it.
        return content.encode(errors="replace").decode() or None
    if isinstance(content, Sequence):
        return [_with_nulls(value) for value in content]
    return content


def _element(name: str, content: Any) -> str:
    inside = _inside(name, content)
    return f"<{name}>{inside}</{name}>" if inside else f"<{name}/>"


def _inside(name: str, content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, Mapping):
        return "".join(_element(key, value) for key, value in content.items())
    if isinstance(content, str):
        return escape(_UNWRITABLE.sub("", content))
    if isinstance(content, Sequence):
        return "".join(_element(_ENTRY[name], value) for value in content)
    return str(content)
