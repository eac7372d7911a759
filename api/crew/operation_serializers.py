"""What each call on a request takes."""

from typing import Any

from rest_framework import serializers

from api.fields import Flag, Id, Moment, StrictChoice, StrictSerializer, Text
from requests311.actions.split import TASKS_AT_MOST
from requests311.photos.fetching import PHOTOS_AT_MOST
from requests311.statuses import Priority, Resolution, Status

PRIORITIES = [priority.name.lower() for priority in Priority]


class PhotoIds(serializers.ListField):
    """Ids that POST /photos gave, each once."""

    def __init__(self, **more: Any) -> None:
        more.setdefault("required", False)
        super().__init__(child=Id(), max_length=PHOTOS_AT_MOST, help_text="Ids that POST /photos gave.", **more)

    def to_internal_value(self, data: Any) -> Any:
        photos = super().to_internal_value(data)
        if len(set(photos)) != len(photos):
            raise serializers.ValidationError("Every photo once.", code="repeated")
        return photos


class ResponsibleInput(StrictSerializer):
    """Who is responsible instead of us, with a contact or a link."""

    name = Text(max_length=200)
    contact = Text(required=False, max_length=200, help_text="A phone number or an e-mail address.")
    link = serializers.URLField(required=False, max_length=300)


class TransitionInput(StrictSerializer):
    to = StrictChoice(Status.choices)
    text = Text(required=False, allow_blank=True, max_length=4000, help_text="The resident reads it.")
    resolution = StrictChoice(Resolution.choices, required=False, help_text="Needed to resolve.")
    reason = Text(required=False, max_length=40, help_text="Of a hold, or the code of a reason to reject.")
    until = Moment(required=False, help_text="Of a hold; by default the end of the tenth working day.")
    responsible = ResponsibleInput(required=False)
    photos = PhotoIds()


class AssignInput(StrictSerializer):
    assignee = Id(required=False, allow_null=True, help_text="Id of somebody who works for its department.")
    team = Text(required=False, allow_null=True, max_length=60, help_text="Code of a team of its department.")


class PriorityInput(StrictSerializer):
    priority = StrictChoice(PRIORITIES)


class RerouteInput(StrictSerializer):
    department = Text(required=False, max_length=60, help_text="Code; without it the routing decides.")
    service = Text(required=False, max_length=60, help_text="Code; without it the service stays.")
    reason = Text(max_length=4000, help_text="For staff. The resident hears who has it now.")

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if "department" not in values and "service" not in values:
            detail = "Say which department or which service."
            raise serializers.ValidationError({"department": [serializers.ErrorDetail(detail, "required")]})
        return values


class MergeInput(StrictSerializer):
    into = Text(max_length=40, help_text="Id or number of the request that is kept.")


class NothingInput(StrictSerializer):
    """An empty object."""


class PartInput(StrictSerializer):
    department = Text(max_length=60, help_text="Code of the department that does it.")
    service = Text(required=False, max_length=60, help_text="Code; the request's own by default.")
    text = Text(max_length=4000, help_text="What is to be done; the resident does not read it.")


class ChildrenInput(StrictSerializer):
    parts = PartInput(many=True, min_length=1, max_length=TASKS_AT_MOST)  # type: ignore[call-arg]


class QuestionInput(StrictSerializer):
    text = Text(max_length=2000)


class AnswerInput(StrictSerializer):
    text = Text(max_length=4000)
    photos = PhotoIds()


class WordsInput(StrictSerializer):
    text = Text(max_length=4000, help_text="@ and a colleague's e-mail address tells them.")
    photos = PhotoIds()


class RevisionInput(StrictSerializer):
    text = Text(max_length=4000)


class RedactionInput(StrictSerializer):
    reason = Text(max_length=500, help_text="Stands where the text stood.")


class HandoverInput(StrictSerializer):
    email = serializers.EmailField(max_length=254)
    expires = Moment(required=False, help_text="14 days from now by default, 90 at most.")


class DoneInput(StrictSerializer):
    done = Flag(help_text="false: why it is not done; the link stays good.")
    text = Text(max_length=4000)
    photos = PhotoIds()
