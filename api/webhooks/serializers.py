from typing import Any

from rest_framework import serializers

from api.fields import QueryInteger, StrictChoice, StrictSerializer, Text
from api.pagination import DEFAULT_LIMIT, GREATEST_LIMIT
from requests311.models import DeliveryState, EventKind
from requests311.webhooks.filters import AreaName

#: Values in one filter.
_VALUES_AT_MOST = 200


class Flag(serializers.BooleanField):
    """JSON's true or false; DRF's own field would take "yes" and 1 too."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class WebhookArea(StrictSerializer):
    kind = Text(max_length=40)
    code = Text(max_length=60)

    def to_internal_value(self, data: Any) -> Any:
        return AreaName(**super().to_internal_value(data))


class WebhookChange(StrictSerializer):
    url = Text(
        required=False,
        max_length=500,
        help_text="Begins with https:// and leads to the public Internet, unless the operator has made an exception.",
    )
    description = Text(required=False, allow_blank=True, max_length=200)
    event_kinds = serializers.ListField(
        child=StrictChoice(EventKind.choices),
        required=False,
        max_length=_VALUES_AT_MOST,
        help_text="Only these kinds of events; empty: all, those that come later included.",
    )
    services = serializers.ListField(
        child=Text(max_length=60),
        required=False,
        max_length=_VALUES_AT_MOST,
        help_text="Only requests for these services, by code; empty: all.",
    )
    areas = serializers.ListField(
        child=WebhookArea(),
        required=False,
        max_length=_VALUES_AT_MOST,
        help_text="Only requests in one of these areas; empty: everywhere.",
    )
    active = Flag(required=False, help_text="Off: nothing is sent, and what waits is cancelled.")


class WebhookInput(WebhookChange):
    url = Text(max_length=500, help_text=WebhookChange().fields["url"].help_text)
    jurisdiction = Text(
        required=False, max_length=40, help_text="Code; needed by who manages webhooks in more than one."
    )
    department = Text(
        required=False, allow_null=True, max_length=60, help_text="Code; none: the whole jurisdiction's requests."
    )


class AreaCode(serializers.Serializer[Any]):
    kind = serializers.CharField()
    code = serializers.CharField()


class WebhookDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    jurisdiction = serializers.CharField()
    department = serializers.CharField(allow_null=True)
    url = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    event_kinds = serializers.ListField(child=serializers.CharField())
    services = serializers.ListField(child=serializers.CharField())
    areas = serializers.ListField(child=AreaCode())
    active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    failures = serializers.IntegerField(help_text="Tries in a row that failed.")
    paused_until = serializers.DateTimeField(
        allow_null=True, help_text="Nothing is sent before, since the receiver was down."
    )
    last_error = serializers.CharField(allow_blank=True)
    previous_secret_until = serializers.DateTimeField(
        allow_null=True, help_text="Until then the secret before signs too."
    )


class NewWebhook(WebhookDocument):
    secret = serializers.CharField(help_text="Keep it now: it is shown only once.")


class NewSecret(serializers.Serializer[Any]):
    secret = serializers.CharField(help_text="Keep it now: it is shown only once.")
    previous_secret_until = serializers.DateTimeField(help_text="Until then the secret before signs too.")


class WebhookPage(serializers.Serializer[Any]):
    results = WebhookDocument(many=True)
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page.")


class DeliveryDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="`Webhook-Id` of every try.")
    type = serializers.CharField(help_text="Kind of the event, or `ping`.")
    event_id = serializers.UUIDField(allow_null=True)
    request_id = serializers.UUIDField(allow_null=True)
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    next_attempt_at = serializers.DateTimeField(allow_null=True, help_text="Of what is pending.")
    status_code = serializers.IntegerField(allow_null=True, help_text="Of the last answer; null where none came.")
    last_error = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class DeliveryPage(serializers.Serializer[Any]):
    results = DeliveryDocument(many=True)
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page.")


class PageQuery(StrictSerializer):
    limit = QueryInteger(required=False, min_value=1, max_value=GREATEST_LIMIT, default=DEFAULT_LIMIT)
    cursor = serializers.CharField(required=False, max_length=200)


class DeliveriesQuery(PageQuery):
    state = StrictChoice(DeliveryState.choices, required=False)
