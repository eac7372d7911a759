from typing import Any

from rest_framework import serializers

from api.answers import Coordinates
from requests311.models import PhotoState


class PhotoUpload(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="JPEG, PNG, WebP or HEIC; at most 20 MB and 50 megapixels.")


class Variants(serializers.Serializer[Any]):
    thumbnail = serializers.CharField(help_text="URL; 320 px at most.")
    large = serializers.CharField(help_text="URL; 1600 px at most.")


class PhotoDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(PhotoState.choices)
    reason = serializers.CharField(allow_null=True, help_text="Why it was rejected.")
    captured_at = serializers.DateTimeField(allow_null=True, help_text="From EXIF; for the uploader and staff.")
    location = Coordinates(allow_null=True, help_text="From EXIF; for the uploader and staff.")
    width = serializers.IntegerField(help_text="Pixels of the upright picture.")
    height = serializers.IntegerField()
    variants = Variants(allow_null=True, help_text="Null until the state is ready.")
