"""Where reports come from: addresses along streets, most of them near a few hot spots."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

ADDRESSES = 60_000
HOT_SPOTS = 60
#: Streets of a city run mostly in two directions.
_ANGLES = (0.5, 0.5 + np.pi / 2)
METRES_A_DEGREE = 111_320.0
#: Where somebody stands who reports, from the address: metres, one standard deviation.
_ASIDE = 6.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Places:
    """Addresses inside the boundary and how often each is reported from. Degrees, WGS 84."""

    longitudes: Floats
    latitudes: Floats
    #: Running sum of the shares, up to 1.
    shares: Floats

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of `count` addresses."""
        chosen = np.minimum(np.searchsorted(self.shares, rng.random(count)), len(self.shares) - 1)
        return self.longitudes[chosen], self.latitudes[chosen]

    def aside(self, longitudes: Floats, latitudes: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """The same places a few metres away, as phones say it; some of them over a border."""
        noise = rng.normal(0, _ASIDE / METRES_A_DEGREE, (2, len(longitudes)))
        return longitudes + noise[0] / np.cos(np.radians(latitudes)), latitudes + noise[1]


def places_of(boundary: shapely.Geometry, rng: np.random.Generator, addresses: int = ADDRESSES) -> Places:
    """Lays streets and hot spots over the boundary (a polygon in degrees)."""
    shapely.prepare(boundary)
    streets = max(8, addresses // 40)
    longitudes, latitudes = _inside(boundary, rng, streets)
    size = float(np.sqrt(boundary.area))
    angles = rng.choice(_ANGLES, streets) + rng.normal(0, 0.08, streets)
    lengths = size * rng.lognormal(-3.2, 0.6, streets)
    popular = 1 / np.arange(1, streets + 1) ** 0.6
    found: list[Floats] = []
    weights: list[Floats] = []
    missing = addresses
    while missing > 0:
        street = rng.integers(0, streets, 2 * missing)
        along = (rng.random(2 * missing) - 0.5) * lengths[street]
        x = longitudes[street] + along * np.cos(angles[street])
        y = latitudes[street] + along * np.sin(angles[street])
        kept = np.flatnonzero(shapely.contains_xy(boundary, x, y))[:missing]
        found.append(np.column_stack([x[kept], y[kept]]))
        weights.append(popular[street[kept]])
        missing -= len(kept)
    points = np.concatenate(found)
    weight = np.concatenate(weights) * _heat(points, size, rng)
    return Places(points[:, 0].copy(), points[:, 1].copy(), np.cumsum(weight) / weight.sum())


def _heat(points: Floats, size: float, rng: np.random.Generator) -> Floats:
    """How much likelier a report is there for the hot spots around."""
    heat = np.ones(len(points))
    for strength, spot in zip(rng.pareto(1.2, HOT_SPOTS) + 1, rng.integers(0, len(points), HOT_SPOTS), strict=True):
        away = ((points - points[spot]) ** 2).sum(axis=1)
        heat += 12 * strength * np.exp(-away / (2 * (size / 100) ** 2))
    return heat


def _inside(boundary: shapely.Geometry, rng: np.random.Generator, count: int) -> tuple[Floats, Floats]:
    """Points anywhere in the boundary."""
    west, south, east, north = boundary.bounds
    found = np.empty((0, 2))
    while len(found) < count:
        trial = rng.uniform((west, south), (east, north), (4 * count, 2))
        found = np.concatenate([found, trial[shapely.contains_xy(boundary, trial[:, 0], trial[:, 1])]])
    return found[:count, 0], found[:count, 1]
