import re
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from api.fields import Moment, QueryInteger, StrictSerializer
from api.map.boxes import MapBbox
from requests311.map.filters import Filters
from requests311.map.heat import HEXAGONS, fitting_resolution, hexagons_in
from requests311.map.hexagons import RESOLUTIONS
from requests311.statuses import Status

CODES_AT_MOST = 50
LIMIT, GREATEST_LIMIT = 100, 1000
#: Days back from now that hot spots are looked for in: by default, and at most.
DAYS, GREATEST_DAYS = 14, 31

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Codes(serializers.CharField):
    """Comma-separated; each at most 60 characters, 50 of them at most."""

    def to_internal_value(self, data: Any) -> Any:
        codes = str(super().to_internal_value(data)).split(",")
        if not all(codes) or any(len(code) > 60 or "\x00" in code for code in codes):
            raise serializers.ValidationError("Codes of 1 to 60 characters, separated by single commas.", "invalid")
        if len(codes) > CODES_AT_MOST:
            raise serializers.ValidationError(f"At most {CODES_AT_MOST} at a time.", "max_length")
        return codes


class Since(Moment):
    """An ISO 8601 time with its zone, or a date, which begins at 00:00 UTC."""

    def to_internal_value(self, value: Any) -> Any:
        if isinstance(value, str) and _DATE.fullmatch(value):
            value = f"{value}T00:00:00Z"
        return super().to_internal_value(value)


class FilterQuery(StrictSerializer):
    status = Codes(required=False)
    service = Codes(required=False)
    group = serializers.CharField(required=False, max_length=80)
    since = Since(required=False)

    def validate_status(self, statuses: list[str]) -> list[str]:
        unknown = [status for status in statuses if status not in Status.values]
        if unknown:
            raise serializers.ValidationError(
                f"{', '.join(unknown)}: no such status; there are {', '.join(Status.values)}.",
                "invalid_choice",
            )
        return statuses


class FeaturesQuery(FilterQuery):
    bbox = MapBbox()
    limit = QueryInteger(required=False, min_value=1, max_value=GREATEST_LIMIT, default=LIMIT)


class HeatQuery(StrictSerializer):
    bbox = MapBbox()
    resolution = QueryInteger(
        required=False,
        min_value=RESOLUTIONS[0],
        max_value=RESOLUTIONS[-1],
        error_messages=dict.fromkeys(
            ("min_value", "max_value"),
            f"A resolution is {RESOLUTIONS[0]} to {RESOLUTIONS[-1]}; the edge of a hexagon has 12,800 / 2^resolution"
            " metres of Web Mercator.",
        ),
    )

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        boxes = values["bbox"]
        resolution = values.setdefault("resolution", fitting_resolution(boxes))
        count = hexagons_in(boxes, resolution)
        if count <= HEXAGONS:
            return values
        detail = f"That is {count} hexagons, and {HEXAGONS} are the most. "
        finest = fitting_resolution(boxes, HEXAGONS)
        if hexagons_in(boxes, finest) <= HEXAGONS:
            raise serializers.ValidationError(
                {"resolution": [serializers.ErrorDetail(f"{detail}Take {finest}, or a smaller box.", "too_many")]}
            )
        raise serializers.ValidationError(
            {"bbox": [serializers.ErrorDetail(f"{detail}Take a smaller box.", "too_many")]}
        )


class HotSpotsQuery(StrictSerializer):
    since = Since(required=False)
    service = Codes(required=False)
    distance = QueryInteger(required=False, min_value=10, max_value=1000, default=100)
    reports = QueryInteger(required=False, min_value=3, max_value=1000, default=5)
    pause = QueryInteger(required=False, min_value=1, max_value=24 * GREATEST_DAYS, default=24)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        now = timezone.now()
        values.setdefault("since", now - timedelta(days=DAYS))
        # A minute for clocks that differ.
        if values["since"] < now - timedelta(days=GREATEST_DAYS, minutes=1):
            raise serializers.ValidationError(
                {"since": [serializers.ErrorDetail(f"At most {GREATEST_DAYS} days ago.", "too_early")]}
            )
        return values


def filters(values: dict[str, Any]) -> Filters:
    return Filters(
        status=values.get("status"),
        service=values.get("service"),
        group=[values["group"]] if "group" in values else None,
        since=values.get("since"),
    )


# --- Answers --------------------------------------------------------------------------------------


class PointGeometry(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Point"])
    coordinates = serializers.ListField(
        child=serializers.FloatField(), min_length=2, max_length=2, help_text="Longitude, latitude."
    )


class PolygonGeometry(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Polygon"])
    coordinates = serializers.ListField(
        child=serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    )


class RequestProperties(serializers.Serializer[Any]):
    number = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    service = serializers.CharField()
    service_name = serializers.CharField()
    group = serializers.CharField()
    department = serializers.CharField()
    address = serializers.CharField()
    submitted_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class RequestFeature(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Feature"])
    id = serializers.UUIDField()
    geometry = PointGeometry()
    properties = RequestProperties()


class RequestFeatures(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["FeatureCollection"])
    truncated = serializers.BooleanField(help_text="There are more than `limit`; these are the newest.")
    features = RequestFeature(many=True)


class HexagonProperties(serializers.Serializer[Any]):
    count = serializers.IntegerField()


class HexagonFeature(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Feature"])
    geometry = PolygonGeometry()
    properties = HexagonProperties()


class HeatMap(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["FeatureCollection"])
    resolution = serializers.IntegerField()
    withheld = serializers.IntegerField(help_text="Hexagons left out because they hold too few reports.")
    features = HexagonFeature(many=True)


class HotSpotProperties(serializers.Serializer[Any]):
    jurisdiction = serializers.CharField()
    service = serializers.CharField()
    service_name = serializers.CharField()
    group = serializers.CharField()
    count = serializers.IntegerField()
    open = serializers.IntegerField()
    radius_metres = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    numbers = serializers.ListField(child=serializers.CharField(), help_text="The newest 20.")


class HotSpotFeature(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Feature"])
    geometry = PointGeometry()
    properties = HotSpotProperties()


class HotSpotFeatures(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["FeatureCollection"])
    truncated = serializers.BooleanField(help_text="Only the newest 20,000 reports were looked at.")
    features = HotSpotFeature(many=True)
