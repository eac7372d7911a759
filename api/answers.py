"""Shapes that several resources answer with."""

from typing import Any

from rest_framework import serializers


class CodeAndName(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()


class AreaEntry(CodeAndName):
    kind = serializers.CharField()


class Coordinates(serializers.Serializer[Any]):
    latitude = serializers.FloatField()
    longitude = serializers.FloatField()
