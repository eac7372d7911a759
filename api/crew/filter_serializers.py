from typing import Any

from rest_framework import serializers

from api.fields import Integer, StrictSerializer, Text
from requests311.actions.save_filter import FILTERS_AT_MOST, LAST_POSITION
from requests311.models.saved_filter import QUERY_AT_MOST, QUEUE_PARAMETERS


class QueueParameters(StrictSerializer):
    """Query parameters of the queue, each as it stands in an address: a string."""

    def get_fields(self) -> dict[str, Any]:
        return {name: Text(required=False, max_length=QUERY_AT_MOST) for name in QUEUE_PARAMETERS}


class SavedFilterInput(StrictSerializer):
    name = Text(max_length=80, help_text="Unique among the caller's own.")
    query = QueueParameters(help_text=f"Written as JSON, {QUERY_AT_MOST} characters at most.")
    position = Integer(
        required=False,
        min_value=0,
        max_value=LAST_POSITION,
        help_text="The smallest comes first. Without it, behind the others; a filter that is replaced stays.",
    )


class SavedFilterEntry(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    query = QueueParameters()
    position = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class SavedFilterList(serializers.Serializer[Any]):
    results = SavedFilterEntry(many=True, help_text=f"All of them; nobody has more than {FILTERS_AT_MOST}.")
