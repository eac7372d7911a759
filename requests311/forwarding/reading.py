"""What an Open311 server answers, JSON or XML, as a list of flat entries.

Servers write it in many ways: the list within an object, numbers for ids, an XML namespace, an error in the other
format than was asked for. Entities and DTDs are refused (XML bombs), and the caller bounds the bytes.
"""

from typing import Any
from xml.etree.ElementTree import Element, ParseError

import orjson
from defusedxml.ElementTree import fromstring

Entry = dict[str, str]


class Unreadable(Exception):
    """It is neither a list in JSON nor one in XML."""


def entries(body: bytes) -> list[Entry]:
    """Names and texts of each entry, empty for what is null or absent. Raises Unreadable."""
    if body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return _of_xml(body)
    return _of_json(body)


def _of_json(body: bytes) -> list[Entry]:
    try:
        found: Any = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError as error:
        raise Unreadable from error
    if isinstance(found, dict):
        lists = [value for value in found.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else [found]
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise Unreadable
    return [{name: _text(value) for name, value in entry.items()} for entry in found]


def _of_xml(body: bytes) -> list[Entry]:
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    # ValueError: entities, a DTD; LookupError: an encoding that nobody knows.
    except (ParseError, ValueError, LookupError) as error:
        raise Unreadable from error
    return [{_name(field): _text(field.text) for field in entry} for entry in root]


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _text(value: object) -> str:
    if isinstance(value, str):
        # PostgreSQL keeps no NUL.
        return value.replace("\0", "").strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return ""
