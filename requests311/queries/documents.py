"""Requests as the JSON that a caller may see, built by the database and returned as text.

Serialising rows in Python costs several times what PostgreSQL takes to write the JSON itself, and one
expression for list, detail and every answer to a write cannot disagree with itself.
"""

from typing import Any

from django.contrib.gis.db.models.functions import GeoFunc
from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import (
    Case,
    F,
    FloatField,
    Func,
    JSONField,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Concat, JSONObject, NullIf

from requests311.actors import Actor
from requests311.models import Photo, PhotoState, ServiceRequest
from requests311.policies import Permission


class _X(GeoFunc):
    function = "ST_X"
    output_field = FloatField()


class _Y(GeoFunc):
    function = "ST_Y"
    output_field = FloatField()


def request_documents(
    requests: "QuerySet[ServiceRequest]", *, actor: Actor, base_url: str
) -> "QuerySet[ServiceRequest, str]":
    """Each request as JSON text, in the order of `requests`.

    The reporter and staff also find `contact`, `client_id` and `channel`; staff find `reporter` and
    `assignee`. `base_url` stands before the paths of photos, without a final slash.
    """
    document = _joined(
        _public(base_url),
        Case(
            When(actor.owns() | actor.may(Permission.READ_CONTACT), then=_personal()),
            default=JSONObject(),
        ),
        Case(When(actor.may(Permission.READ_INTERNAL), then=_internal()), default=JSONObject()),
    )
    return requests.annotate(document=Cast(document, TextField())).values_list("document", flat=True)


def request_document(pk: Any, *, actor: Actor, base_url: str) -> "QuerySet[ServiceRequest, str]":
    """The query for one request that the caller is already known to may see."""
    return request_documents(ServiceRequest.objects.filter(pk=pk), actor=actor, base_url=base_url)


def _joined(*parts: Any) -> Func:
    return Func(*parts, template="(%(expressions)s)", arg_joiner=" || ", output_field=JSONField())


def _public(base_url: str) -> JSONObject:
    return JSONObject(
        id="id",
        number="number",
        status="status",
        resolution=NullIf("resolution", Value("")),
        jurisdiction="jurisdiction__code",
        service="service__code",
        service_name="service__name",
        department=JSONObject(code="department__code", name="department__name"),
        reason="reason",
        areas="areas",
        location=JSONObject(latitude=_Y("location"), longitude=_X("location")),
        address="address",
        description="description",
        attributes="attributes",
        photos=Coalesce(Subquery(_photos(base_url)), Value([], JSONField())),
        visibility="visibility",
        version="version",
        submitted_at="submitted_at",
        updated_at="updated_at",
        due_at="due_at",
        acknowledged_at="acknowledged_at",
        resolved_at="resolved_at",
        closed_at="closed_at",
    )


def _personal() -> JSONObject:
    return JSONObject(contact="contact", client_id="client_id", channel="channel")


def _internal() -> JSONObject:
    return JSONObject(reporter="reporter_id", assignee="assignee_id")


def _photos(base_url: str) -> "QuerySet[Any, Any]":
    return (
        Photo.objects.filter(request=OuterRef("pk"))
        .exclude(state=PhotoState.REJECTED)
        .order_by()
        .values("request")
        .annotate(
            all=JSONBAgg(
                JSONObject(
                    id="id",
                    state="state",
                    width="width",
                    height="height",
                    thumbnail=_url(base_url, "thumbnail"),
                    large=_url(base_url, "large"),
                ),
                order_by="id",
            )
        )
        .values("all")
    )


def _url(base_url: str, variant: str) -> Case:
    before = Value(f"{base_url}/api/v1/photos/", TextField())
    path = Concat(before, Cast(F("id"), TextField()), Value(f"/{variant}", TextField()))
    return Case(When(state=PhotoState.READY, then=path), default=None, output_field=TextField(null=True))
