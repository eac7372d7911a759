"""A tile in a URL: checked once, and then only numbers."""

import re

from drf_spectacular.utils import OpenApiParameter

from api.errors import InvalidInput
from requests311.errors import InputError
from requests311.map.world import DEEPEST, Tile

_DIGITS = re.compile(r"[0-9]{1,9}")


def _number(name: str, most: int, description: str) -> OpenApiParameter:
    kind = {"type": "integer", "minimum": 0, "maximum": most}
    return OpenApiParameter(name, kind, OpenApiParameter.PATH, description=description)


TILE = [
    _number("z", DEEPEST, "Zoom."),
    _number("x", 2**DEEPEST - 1, "Column, from the west."),
    _number("y", 2**DEEPEST - 1, "Row, from the north."),
]


def tile(z: str, x: str, y: str) -> Tile:
    """Raises InvalidInput with a pointer to each number that is on no map."""
    zoom = int(z) if _DIGITS.fullmatch(z) else -1
    if not 0 <= zoom <= DEEPEST:
        raise InvalidInput([InputError("/z", "out_of_range", f"Zooms go from 0 to {DEEPEST}.")])
    last = 2**zoom - 1
    wrong = [
        InputError(f"/{name}", "out_of_range", f"At zoom {zoom} it goes from 0 to {last}.")
        for name, number in (("x", x), ("y", y))
        if not _DIGITS.fullmatch(number) or int(number) > last
    ]
    if wrong:
        raise InvalidInput(wrong)
    return Tile(zoom, int(x), int(y))
