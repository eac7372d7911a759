"""Odd polygons, and the points that try them."""

import random
from math import cos, pi, sin

from django.contrib.gis.geos import MultiPolygon, Point, Polygon


def flower(*, vertices: int, radius: float = 0.1, centre: tuple[float, float] = (-100.0, 40.0)) -> MultiPolygon:
    """A ring that swings in and out seven times; `centre` is (longitude, latitude)."""
    turns = [2 * pi * number / vertices for number in range(vertices)]
    ring = [
        (
            centre[0] + radius * (1 + 0.4 * sin(7 * turn)) * cos(turn),
            centre[1] + radius * (1 + 0.4 * sin(7 * turn)) * sin(turn),
        )
        for turn in turns
    ]
    return MultiPolygon(Polygon([*ring, ring[0]]), srid=4326)


def jagged_border(seed: int, *, x: float, south: float, north: float, vertices: int) -> list[tuple[float, float]]:
    """A line from south to north that wobbles around the longitude `x`, by a seed always the same."""
    chance = random.Random(seed)
    step = (north - south) / (vertices + 1)
    inner = [(x + chance.uniform(-0.01, 0.01), south + step * (number + 1)) for number in range(vertices)]
    return [(x, south), *inner, (x, north)]


def both_sides(border: list[tuple[float, float]], *, west: float, east: float) -> tuple[MultiPolygon, MultiPolygon]:
    """The areas west and east of the line, which share it vertex by vertex."""
    (_, south), (_, north) = border[0], border[-1]
    left = [*border, (west, north), (west, south), border[0]]
    right = [*border, (east, north), (east, south), border[0]]
    return MultiPolygon(Polygon(left), srid=4326), MultiPolygon(Polygon(right), srid=4326)


def points_on(border: list[tuple[float, float]], seed: int, count: int) -> list[Point]:
    """Vertices of the line, and points on it as exactly as a double can say."""
    chance = random.Random(seed)
    found = [Point(*vertex, srid=4326) for vertex in border[1:-1]]
    for _ in range(count):
        (x1, y1), (x2, y2) = (border[place := chance.randrange(len(border) - 1)], border[place + 1])
        share = chance.random()
        found.append(Point(x1 + share * (x2 - x1), y1 + share * (y2 - y1), srid=4326))
    return found


def random_points(seed: int, count: int, box: tuple[float, float, float, float]) -> list[Point]:
    """Evenly over (west, south, east, north)."""
    chance = random.Random(seed)
    west, south, east, north = box
    return [Point(chance.uniform(west, east), chance.uniform(south, north), srid=4326) for _ in range(count)]
