"""Files of areas as cities hand them out, written by GDAL itself."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyogrio.raw import write

#: (code, name, shape)
Feature = tuple[str, str, Any]


def square(west: float, south: float, east: float, north: float) -> Any:
    return shapely.box(west, south, east, north)


def write_areas(
    path: Path, features: Sequence[Feature], *, crs: str | None = "EPSG:4326", kind: str = "MultiPolygon", **more: Any
) -> Path:
    """In the format that the name ends in, with the fields `code` and `label`."""
    multi = kind == "MultiPolygon"
    shapes = [shapely.multipolygons(shapely.get_parts(shape)) if multi else shape for *_, shape in features]
    columns = [np.array([feature[number] for feature in features], dtype=object) for number in (0, 1)]
    write(
        path,
        geometry=np.array([shapely.to_wkb(shape) for shape in shapes], dtype=object),
        field_data=columns,
        fields=["code", "label"],
        geometry_type=kind,
        crs=crs,
        **more,
    )
    return path


def geojson(path: Path, rows: Sequence[tuple[dict[str, Any], Any]]) -> Path:
    """Rows of (properties, geometry as GeoJSON or None), one a line."""
    lines = [json.dumps({"type": "Feature", "properties": row, "geometry": shape}) for row, shape in rows]
    path.write_text('{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}", encoding="utf-8")
    return path
