"""Where tiles and cells lie, in the world's own units (see `requests311.models.map_count`)."""

import math
from dataclasses import dataclass

#: The world is 2^30 units wide.
BITS = 30
#: The greatest zoom of a tile.
DEEPEST = 20
#: The level of the cells that the index `request_map_cell` serves; 600 metres at the equator.
FINEST = 16
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

    def cells(self, level: int) -> tuple[range, range]:
        """Addresses x and y of the cells of a level that lie in this tile, or of the one that it lies in."""
        down = level - self.z
        if down < 0:
            x, y = self.x >> -down, self.y >> -down
            return range(x, x + 1), range(y, y + 1)
        return range(self.x << down, (self.x + 1) << down), range(self.y << down, (self.y + 1) << down)


def unit_x(longitude: float) -> int:
    """As requests311_world_x of the database; degrees."""
    return _within(math.floor((longitude + 180) / 360 * 2**BITS))


def unit_y(latitude: float) -> int:
    """As requests311_world_y of the database; degrees."""
    held: float = math.radians(min(max(latitude, -_LAST_LATITUDE), _LAST_LATITUDE))
    return _within(math.floor((0.5 - math.asinh(math.tan(held)) / (2 * math.pi)) * 2**BITS))


def _within(unit: int) -> int:
    return min(max(unit, 0), (1 << BITS) - 1)
