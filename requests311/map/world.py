"""Where tiles, boxes and cells lie, in the world's own units (see `requests311.models.map_count`)."""

import math
from dataclasses import dataclass

#: The world is 2^30 units wide.
BITS = 30
#: The greatest zoom of a tile.
DEEPEST = 20
#: The level of the cells that the index `request_map_cell` serves; 600 metres at the equator.
FINEST = 16
#: A box over fewer cells of level 16 than this is read cell by cell, newest first; a larger one by time or by
#: place, as PostgreSQL's statistics tell it.
_CELLS = 64
#: Web Mercator ends here, degrees north and south.
_LAST_LATITUDE = 85.0511287798066


@dataclass(frozen=True)
class Tile:
    """A tile of the usual scheme (XYZ, from the north-west), which is also a cell of level z."""

    z: int
    x: int
    y: int

    def bounds(self) -> dict[str, int]:
        """The first unit within and the first one beyond, east and south."""
        shift = BITS - self.z
        return {
            "west": self.x << shift,
            "east": (self.x + 1) << shift,
            "north": self.y << shift,
            "south": (self.y + 1) << shift,
        }

    def degrees(self, beyond: float = 0.0) -> tuple[float, float, float, float]:
        """West, south, east, north in WGS 84 degrees, and the share `beyond` of its width more on each side."""
        width = 1 << self.z

        def longitude(x: float) -> float:
            return min(max(x / width * 360 - 180, -180.0), 180.0)

        def latitude(y: float) -> float:
            degrees = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / width))))
            return min(max(degrees, -_LAST_LATITUDE), _LAST_LATITUDE)

        return (
            longitude(self.x - beyond),
            latitude(self.y + 1 + beyond),
            longitude(self.x + 1 + beyond),
            latitude(self.y - beyond),
        )

    def cells(self, level: int) -> tuple[range, range]:
        """Addresses x and y of the cells of a level that lie in this tile, or of the one that it lies in."""
        down = level - self.z
        if down < 0:
            x, y = self.x >> -down, self.y >> -down
            return range(x, x + 1), range(y, y + 1)
        return range(self.x << down, (self.x + 1) << down), range(self.y << down, (self.y + 1) << down)


@dataclass(frozen=True)
class Box:
    """WGS 84 degrees, borders included; never over the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def parts(cls, west: float, south: float, east: float, north: float) -> "list[Box]":
        """One box; two where it crosses the antimeridian, which is when it ends west of where it begins."""
        if west <= east:
            return [cls(west, south, east, north)]
        return [cls(west, south, 180, north), cls(-180, south, east, north)]

    def cells(self) -> list[tuple[int, int]] | None:
        """Cells of level 16 that it touches; None where there are too many."""
        shift = BITS - FINEST
        columns = range(unit_x(self.west) >> shift, (unit_x(self.east) >> shift) + 1)
        lines = range(unit_y(self.north) >> shift, (unit_y(self.south) >> shift) + 1)
        if len(columns) * len(lines) > _CELLS:
            return None
        return [(x, y) for x in columns for y in lines]


def unit_x(longitude: float) -> int:
    """As requests311_world_x of the database; degrees."""
    return _within(math.floor((longitude + 180) / 360 * 2**BITS))


def unit_y(latitude: float) -> int:
    """As requests311_world_y of the database; degrees."""
    held: float = math.radians(min(max(latitude, -_LAST_LATITUDE), _LAST_LATITUDE))
    return _within(math.floor((0.5 - math.asinh(math.tan(held)) / (2 * math.pi)) * 2**BITS))


def _within(unit: int) -> int:
    return min(max(unit, 0), (1 << BITS) - 1)
