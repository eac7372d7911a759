"""Serializer pieces that take JSON at its word: a string is a string, a number a number, and nothing else."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.contrib.gis.geos import Point
from rest_framework import serializers
from rest_framework.request import Request

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)


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


class Flag(serializers.BooleanField):
    """A JSON true or false; DRF's own field would take "yes" and 1 too."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


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


class QueryNumber(serializers.FloatField):
    """A number as JSON would write it; Python's `float` would take "nan", "4_0" and "٤٠" too."""

    def to_internal_value(self, data: Any) -> float:
        if not _NUMBER.fullmatch(data):
            self.fail("invalid")
        return float(super().to_internal_value(data))


class QueryInteger(serializers.IntegerField):
    """Digits; DRF's own field would take "1.0" too."""

    def to_internal_value(self, data: Any) -> int:
        if not _INTEGER.fullmatch(data):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class QueryFlag(serializers.BooleanField):
    """`true` or `false`; DRF's own field would take "y", "on" and "1" too."""

    def to_internal_value(self, data: Any) -> bool:
        if data not in {"true", "false"}:
            self.fail("invalid", input=data)
        return bool(data == "true")


class Moment(serializers.DateTimeField):
    """An ISO 8601 time with its zone: without one it would mean another moment in every city."""

    def enforce_timezone(self, value: Any) -> Any:
        if value.tzinfo is None:
            raise serializers.ValidationError("Give the zone too: 2026-11-21T14:00:00Z.", "zone_missing")
        return value


class QueryPlace(StrictSerializer):
    """`latitude` and `longitude` of a query."""

    latitude = QueryNumber(min_value=-90, max_value=90, help_text="Degrees north, WGS 84.")
    longitude = QueryNumber(min_value=-180, max_value=180, help_text="Degrees east, WGS 84.")


def checked(serializer: type[serializers.Serializer[Any]], data: Any) -> dict[str, Any]:
    """The validated values; raises DRF's ValidationError, which becomes a 422 with pointers."""
    values: dict[str, Any] = _kept(serializer).run_validation(data)
    return values


@cache
def _kept(serializer: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """One instance for all calls: checking keeps nothing in it, and copying its fields takes as long as checking."""
    return serializer()


def checked_query(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """The validated query parameters.

    Each once: of two the caller meant at least one that would be lost. An empty one is a wrong value, where
    DRF would take it as not given and so drop a filter.
    """
    parameters = request.query_params
    twice = [name for name in parameters if len(parameters.getlist(name)) > 1]
    if twice:
        raise serializers.ValidationError(
            {name: [serializers.ErrorDetail("Give this parameter once.", "repeated")] for name in twice}
        )
    return checked(serializer, parameters.dict())
