"""Serializer pieces that take JSON at its word: a string is a string, a number a number, and nothing else."""

from collections.abc import Mapping
from typing import Any

from django.contrib.gis.geos import Point
from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a typing error in a client must not silently lose what a person said."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [key for key in data if key not in self.fields]
            if unknown:
                known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
                raise serializers.ValidationError(
                    {
                        key: [serializers.ErrorDetail(f"Unknown field; known are {known}.", "unknown_field")]
                        for key in unknown
                    }
                )
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A JSON string; DRF's own field would turn a number into one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Number(serializers.FloatField):
    """A JSON number; DRF's own field would take "40.7" too."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return float(super().to_internal_value(data))


class Id(serializers.UUIDField):
    """A UUID in its usual form, as a JSON string."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or len(data) != 36:
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class StrictChoice(serializers.ChoiceField):
    """A JSON string out of a list."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


class Location(StrictSerializer):
    """A WGS 84 place; becomes a Point (longitude, latitude)."""

    latitude = Number(min_value=-90, max_value=90, help_text="Degrees north, WGS 84.")
    longitude = Number(min_value=-180, max_value=180, help_text="Degrees east, WGS 84.")

    def to_internal_value(self, data: Any) -> Any:
        values = super().to_internal_value(data)
        return Point(values["longitude"], values["latitude"], srid=4326)


class QueryPlace(StrictSerializer):
    """`latitude` and `longitude` of a query."""

    latitude = serializers.FloatField(min_value=-90, max_value=90, help_text="Degrees north, WGS 84.")
    longitude = serializers.FloatField(min_value=-180, max_value=180, help_text="Degrees east, WGS 84.")


def checked(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """The validated values; raises DRF's ValidationError, which becomes a 422 with pointers."""
    instance = serializer(data=data)
    instance.is_valid(raise_exception=True)
    values: dict[str, Any] = instance.validated_data
    return values
