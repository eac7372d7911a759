"""The box of a map in a query."""

from typing import Any

from rest_framework import serializers

from api.fields import QueryNumber
from api.schema import query
from requests311.map.world import Box

BBOX = query(
    "bbox",
    {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
    "minlon,minlat,maxlon,maxlat in WGS 84 degrees. One over the antimeridian ends west of where it begins "
    "(RFC 7946 §5.2).",
    required=True,
    explode=False,
)


class MapBbox(serializers.CharField):
    """`minlon,minlat,maxlon,maxlat` as in RFC 7946 §5; becomes one Box, or two where it crosses the antimeridian."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            west, south, east, north = (QueryNumber().to_internal_value(part) for part in str(data).split(","))
        except (ValueError, serializers.ValidationError) as error:
            raise serializers.ValidationError("minlon,minlat,maxlon,maxlat in degrees.", "invalid") from error
        if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
            raise serializers.ValidationError("Longitudes lie within ±180, latitudes within ±90.", "out_of_range")
        if south >= north:
            raise serializers.ValidationError(
                "The box is inside out: its second number, the southern edge, must be less than its fourth.",
                "inside_out",
            )
        # A box that begins where it ends has no inside, also where that is the antimeridian seen from both sides.
        if west == east or (west, east) == (180, -180):
            raise serializers.ValidationError(
                "The box has no width. West greater than east is a box across the antimeridian.", "invalid"
            )
        return Box.parts(west, south, east, north)
