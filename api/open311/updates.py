"""servicerequestupdates, mySociety's extension: what happened to requests, and what another system says of one."""

from datetime import timedelta
from typing import Any, Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from api.open311.endpoint import Endpoint
from api.open311.formats import XML_DECLARATION, Format
from api.open311.parameters import Parameters, checked, jurisdiction_named
from api.open311.refusals import Refused
from api.open311.requests import FIRST, visible, window
from api.open311.submissions import jurisdiction_of, media_urls, writer
from requests311.actions.receive_update import receive_update
from requests311.actors import Actor
from requests311.queries import georeport
from requests311.queries.georeport import Writing

#: A clock that goes ahead of ours by more is wrong.
_AHEAD = timedelta(minutes=10)


class UpdatesView(Endpoint):
    def read(self, request: HttpRequest) -> HttpResponseBase:
        jurisdiction = jurisdiction_named(request)
        given = Parameters(request.GET, jurisdiction)
        begin, end = window(given, "start_date", "end_date")
        text = georeport.updates_text(
            visible(jurisdiction),
            begin=begin,
            end=end,
            limit=FIRST,
            writing=Writing(self.format),
        )
        if self.format is Format.JSON:
            return self.answer_body(request, f"[{text}]".encode())
        body = f"{XML_DECLARATION}<service_request_updates>{text}</service_request_updates>"
        return self.answer_body(request, body.encode())

    def write(self, request: HttpRequest) -> HttpResponseBase:
        return self.answer(request, "service_request_updates", [_receive(request)])


def _receive(request: HttpRequest) -> dict[str, Any]:
    key = writer(request)
    jurisdiction = jurisdiction_of(request, key)
    given = Parameters(request.POST, jurisdiction)
    missing = [name for name in ("update_id", "service_request_id", "updated_datetime") if not given.text(name)]
    description = checked("description", request.POST.get("description") or "")
    if not description.strip() and not given.text("status"):
        missing.append("description")
    if missing:
        raise Refused(400, *(f"{name} required" for name in missing))
    if len(description) > 4000:
        raise Refused(400, "description has more than 4000 characters")
    at = given.moment("updated_datetime")
    if at is not None and at > timezone.now() + _AHEAD:
        raise Refused(400, "updated_datetime is in the future")
    update_id = given.text("update_id", at_most=200)
    event = receive_update(
        source=f"key:{key.pk}",
        update_id=update_id,
        key=given.text("service_request_id"),
        text=description,
        status=_status(given),
        at=at,
        by=Actor(key.user),
        within=jurisdiction,
        media_urls=media_urls(request),
    )
    if event is None:
        raise Refused(400, f"update_id {update_id} was received before")
    return {"update_id": update_id}


def _status(given: Parameters) -> Literal["open", "closed"] | None:
    status = given.text("status").lower()
    if not status:
        return None
    # As FixMyStreet and others write what they know more of.
    if status in {
        "closed",
        "fixed",
        "no_further_action",
        "not_councils_responsibility",
        "duplicate",
        "internal_referral",
    }:
        return "closed"
    if status in {"open", "investigating", "in_progress", "planned", "action_scheduled"}:
        return "open"
    raise Refused(400, f"status {status} is unknown: there are open and closed")
