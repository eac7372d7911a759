"""A request's history as JSON, as far as the caller may read it."""

from typing import Any

from django.db.models import Case, Q, QuerySet, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, JSONObject, NullIf

from requests311.actors import Actor
from requests311.errors import NotFound
from requests311.models import Audience, Event, EventKind, ServiceRequest
from requests311.policies import Permission


def read_timeline(key: str, *, actor: Actor) -> list[str]:
    """The events as `timeline` gives them. Raises NotFound for a request that is absent or not theirs to see."""
    events = list(timeline(key, actor=actor))
    if not events and not ServiceRequest.objects.visible_to(actor).by_id_or_number(key).exists():
        raise NotFound
    return events


def timeline(key: str, *, actor: Actor) -> "QuerySet[Event, str]":
    """Events of the request with this id or number, oldest first, each as JSON text; one statement.

    Empty where the request is absent or not the caller's to see, and where its jurisdiction keeps the history
    of what was closed so long ago no more. Staff-only events, and who acted, are for staff who may read them.
    A comment is a `status_changed` with one status on both sides: apps that are out there fail on a kind of its own.
    """
    visible = ServiceRequest.objects.visible_to(actor).by_id_or_number(key)
    internal = Q(
        request__in=ServiceRequest.objects.by_id_or_number(key).filter(actor.may(Permission.READ_INTERNAL).expression())
    )
    # What a comment keeps beside its text; no other event has it.
    status = KeyTextTransform("status", "data")
    public: dict[str, Any] = {
        "id": "id",
        "version": "version",
        "kind": Case(When(kind=EventKind.COMMENTED, then=Value(EventKind.STATUS_CHANGED.value)), default="kind"),
        "at": "at",
        "from_status": Coalesce(NullIf("from_status", Value("")), status),
        "to_status": Coalesce(NullIf("to_status", Value("")), status),
        "text": "text",
        "audience": "audience",
    }
    document = Case(When(internal, then=JSONObject(**public, actor="actor_id")), default=JSONObject(**public))
    return (
        Event.objects.filter(Q(audience=Audience.PUBLIC) | internal, request__in=visible)
        .order_by("version")
        .annotate(document=Cast(document, TextField()))
        .values_list("document", flat=True)
    )
