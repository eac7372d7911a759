"""Tiles and boxes out of a URL: checked once, and then only numbers."""

import math
import re
from dataclasses import dataclass

from api.errors import InvalidInput
from requests311.errors import InputError

#: A tile of zoom 20 is some 38 metres wide at the equator: closer than any report or border is placed.
GREATEST_ZOOM = 20
_DIGITS = re.compile(r"\d{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
#: What a tile holds beyond its edge, as a share of its width, so that lines do not end at the seam.
_MARGIN = 64 / 4096
#: Where Web Mercator ends, in degrees.
_NORTHERNMOST = 85.0511287798066


@dataclass(frozen=True)
class Tile:
    """A tile of Web Mercator, counted from the north-west."""

    z: int
    x: int
    y: int

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north in WGS 84 degrees, with the margin."""
        west, east = (self._longitude(self.x + share) for share in (-_MARGIN, 1 + _MARGIN))
        north, south = (self._latitude(self.y + share) for share in (-_MARGIN, 1 + _MARGIN))
        return west, south, east, north

    def _longitude(self, x: float) -> float:
        return min(max(x / (1 << self.z) * 360 - 180, -180.0), 180.0)

    def _latitude(self, y: float) -> float:
        degrees = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / (1 << self.z)))))
        return min(max(degrees, -_NORTHERNMOST), _NORTHERNMOST)


@dataclass(frozen=True)
class Box:
    """West, south, east, north in WGS 84 degrees; west is greater than east across the antimeridian (RFC 7946 §5.2)."""

    west: float
    south: float
    east: float
    north: float

    def parts(self) -> list[tuple[float, float, float, float]]:
        """The box as one or two that do not cross the antimeridian."""
        if self.west < self.east:
            return [(self.west, self.south, self.east, self.north)]
        return [(self.west, self.south, 180.0, self.north), (-180.0, self.south, self.east, self.north)]


def tile(z: str, x: str, y: str) -> Tile:
    """Raises InvalidInput with a pointer to each number that names no tile."""
    errors = []
    zoom = int(z) if _DIGITS.fullmatch(z) else -1
    if not 0 <= zoom <= GREATEST_ZOOM:
        raise InvalidInput([InputError("/z", "no_such_tile", f"There are tiles from zoom 0 to {GREATEST_ZOOM}.")])
    last = (1 << zoom) - 1
    for name, text in (("x", x), ("y", y)):
        if not _DIGITS.fullmatch(text) or int(text) > last:
            errors.append(InputError(f"/{name}", "no_such_tile", f"At zoom {zoom} it is 0 to {last}."))
    if errors:
        raise InvalidInput(errors)
    return Tile(zoom, int(x), int(y))


def box(text: str) -> Box:
    """`west,south,east,north`; raises InvalidInput with a pointer to /bbox."""
    numbers = text.split(",")
    if len(numbers) != 4 or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise _wrong("Four numbers, west,south,east,north, in degrees.")
    west, south, east, north = (float(number) for number in numbers)
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        raise _wrong("West and east lie within ±180 degrees, south and north within ±90.")
    if south >= north:
        raise _wrong("South comes second and north fourth, and south is the lesser.")
    # A box that begins where it ends has no inside, also where that is the antimeridian seen from both sides.
    if west == east or (west, east) == (180.0, -180.0):
        raise _wrong("West and east are the same line. West greater than east is a box across the antimeridian.")
    return Box(west, south, east, north)


def _wrong(detail: str) -> InvalidInput:
    return InvalidInput([InputError("/bbox", "invalid", detail)])
