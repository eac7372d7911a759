from typing import Any

from rest_framework import serializers

from api.answers import Coordinates
from api.fields import QueryInteger, QueryNumber, QueryPlace
from api.requests.serializers import RequestDocument

#: Metres: beyond a walk, a person is not standing at the thing.
GREATEST_RADIUS = 1000
DEFAULT_RADIUS = 100
GREATEST_LIMIT = 100
DEFAULT_LIMIT = 20


class AssetsQuery(QueryPlace):
    kind = serializers.SlugField(required=False, max_length=40)
    radius = QueryNumber(required=False, min_value=1, max_value=GREATEST_RADIUS, default=DEFAULT_RADIUS)
    limit = QueryInteger(required=False, min_value=1, max_value=GREATEST_LIMIT, default=DEFAULT_LIMIT)


class AssetEntry(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="What POST /requests takes as `asset`.")
    jurisdiction = serializers.CharField(help_text="Code of the jurisdiction whose thing it is.")
    kind = serializers.CharField(help_text="street_light, hydrant, tree … as services name it.")
    code = serializers.CharField(help_text="What stands on it.")
    name = serializers.CharField(help_text="May be empty.")
    location = Coordinates()
    open_requests = serializers.IntegerField(help_text="Public reports of it that are not yet resolved.")


class AssetNearby(AssetEntry):
    distance = serializers.FloatField(help_text="Metres from the place asked for.")


class AssetList(serializers.Serializer[Any]):
    results = AssetNearby(many=True)


class AssetDocument(AssetEntry):
    retired_at = serializers.DateTimeField(allow_null=True, help_text="Since when it is gone; null while it is there.")
    requests = RequestDocument(many=True, help_text="The newest 20 reports of it that the caller may see.")


class EarlierRequests(serializers.Serializer[Any]):
    results = RequestDocument(many=True)
