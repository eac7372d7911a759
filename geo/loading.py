"""Writes areas with the pieces that make looking them up fast."""

from typing import Any

from django.contrib.gis.geos import GEOSException, GEOSGeometry, MultiPolygon, WKBWriter
from django.db import connection, transaction

from geo.models import Area, AreaOutline, AreaPiece, AreaVersion

#: Vertices a piece may have; PostGIS' documentation finds 128–256 fastest for point-in-polygon.
VERTICES_PER_PIECE = 128


class BrokenShape(Exception):
    """The shape is not a polygon, is empty, or lies outside WGS 84 degrees."""


def as_multipolygon(geometry: GEOSGeometry) -> MultiPolygon:
    """The geometry as a valid MultiPolygon in WGS 84, without heights; raises BrokenShape with the reason."""
    if geometry.srid not in {None, 4326}:
        raise BrokenShape(f"coordinates are in SRID {geometry.srid}, not in WGS 84 degrees (4326)")
    if not geometry.empty and not _are_degrees(geometry.extent):
        raise BrokenShape("coordinates are not WGS 84 degrees (longitude, latitude)")
    if geometry.hasz:
        geometry = GEOSGeometry(_flat(geometry), srid=4326)
    if not geometry.valid:
        geometry = _repaired(geometry)
    polygons = [part for part in _polygons(geometry) if not part.empty]
    if not polygons:
        raise BrokenShape(f"a {geometry.geom_type} without an area is not a boundary")
    boundary = MultiPolygon(polygons, srid=4326)
    # Parts of a collection may overlap each other, which those of a boundary may not.
    return boundary if boundary.valid else as_multipolygon(boundary.unary_union)


def _repaired(geometry: GEOSGeometry) -> GEOSGeometry:
    try:
        return geometry.make_valid()
    except GEOSException as error:  # a coordinate that is not a number
        raise BrokenShape(f"the shape cannot be repaired: {geometry.valid_reason}") from error


def _are_degrees(extent: tuple[float, float, float, float]) -> bool:
    west, south, east, north = extent
    return -180 <= west <= east <= 180 and -90 <= south <= north <= 90


def _flat(geometry: GEOSGeometry) -> memoryview:
    flat: memoryview = WKBWriter(dim=2).write(geometry)
    return flat


def _polygons(geometry: Any) -> list[Any]:
    if geometry.geom_type == "Polygon":
        return [geometry]
    if geometry.geom_type in {"MultiPolygon", "GeometryCollection"}:
        return [polygon for part in geometry for polygon in _polygons(part)]
    return []


@transaction.atomic
def save_area(*, parent: Area | None, kind: str, code: str, name: str, boundary: MultiPolygon) -> tuple[Area, bool]:
    """Creates one area, or corrects the version in force, with its pieces; (area, changed).

    An equal area is not touched. For a change from some day on there is `geo.versions.load`. Outlines are the
    caller's to draw (`geo.outlines`), once all areas of the kind are there; those of another shape are gone.
    """
    area = Area.objects.filter(parent=parent, kind=kind, code=code).first()
    if area is not None and area.name == name and area.boundary.equals_exact(boundary):
        return area, False
    shape_is_new = area is None or not area.boundary.equals_exact(boundary)
    area = area or Area(parent=parent, kind=kind, code=code)
    area.name = name
    if shape_is_new:
        area.boundary = boundary
        area.square_metres = _square_metres(boundary)
    area.save()
    version, _ = AreaVersion.objects.update_or_create(
        area=area,
        valid_to=None,
        defaults={"name": name, "boundary": area.boundary, "square_metres": area.square_metres},
    )
    if shape_is_new:
        _cut_into_pieces(version)
    return area, True


def _square_metres(boundary: MultiPolygon) -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ST_Area(%s::geography)", [boundary.ewkt])
        return float(cursor.fetchone()[0])


def _cut_into_pieces(version: AreaVersion) -> None:
    AreaPiece.objects.filter(version=version).delete()
    AreaOutline.objects.filter(version=version).delete()
    with connection.cursor() as cursor:
        # The planner expects a million pieces and so compiles the query: 80 ms an area for nothing.
        cursor.execute("SET LOCAL jit = off")
        cursor.execute(
            "INSERT INTO geo_areapiece (area_id, version_id, valid_from, valid_to, shape)"
            " SELECT area_id, id, valid_from, valid_to,"
            " (ST_Dump(ST_CollectionExtract(ST_Subdivide(boundary, %s), 3))).geom"
            " FROM geo_areaversion WHERE id = %s",
            [VERTICES_PER_PIECE, version.pk],
        )
