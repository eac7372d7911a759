"""What the crew's calls answer with, and what the queue is asked."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from api.answers import Coordinates
from api.crew.operation_serializers import PRIORITIES
from api.crew.operations import IN_BULK, OFFLINE
from api.fields import Flag, Integer, Moment, QueryFlag, QueryInteger, QueryNumber, StrictChoice, StrictSerializer, Text
from api.pagination import DEFAULT_LIMIT, GREATEST_LIMIT
from api.requests.serializers import RequestDocument, RequestPhoto
from api.schema import ProblemSerializer
from requests311.queries.queue import Sort
from requests311.statuses import OPEN, Priority, Status

#: Requests of one call.
BULK_AT_MOST = 500
QUEUE_STATUSES = [status.value for status in Status if status in OPEN]


class QueueQuery(StrictSerializer):
    status = serializers.CharField(required=False)
    service = serializers.CharField(required=False, max_length=60)
    area = serializers.CharField(required=False, max_length=101)
    priority = serializers.CharField(required=False)
    assignee = serializers.CharField(required=False, max_length=36)
    team = serializers.CharField(required=False, max_length=60)
    overdue = QueryFlag(required=False)
    due_before = Moment(required=False)
    q = serializers.CharField(required=False, max_length=200)
    sort = serializers.ChoiceField([sort.value for sort in Sort], required=False, default=Sort.DUE.value)
    latitude = QueryNumber(required=False, min_value=-90, max_value=90)
    longitude = QueryNumber(required=False, min_value=-180, max_value=180)
    limit = QueryInteger(required=False, min_value=1, max_value=GREATEST_LIMIT, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(required=False, max_length=200)

    def validate_status(self, value: str) -> list[str]:
        return _known(value, QUEUE_STATUSES, "the queue holds what is open: ")

    def validate_priority(self, value: str) -> list[int]:
        return [int(Priority[name.upper()]) for name in _known(value, PRIORITIES, "there are ")]

    def validate_assignee(self, value: str) -> str:
        if value in ("me", "none"):
            return value
        try:
            return str(UUID(value))
        except ValueError as error:
            raise serializers.ValidationError("`me`, `none` or the id of a person.", "invalid") from error

    def validate_area(self, value: str) -> tuple[str | None, str]:
        kind, colon, code = value.partition(":")
        if colon and not (kind and code):
            raise serializers.ValidationError("A code, or `kind:code`.", "invalid")
        return (kind, code) if colon else (None, value)

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if ("latitude" in values) != ("longitude" in values):
            missing = "longitude" if "latitude" in values else "latitude"
            detail = serializers.ErrorDetail("Give latitude and longitude, or neither.", "required")
            raise serializers.ValidationError({missing: [detail]})
        if values["sort"] == Sort.DISTANCE and "latitude" not in values:
            detail = serializers.ErrorDetail("To sort by distance, say from where.", "required")
            raise serializers.ValidationError({"latitude": [detail], "longitude": [detail]})
        return values


def _known(value: str, choices: list[str], words: str) -> list[str]:
    given = value.split(",")
    unknown = [one for one in given if one not in choices]
    if unknown:
        detail = f"{', '.join(unknown)}: not here; {words}{', '.join(choices)}."
        raise serializers.ValidationError(detail, "invalid_choice")
    return given


class QueueDocument(RequestDocument):
    distance = serializers.FloatField(required=False, help_text="Metres from the place asked from.")


class QueuePage(serializers.Serializer[Any]):
    results = QueueDocument(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class CountsDocument(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    overdue = serializers.IntegerField()
    unassigned = serializers.IntegerField(help_text="Neither a person's nor a team's.")
    mine = serializers.IntegerField()
    by_status = serializers.DictField(child=serializers.IntegerField())


class TaskDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.CharField()
    department = serializers.CharField(help_text="Code.")
    service = serializers.CharField(help_text="Code.")
    text = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)


class TaskList(serializers.Serializer[Any]):
    results = TaskDocument(many=True)


class HandoverDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.CharField()
    at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    revoked_at = serializers.DateTimeField(allow_null=True)
    done_at = serializers.DateTimeField(allow_null=True)


class HandoverList(serializers.Serializer[Any]):
    results = HandoverDocument(many=True)


class QuestionDocument(serializers.Serializer[Any]):
    number = serializers.CharField()
    service_name = serializers.CharField()
    jurisdiction = serializers.CharField(help_text="Its name.")
    text = serializers.CharField()
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    answered = serializers.BooleanField()


class HandedOver(serializers.Serializer[Any]):
    """What a contractor sees: nothing of who reported it."""

    number = serializers.CharField()
    service_name = serializers.CharField()
    department = serializers.CharField(help_text="Its name.")
    location = Coordinates()
    address = serializers.CharField()
    description = serializers.CharField()
    attributes = serializers.DictField()
    photos = RequestPhoto(many=True)
    submitted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    done = serializers.BooleanField()


class Received(serializers.Serializer[Any]):
    number = serializers.CharField()
    status = serializers.CharField()


class BulkInput(StrictSerializer):
    items = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        max_length=BULK_AT_MOST,
        help_text="Each with `id`, `version`, `action`, and what the action takes by itself.",
    )


class BulkItem(serializers.Serializer[Any]):
    """With it goes what the action takes by itself."""

    id = Text(max_length=40, help_text="Id or number of the request.")
    version = Integer(min_value=1, max_value=2**31 - 1, help_text="That was seen.")
    action = StrictChoice(list(IN_BULK))


class BulkResult(serializers.Serializer[Any]):
    id = serializers.CharField()
    status = serializers.IntegerField(help_text="The HTTP status that a call on this request alone would have had.")
    version = serializers.IntegerField(required=False, help_text="Of the request now.")
    problem = ProblemSerializer(required=False)


class SyncInput(StrictSerializer):
    operations = serializers.ListField(
        child=serializers.DictField(),
        min_length=1,
        max_length=BULK_AT_MOST,
        help_text="In the order they were done: each with `id`, `request`, `version`, `action`, `at`, and what the "
        "action takes by itself.",
    )


class OfflineOperation(serializers.Serializer[Any]):
    """With it goes what the action takes by itself."""

    id = Text(max_length=64, help_text="Made by the phone; the same one is never done twice.")
    request = Text(max_length=40, help_text="Id or number of the request.")
    version = Integer(min_value=1, max_value=2**31 - 1, help_text="That the phone saw, before any of its own changes.")
    action = StrictChoice(list(OFFLINE))
    at = Moment(help_text="When it was done, by the phone's clock.")


class SyncResult(BulkResult):
    replayed = serializers.BooleanField(help_text="It was done by an earlier call; this is what that one answered.")
    request = RequestDocument(required=False, help_text="As it is now, where the operation was refused.")


class FollowInput(StrictSerializer):
    supports = Flag(required=False, default=False, help_text="The same bothers me.")


class Following(serializers.Serializer[Any]):
    supports = serializers.BooleanField()
    since = serializers.DateTimeField()
