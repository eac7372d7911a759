"""Which coordinate system a file is in, and the way from there to WGS 84 degrees (longitude, latitude)."""

import math
import re
from typing import Any

from django.contrib.gis.gdal import CoordTransform, GDALException, SpatialReference

NOT_NUMBERS = "its coordinates are not numbers"

_AUTHORITY_CODE = re.compile(r"[A-Za-z]+:[A-Za-z0-9]+")


class UnreadableFile(Exception):
    """The file as a whole cannot be used; the message says where, why, and the way out."""


def coordinate_system(crs: str) -> SpatialReference:
    """The system of a code (EPSG:…). Raises UnreadableFile."""
    # GDAL would take a file's name or an address here too.
    if _AUTHORITY_CODE.fullmatch(crs):
        try:
            return SpatialReference(crs)
        except (GDALException, ValueError):
            pass
    raise UnreadableFile(f"--crs: {crs!r} is no coordinate system; give a code such as EPSG:4326")


def to_wgs84(system: SpatialReference) -> CoordTransform:
    return CoordTransform(system, SpatialReference(4326))


def moved(geometry: Any, transform: CoordTransform) -> str:
    """Moves an OGRGeometry where it is; why that cannot be, or nothing."""
    try:
        geometry.transform(transform)
        return "" if geometry.empty else outside_degrees(*geometry.extent)
    except GDALException:
        return "its coordinates do not exist in the file's coordinate system; say the right one by --crs EPSG:…"


def outside_degrees(west: float, south: float, east: float, north: float) -> str:
    """Why that is no place in WGS 84 degrees, or nothing."""
    if not all(map(math.isfinite, (west, south, east, north))):
        return NOT_NUMBERS
    if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:
        return ""
    return (
        f"its coordinates ({west:g}, {south:g}) are not WGS 84 degrees; say by --crs EPSG:… which coordinate system"
        " they are in"
    )
