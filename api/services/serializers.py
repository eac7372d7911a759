from typing import Any

from rest_framework import serializers

from api.answers import AreaEntry, CodeAndName
from api.fields import QueryPlace
from requests311.models import Datatype, PhotoPolicy


class LocateQuery(QueryPlace):
    service = serializers.CharField(required=False, max_length=60, help_text="Code of a service offered there.")


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


class ServiceEntry(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    group = serializers.CharField()
    keywords = serializers.ListField(child=serializers.CharField())
    photo = serializers.ChoiceField(PhotoPolicy.choices)
    jurisdiction = serializers.CharField(help_text="Code of the jurisdiction that offers it.")
    attributes = AttributeDefinition(many=True)


class ServiceList(serializers.Serializer[Any]):
    results = ServiceEntry(many=True)


class Located(serializers.Serializer[Any]):
    jurisdiction = CodeAndName()
    areas = AreaEntry(many=True)
    department = CodeAndName(allow_null=True, help_text="Null where no service was named.")
    reason = serializers.CharField(
        allow_null=True,
        help_text='Completes "the department has it, because …"; null where no service was named.',
    )
