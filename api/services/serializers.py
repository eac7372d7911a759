from typing import Any

from rest_framework import serializers

from api.answers import AreaEntry, CodeAndName, Coordinates
from api.fields import Id, QueryPlace, StrictSerializer
from requests311.models import Datatype, PhotoPolicy


class LocateQuery(QueryPlace):
    service = serializers.CharField(required=False, max_length=60, help_text="Code of a service offered there.")


class LocatePhotoQuery(StrictSerializer):
    """`photo` says where, so a place beside it would contradict it or say nothing new."""

    photo = Id()
    service = serializers.CharField(required=False, max_length=60)

    def to_internal_value(self, data: Any) -> Any:
        if both := [name for name in ("latitude", "longitude") if name in data]:
            detail = "Give either `photo`, or `latitude` and `longitude`: they may contradict each other."
            raise serializers.ValidationError(
                {name: [serializers.ErrorDetail(detail, "contradictory")] for name in both}
            )
        return super().to_internal_value(data)


class AttributeValue(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()


class DependsOn(serializers.Serializer[Any]):
    attribute = serializers.CharField()
    value = serializers.CharField()


class AttributeDefinition(serializers.Serializer[Any]):
    code = serializers.CharField()
    order = serializers.IntegerField()
    datatype = serializers.ChoiceField(Datatype.choices)
    required = serializers.BooleanField()  # type: ignore[assignment]  # Open311's name, also DRF's own
    description = serializers.CharField(help_text="The question as a resident reads it.")
    datatype_description = serializers.CharField(help_text="How to answer; may be empty.")
    values = AttributeValue(many=True)
    depends_on = DependsOn(allow_null=True, help_text="Asked only where that attribute has that value.")


class AssetWanted(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="GET /assets?kind= lists those near a place.")
    required = serializers.BooleanField(help_text="Whether a report without one is refused.")  # type: ignore[assignment]  # also DRF's own


class ServiceEntry(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    group = serializers.CharField()
    keywords = serializers.ListField(child=serializers.CharField())
    photo = serializers.ChoiceField(PhotoPolicy.choices)
    asset = AssetWanted(allow_null=True, help_text="Which of the city's things a report may name; null for none.")
    jurisdiction = serializers.CharField(help_text="Code of the jurisdiction that offers it.")
    attributes = AttributeDefinition(many=True)


class ServiceList(serializers.Serializer[Any]):
    results = ServiceEntry(many=True)


class Located(serializers.Serializer[Any]):
    location = Coordinates(help_text="The place asked for, or the photo's own.")
    jurisdiction = CodeAndName()
    areas = AreaEntry(many=True)
    department = CodeAndName(allow_null=True, help_text="Null where no service was named.")
    reason = serializers.CharField(
        allow_null=True,
        help_text='Completes "the department has it, because …"; null where no service was named.',
    )
