from typing import Any

from rest_framework import serializers

from api.answers import AreaEntry, CodeAndName, Coordinates
from api.fields import Id, Location, Moment, QueryFlag, QueryInteger, QueryNumber, StrictSerializer, Text
from api.pagination import DEFAULT_LIMIT, GREATEST_LIMIT
from requests311.models import EventKind, PhotoState
from requests311.photos.fetching import PHOTOS_AT_MOST
from requests311.statuses import Resolution, Status


class Contact(StrictSerializer):
    """For questions about the report; read by the department only, never public."""

    name = Text(required=False, allow_blank=True, max_length=200)
    email = serializers.EmailField(required=False, allow_blank=True, max_length=254)
    phone = Text(required=False, allow_blank=True, max_length=40)


class RequestInput(StrictSerializer):
    service = Text(max_length=60, help_text="Code out of /services at the place.")
    location = Location(
        required=False,
        allow_null=True,
        help_text="Without it the asset's place, or else the first photo's own, is used.",
    )
    asset = Id(
        required=False,
        allow_null=True,
        help_text=(
            "Id of the city's thing that it is about, out of GET /assets, where the service's `asset` asks for one. "
            "The report's location is then the thing's own; a `location` over 200 metres away from it is refused."
        ),
    )
    address = Text(required=False, allow_blank=True, max_length=300)
    description = Text(required=False, allow_blank=True, max_length=4000, trim_whitespace=False)
    attributes = serializers.DictField(
        required=False, help_text="Answers by attribute code, as the service's `attributes` ask for them."
    )
    photos = serializers.ListField(
        child=Id(), required=False, max_length=PHOTOS_AT_MOST, help_text="Ids that POST /photos gave."
    )
    client_id = Text(required=False, max_length=64, help_text="Made by the phone; the same one gives the same request.")
    contact = Contact(required=False)

    def validate_attributes(self, answers: dict[str, Any]) -> dict[str, Any]:
        # What a question takes is for the domain to say; a null byte is what the database cannot keep at all.
        wrong = {
            code: [serializers.ErrorDetail("Null characters are not allowed.", "null_characters_not_allowed")]
            for code, answer in answers.items()
            if "\x00" in code or any("\x00" in part for part in _strings(answer))
        }
        if wrong:
            raise serializers.ValidationError(wrong)
        return answers

    def validate_photos(self, photos: list[Any]) -> list[Any]:
        if len(set(photos)) != len(photos):
            raise serializers.ValidationError("Every photo once.", code="repeated")
        return photos


def _strings(answer: Any) -> list[str]:
    """The strings of an answer, which is a scalar or a list of them; the domain refuses anything deeper."""
    return [part for part in (answer if isinstance(answer, list) else [answer]) if isinstance(part, str)]


class Bbox(serializers.CharField):
    """`minlon,minlat,maxlon,maxlat` in WGS 84 degrees, as in RFC 7946; becomes a Polygon."""

    def to_internal_value(self, data: Any) -> Any:
        try:
            west, south, east, north = (QueryNumber().to_internal_value(part) for part in str(data).split(","))
        except (ValueError, serializers.ValidationError) as error:
            raise serializers.ValidationError("minlon,minlat,maxlon,maxlat in degrees.", "invalid") from error
        # PostGIS finds nothing in a box without an inside, not even a point on it: better said than empty.
        if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
            raise serializers.ValidationError("minlon < maxlon within ±180, minlat < maxlat within ±90.", "invalid")
        return west, south, east, north


class ListQuery(StrictSerializer):
    mine = QueryFlag(required=False, default=False)
    status = serializers.CharField(required=False)
    service = serializers.CharField(required=False, max_length=60)
    department = serializers.CharField(required=False, max_length=60)
    jurisdiction = serializers.CharField(required=False, max_length=40)
    asset = Id(required=False)
    bbox = Bbox(required=False)
    updated_after = Moment(required=False)
    limit = QueryInteger(required=False, min_value=1, max_value=GREATEST_LIMIT, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(required=False, max_length=200)

    def validate_status(self, value: str) -> list[str]:
        statuses = value.split(",")
        unknown = [status for status in statuses if status not in Status.values]
        if unknown:
            raise serializers.ValidationError(
                f"{', '.join(unknown)}: no such status; there are {', '.join(Status.values)}.",
                "invalid_choice",
            )
        return statuses


class RequestPhoto(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(PhotoState.choices)
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    purpose = serializers.CharField(
        required=False, help_text="report, completion, comment, note, answer or handover; more may come."
    )
    thumbnail = serializers.CharField(allow_null=True, help_text="URL, 320 px; null until ready.")
    large = serializers.CharField(allow_null=True, help_text="URL, 1600 px; null until ready.")


class ContactEntry(serializers.Serializer[Any]):
    name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    phone = serializers.CharField(required=False)


class RequestAsset(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    kind = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()


class OpenQuestion(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The reporter, signed in, answers with it as the token.")
    text = serializers.CharField()
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class RequestDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    number = serializers.CharField(help_text="What people read out: 7K3F-9QTD.")
    status = serializers.ChoiceField(Status.choices)
    resolution = serializers.ChoiceField(Resolution.choices, allow_null=True)
    jurisdiction = serializers.CharField()
    service = serializers.CharField()
    service_name = serializers.CharField()
    department = CodeAndName()
    reason = serializers.CharField(help_text='Completes "the department has it, because …".')
    areas = AreaEntry(many=True)
    location = Coordinates()
    asset = RequestAsset(allow_null=True, help_text="The city's thing that it is about; GET /assets/{id} has more.")
    address = serializers.CharField()
    description = serializers.CharField()
    attributes = serializers.DictField()
    photos = RequestPhoto(many=True)
    visibility = serializers.ChoiceField(["public", "private"])
    version = serializers.IntegerField()
    submitted_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    hold_until = serializers.DateTimeField(required=False, allow_null=True, help_text="When it goes on at the latest.")
    duplicate_of = serializers.CharField(
        required=False, allow_null=True, help_text="Number of the report that is kept of all about the same thing."
    )
    contact = ContactEntry(required=False, help_text="For the reporter and for staff who may.")
    client_id = serializers.CharField(required=False, allow_null=True, help_text="For the reporter and for staff.")
    channel = serializers.CharField(required=False, help_text="For the reporter and for staff.")
    reporter = serializers.UUIDField(required=False, allow_null=True, help_text="For staff.")
    assignee = serializers.UUIDField(required=False, allow_null=True, help_text="For staff.")
    question = OpenQuestion(
        required=False, allow_null=True, help_text="That the reporter has not answered; for the reporter and staff."
    )
    team = serializers.CharField(required=False, allow_null=True, help_text="Code; for staff.")
    priority = serializers.CharField(required=False, help_text="urgent, high, normal or low; for staff.")
    hold_reason = serializers.CharField(required=False, allow_null=True, help_text="For staff.")
    first_response_due_at = serializers.DateTimeField(required=False, allow_null=True, help_text="For staff.")
    parent = serializers.UUIDField(  # type: ignore[assignment]  # also DRF's own
        required=False, allow_null=True, help_text="Whose task it is; for staff."
    )


class RequestPage(serializers.Serializer[Any]):
    results = RequestDocument(many=True)
    next = serializers.CharField(allow_null=True, help_text="Cursor of the next page.")


class EventDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    version = serializers.IntegerField(help_text="The request's version after this event.")
    kind = serializers.ChoiceField([EventKind.SUBMITTED.value, EventKind.STATUS_CHANGED.value])
    at = serializers.DateTimeField()
    from_status = serializers.ChoiceField(Status.choices, allow_null=True)
    to_status = serializers.ChoiceField(Status.choices, allow_null=True)
    text = serializers.CharField()
    audience = serializers.ChoiceField(["public", "staff"])
    type = serializers.CharField(
        required=False,
        help_text="What it was, more exactly than `kind`: commented, assigned, rerouted, asked …; more may come.",
    )
    edited_at = serializers.DateTimeField(required=False, allow_null=True, help_text="When its text was last changed.")
    redacted = serializers.BooleanField(required=False, help_text="The text was hidden; in its place stands why.")
    photos = serializers.ListField(child=serializers.UUIDField(), required=False, help_text="That came with it.")
    actor = serializers.UUIDField(required=False, allow_null=True, help_text="For staff.")
    details = serializers.DictField(required=False, help_text="For staff: who it is assigned to, from where to where.")


class Timeline(serializers.Serializer[Any]):
    results = EventDocument(many=True)


class MoveReason(serializers.Serializer[Any]):
    code = serializers.CharField()
    text = serializers.CharField()
    needs_responsible = serializers.BooleanField(help_text="Whether the call has to say who is responsible instead.")


class Move(serializers.Serializer[Any]):
    to = serializers.CharField()
    needs = serializers.ListField(
        child=serializers.CharField(),
        help_text="Members that must be sent; for a rejection a `reason` will do instead of the `text`.",
    )
    takes = serializers.ListField(child=serializers.CharField(), help_text="Members that may be sent.")
    resolutions = serializers.ListField(child=serializers.CharField())
    reasons = MoveReason(many=True)


class Moves(serializers.Serializer[Any]):
    status = serializers.CharField()
    version = serializers.IntegerField()
    moves = Move(many=True)
