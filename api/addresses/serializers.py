from typing import Any

from django.contrib.gis.geos import Point
from rest_framework import serializers

from api.answers import Coordinates
from api.fields import QueryInteger, QueryNumber, StrictSerializer, Text
from geo.geocoding.lookup import EXTERNAL, SOURCES

DEFAULT_LIMIT = 5
GREATEST_LIMIT = 20


class AddressesQuery(StrictSerializer):
    """Either a text, a place, or both; `place` is the Point of `latitude` and `longitude`, or None."""

    q = Text(required=False, min_length=2, max_length=200)
    latitude = QueryNumber(required=False, min_value=-90, max_value=90)
    longitude = QueryNumber(required=False, min_value=-180, max_value=180)
    limit = QueryInteger(required=False, min_value=1, max_value=GREATEST_LIMIT, default=DEFAULT_LIMIT)

    def validate_q(self, value: str) -> str:
        if not any(letter.isalnum() for letter in value):
            raise serializers.ValidationError("Write a street, with a house number or without.", "invalid")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in ("latitude", "longitude") if name in attrs]
        if len(given) == 1:
            other = "longitude" if given == ["latitude"] else "latitude"
            raise serializers.ValidationError({other: [_missing(f"`{given[0]}` needs `{other}`.")]})
        if not given and "q" not in attrs:
            raise serializers.ValidationError({"q": [_missing("Give `q`, or `latitude` and `longitude`, or all.")]})
        place = Point(attrs["longitude"], attrs["latitude"], srid=4326) if given else None
        return {"q": attrs.get("q", ""), "place": place, "limit": attrs["limit"]}


def _missing(detail: str) -> serializers.ErrorDetail:
    return serializers.ErrorDetail(detail, "required")


class AddressEntry(serializers.Serializer[Any]):
    label = serializers.CharField(  # type: ignore[assignment]  # also DRF's own
        help_text="The whole address as people read it."
    )
    number = serializers.CharField()
    street = serializers.CharField()
    unit = serializers.CharField()
    city = serializers.CharField()
    region = serializers.CharField()
    postcode = serializers.CharField()
    location = Coordinates()
    distance = serializers.FloatField(allow_null=True, help_text="Metres; null where no place was given.")
    source = serializers.ChoiceField(SOURCES)  # type: ignore[assignment]  # also DRF's own


class AddressList(serializers.Serializer[Any]):
    results = AddressEntry(many=True)
    external = serializers.ChoiceField(EXTERNAL, help_text="What became of the external geocoder.")
    attribution = serializers.CharField(allow_null=True, help_text="Show it beside results whose source is external.")
