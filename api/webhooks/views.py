from typing import Any, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import pagination
from api.actors import caller
from api.fields import checked, checked_query
from api.links import base_url
from api.schema import answers, operation, query, text
from api.webhooks.documents import delivery_document, webhook_document
from api.webhooks.serializers import (
    DeliveriesQuery,
    DeliveryDocument,
    DeliveryPage,
    NewSecret,
    NewWebhook,
    PageQuery,
    WebhookChange,
    WebhookDocument,
    WebhookInput,
    WebhookPage,
)
from requests311.actions.change_webhook import change_webhook
from requests311.actions.create_webhook import create_webhook
from requests311.actions.delete_webhook import delete_webhook
from requests311.actions.ping_webhook import ping_webhook
from requests311.actions.resend_delivery import resend_delivery
from requests311.actions.rotate_webhook_secret import rotate_webhook_secret
from requests311.models import DeliveryState, WebhookDelivery
from requests311.queries.webhooks import readable_webhook, readable_webhooks

Row = TypeVar("Row", bound=Model)

_WEBHOOK_ID = OpenApiParameter("webhook_id", UUID, OpenApiParameter.PATH)
_DELIVERY_ID = OpenApiParameter("delivery_id", UUID, OpenApiParameter.PATH, description="A dead delivery of it.")
_PAGES = [
    query("limit", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Rows a page."),
    query("cursor", text(200), "`next` of the page before."),
]
#: What a manager reads is nobody else's.
_PRIVATE = {"Vary": "Authorization", "Cache-Control": "private, no-store"}

_INPUT = {
    "department": "roads",
    "url": "https://roads.example.org/311",
    "description": "Work orders",
    "event_kinds": ["submitted", "status_changed"],
    "services": ["pothole"],
    "areas": [{"kind": "ward", "code": "west"}],
}
_WEBHOOK = {
    "id": "019f1c2e-7a00-7b11-9c22-5d6e7f8a9b0d",
    "jurisdiction": "smallville",
    **_INPUT,
    "active": True,
    "created_at": "2026-11-21T14:00:00+00:00",
    "failures": 0,
    "paused_until": None,
    "last_error": "",
    "previous_secret_until": None,
}
_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # noqa: S105 (an example)
_DELIVERY = {
    "id": "019f1c2e-7a00-7b11-9c22-5d6e7f8a9b0e",
    "type": "status_changed",
    "event_id": "019f1c2e-7a00-7b11-9c22-5d6e7f8a9b0f",
    "request_id": "019f1c2e-7a00-7b11-9c22-5d6e7f8a9b0c",
    "state": "dead",
    "attempts": 17,
    "next_attempt_at": None,
    "status_code": 500,
    "last_error": "The receiver answered 500.",
    "created_at": "2026-11-21T14:00:00+00:00",
    "delivered_at": None,
}
_PENDING = _DELIVERY | {
    "state": "pending",
    "attempts": 0,
    "next_attempt_at": "2026-11-22T14:30:00+00:00",
    "last_error": "",
}


class WebhooksView(APIView):
    @operation(
        id="listWebhooks",
        tag="webhooks",
        summary="Webhooks that the caller may see",
        description="Newest first: those of the departments, or the jurisdictions, where the caller manages or audits.",
        parameters=_PAGES,
        responses={200: answers(WebhookPage, "A page.", ("page", {"results": [_WEBHOOK], "next": None}))},
        refusals=[401, 403, 422],
    )
    def get(self, request: Request) -> Response:
        values = checked_query(PageQuery, request)
        found, cursor = _page(readable_webhooks(caller(request)), values)
        return _answer(request, [webhook_document(webhook) for webhook in found], cursor)

    @operation(
        id="createWebhook",
        tag="webhooks",
        summary="Let a department's own system hear of its requests",
        description=(
            "Every event of a request that the department has, or one of its units, is sent to `url` as a signed "
            "POST; docs/webhooks.md says how to verify it. An address that is not on the public Internet is refused. "
            "A department, as a jurisdiction, has at most 50."
        ),
        request=WebhookInput,
        responses={
            201: answers(NewWebhook, "Made. The secret is shown only now.", ("made", _WEBHOOK | {"secret": _SECRET}))
        },
        refusals=[401, 403, 409, 422],
        examples=[OpenApiExample("potholes of one ward", value=_INPUT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        actor = caller(request)
        webhook = create_webhook(by=actor, **checked(WebhookInput, request.data))
        location = f"{base_url(request)}/api/v1/webhooks/{webhook.pk}"
        body = webhook_document(webhook) | {"secret": webhook.secret}
        return Response(body, status=201, headers={**_PRIVATE, "Location": location})


class WebhookView(APIView):
    @operation(
        id="getWebhook",
        tag="webhooks",
        summary="One webhook",
        parameters=[_WEBHOOK_ID],
        responses={200: answers(WebhookDocument, "The webhook.", ("webhook", _WEBHOOK))},
        refusals=[401, 403, 404],
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        return Response(webhook_document(readable_webhook(caller(request), webhook_id)), headers=_PRIVATE)

    @operation(
        id="changeWebhook",
        tag="webhooks",
        summary="Another address, other filters, on or off",
        description="What is not given stays. Switched off, what waits is cancelled; switched on, it starts anew.",
        parameters=[_WEBHOOK_ID],
        request=WebhookChange,
        responses={200: answers(WebhookDocument, "The webhook now.", ("webhook", _WEBHOOK))},
        refusals=[401, 403, 404, 422],
        examples=[OpenApiExample("off", value={"active": False}, request_only=True)],
    )
    def patch(self, request: Request, webhook_id: UUID) -> Response:
        values = checked(WebhookChange, request.data)
        webhook = change_webhook(by=caller(request), webhook_id=webhook_id, **values)
        return Response(webhook_document(webhook), headers=_PRIVATE)

    @operation(
        id="deleteWebhook",
        tag="webhooks",
        summary="Send nothing there any more",
        parameters=[_WEBHOOK_ID],
        responses={204: None},
        refusals=[401, 403, 404],
    )
    def delete(self, request: Request, webhook_id: UUID) -> Response:
        delete_webhook(by=caller(request), webhook_id=webhook_id)
        return Response(status=204)


class WebhookSecretView(APIView):
    @operation(
        id="rotateWebhookSecret",
        tag="webhooks",
        summary="A new secret",
        description="For 24 hours both sign: `Webhook-Signature` has two signatures, the new one first.",
        parameters=[_WEBHOOK_ID],
        responses={
            200: answers(
                NewSecret,
                "The secret is shown only now.",
                ("secret", {"secret": _SECRET, "previous_secret_until": "2026-11-22T14:00:00+00:00"}),
            )
        },
        refusals=[401, 403, 404],
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        webhook = rotate_webhook_secret(by=caller(request), webhook_id=webhook_id)
        until = webhook.previous_secret_until
        body = {"secret": webhook.secret, "previous_secret_until": until.isoformat() if until else None}
        return Response(body, headers=_PRIVATE)


class WebhookPingView(APIView):
    @operation(
        id="pingWebhook",
        tag="webhooks",
        summary="Send a test",
        description="A worker sends a message of type `ping`; its delivery says what came of it. One at a time.",
        parameters=[_WEBHOOK_ID],
        responses={
            202: answers(
                DeliveryDocument,
                "It is on its way.",
                ("ping", _PENDING | {"type": "ping", "event_id": None, "request_id": None, "status_code": None}),
            )
        },
        refusals=[401, 403, 404, 409],
    )
    def post(self, request: Request, webhook_id: UUID) -> Response:
        delivery = ping_webhook(by=caller(request), webhook_id=webhook_id)
        return Response(delivery_document(delivery), status=202, headers=_PRIVATE)


class WebhookDeliveriesView(APIView):
    @operation(
        id="listWebhookDeliveries",
        tag="webhooks",
        summary="What was sent there, and what came of it",
        description="Newest first. What was delivered or cancelled is kept for 30 days.",
        parameters=[
            _WEBHOOK_ID,
            query("state", str, "Only deliveries in this state.", enum=DeliveryState.values),
            *_PAGES,
        ],
        responses={200: answers(DeliveryPage, "A page.", ("page", {"results": [_DELIVERY], "next": None}))},
        refusals=[401, 403, 404, 422],
    )
    def get(self, request: Request, webhook_id: UUID) -> Response:
        values = checked_query(DeliveriesQuery, request)
        webhook = readable_webhook(caller(request), webhook_id)
        deliveries = WebhookDelivery.objects.filter(webhook=webhook.pk).select_related("event")
        if values.get("state") == DeliveryState.DEAD:
            # Few among many: by their own index.
            deliveries = deliveries.dead()
        elif "state" in values:
            deliveries = deliveries.filter(state=values["state"])
        found, cursor = _page(deliveries, values)
        return _answer(request, [delivery_document(delivery) for delivery in found], cursor)


class WebhookResendView(APIView):
    @operation(
        id="resendWebhookDelivery",
        tag="webhooks",
        summary="Send a dead delivery again",
        parameters=[_WEBHOOK_ID, _DELIVERY_ID],
        responses={200: answers(DeliveryDocument, "It is on its way again.", ("pending", _PENDING))},
        refusals=[401, 403, 404, 409],
    )
    def post(self, request: Request, webhook_id: UUID, delivery_id: UUID) -> Response:
        delivery = resend_delivery(by=caller(request), webhook_id=webhook_id, delivery_id=delivery_id)
        return Response(delivery_document(delivery), headers=_PRIVATE)


def _page(rows: "QuerySet[Row]", values: dict[str, Any]) -> tuple[list[Row], str | None]:
    """Newest first by id, a UUIDv7; and the cursor of the next page, if there is one."""
    if "cursor" in values:
        try:
            rows = rows.filter(pk__lt=UUID(pagination.decode(values["cursor"], parts=1)[0]))
        except ValueError as error:
            raise pagination.bad_cursor() from error
    # One row more than the page tells whether there is a next one.
    found = list(rows.order_by("-pk")[: values["limit"] + 1])
    if len(found) <= values["limit"]:
        return found, None
    found.pop()
    return found, pagination.encode(str(found[-1].pk))


def _answer(request: Request, results: list[dict[str, Any]], cursor: str | None) -> Response:
    headers = dict(_PRIVATE)
    if cursor:
        headers["Link"] = pagination.next_link(request, cursor)
    return Response({"results": results, "next": cursor}, headers=headers)
