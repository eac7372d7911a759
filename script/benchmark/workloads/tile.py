"""GET /api/v1/map/tiles/{z}/{x}/{y}.mvt around the places people look at."""

import math

from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World


class Tile(Workload):
    #: 204: nothing there, which a growing table makes rarer.
    expected = frozenset({200, 204})

    def __init__(self, zoom: int) -> None:
        self.zoom = zoom
        self.name = f"tile_z{zoom}"
        self.title = f"Tile at z {zoom}"

    def calls(self, world: World, count: int) -> list[Call]:
        found = []
        for at, (longitude, latitude) in enumerate(world.places(self.name, count)):
            x, y = tile_of(longitude, latitude, self.zoom)
            found.append(
                Call("GET", f"/api/v1/map/tiles/{self.zoom}/{x}/{y}.mvt", world.guests[at % len(world.guests)])
            )
        return found


def tile_of(longitude: float, latitude: float, zoom: int) -> tuple[int, int]:
    """Column and row in the Web Mercator scheme (EPSG:3857, row 0 in the north)."""
    tiles = 1 << zoom
    x = int((longitude + 180) / 360 * tiles)
    y = int((1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * tiles)
    return min(max(x, 0), tiles - 1), min(max(y, 0), tiles - 1)
