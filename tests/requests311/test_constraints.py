"""Every named constraint has a row that breaks it: a copy of a sound row, changed in one thing."""

from datetime import time
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import User
from api.models import ApiKey, IdempotencyKey
from geo.models import Address, Area, AreaOutline, AreaPiece, AreaVersion, Asset, Street
from requests311 import numbers
from requests311.models import (
    Attribute,
    Connector,
    Department,
    EscalationStep,
    Event,
    EventRemoval,
    Follower,
    Forward,
    Handover,
    Jurisdiction,
    Membership,
    Merge,
    Photo,
    PhotoFetch,
    Question,
    ReceivedUpdate,
    RejectionReason,
    RoutingRule,
    SavedFilter,
    Service,
    ServiceArea,
    ServiceRequest,
    StandardText,
    SyncedOperation,
    Team,
    Webhook,
    WebhookDelivery,
)
from tests.factories.cities import SmallCity
from tests.factories.everything import city_with_everything

NOW = timezone.now()


def own(row: Any) -> Any:
    """The key of the row itself."""
    return row.pk


def first_request(row: Any) -> Any:
    return ServiceRequest.objects.order_by("pk")[0].pk


#: (constraint, model, which row is copied, what of the copy is different: a value, or what makes it of the copy)
Case = tuple[str, type[Any], dict[str, Any], dict[str, Any]]
WEST, PLACE = {"code": "west"}, {"code": "position"}
CASES: list[Case] = [
    ("area_code_unique", Area, WEST, {"name": "Another"}),
    ("area_root_code_unique", Area, {"parent": None}, {}),
    ("area_root_is_jurisdiction", Area, {"parent": None}, {"kind": "ward"}),
    ("area_root_is_jurisdiction", Area, WEST, {"kind": "jurisdiction"}),
    ("area_root_is_jurisdiction", Area, WEST, {"parent": None}),
    ("area_is_not_empty", Area, WEST, {"square_metres": 0}),
    ("street_written_once", Street, {}, {}),
    ("street_has_a_name", Street, {}, {"name": "Other", "core": ""}),
    ("address_code_unique", Address, {}, {}),
    ("address_has_code_and_label", Address, {}, {"code": ""}),
    ("address_has_code_and_label", Address, {}, {"code": "other", "label": ""}),
    ("area_version_one_a_day", AreaVersion, {"area__code": "west"}, {}),
    ("area_version_one_a_day", AreaVersion, {"area__code": "west"}, {"valid_from": "2026-01-01"}),
    (
        "area_version_lasts_a_day",
        AreaVersion,
        {"area__code": "west"},
        {"valid_from": "2026-01-01", "valid_to": "2026-01-01"},
    ),
    ("area_version_is_not_empty", AreaVersion, {"area__code": "west"}, {"square_metres": 0}),
    ("area_piece_lasts_a_day", AreaPiece, {}, {"valid_from": "2026-01-01", "valid_to": "2026-01-01"}),
    ("area_outline_one_a_day", AreaOutline, {"zoom": 10}, {}),
    ("area_outline_lasts_a_day", AreaOutline, {"zoom": 10}, {"valid_from": "2026-01-01", "valid_to": "2026-01-01"}),
    ("asset_code_unique", Asset, {}, {}),
    ("asset_has_kind_and_code", Asset, {}, {"code": ""}),
    ("asset_has_kind_and_code", Asset, {}, {"kind": ""}),
    ("user_is_guest_or_has_email", User, {"is_guest": True}, {"is_guest": False}),
    ("user_is_guest_or_has_email", User, {"is_guest": True}, {"email": "guest@example.org"}),
    ("user_email_is_lower_case", User, {"is_guest": False}, {"email": "Somebody@example.org"}),
    ("idempotency_key_unique", IdempotencyKey, {}, {}),
    ("idempotency_answer_is_whole", IdempotencyKey, {}, {"key": "other", "status": 201}),
    ("idempotency_answer_is_whole", IdempotencyKey, {}, {"key": "other", "body": "{}"}),
    ("jurisdiction_has_a_language", Jurisdiction, {}, {"languages": []}),
    ("jurisdiction_has_a_working_day", Jurisdiction, {}, {"working_days": []}),
    ("jurisdiction_working_days_are_iso", Jurisdiction, {}, {"working_days": [0, 1]}),
    ("jurisdiction_working_days_are_iso", Jurisdiction, {}, {"working_days": [8]}),
    ("jurisdiction_opens_before_it_closes", Jurisdiction, {}, {"opens_at": time(17)}),
    ("jurisdiction_opens_before_it_closes", Jurisdiction, {}, {"closes_at": time(7, 59)}),
    ("jurisdiction_keeps_events_a_while", Jurisdiction, {}, {"keep_events_days": 29}),
    ("jurisdiction_keeps_events_a_while", Jurisdiction, {}, {"keep_events_days": 36_501}),
    ("jurisdiction_keeps_messages_a_while", Jurisdiction, {}, {"keep_messages_days": 29}),
    ("jurisdiction_keeps_messages_a_while", Jurisdiction, {}, {"keep_messages_days": 36_501}),
    ("removal_has_events", EventRemoval, {}, {"events": 0}),
    ("jurisdiction_heat_minimum_from_1", Jurisdiction, {}, {"heat_minimum": 0}),
    ("department_code_unique", Department, {"code": "roads"}, {}),
    ("department_one_dispatch_desk", Department, {"code": "desk"}, {"code": "desk-2"}),
    ("service_code_unique", Service, {"code": "pothole"}, {}),
    ("service_photo_is_known", Service, {"code": "pothole"}, {"photo": "maybe"}),
    ("service_visibility_is_known", Service, {"code": "pothole"}, {"visibility": "secret"}),
    ("service_due_unit_is_known", Service, {"code": "pothole"}, {"due_unit": "moons"}),
    ("service_first_response_unit_is_known", Service, {"code": "pothole"}, {"first_response_unit": "moons"}),
    ("service_asset_is_known", Service, {"code": "pothole"}, {"asset": "maybe", "asset_kind": "sign"}),
    ("service_asset_has_kind", Service, {"code": "pothole"}, {"asset": "optional"}),
    ("service_asset_has_kind", Service, {"code": "pothole"}, {"asset_kind": "sign"}),
    ("service_priority_is_known", Service, {"code": "pothole"}, {"priority": 0}),
    ("service_priority_is_known", Service, {"code": "pothole"}, {"priority": 5}),
    ("service_resolutions_are_known", Service, {"code": "pothole"}, {"resolutions": ["fixed", "magic"]}),
    ("service_area_unique", ServiceArea, {}, {}),
    ("attribute_code_unique", Attribute, PLACE, {"order": 9}),
    ("attribute_order_unique", Attribute, PLACE, {"code": "other"}),
    ("attribute_order_from_1", Attribute, PLACE, {"code": "other", "order": 0}),
    ("attribute_datatype_is_known", Attribute, {"code": "depth_cm"}, {"datatype": "colour"}),
    ("attribute_lists_have_values", Attribute, PLACE, {"values": []}),
    ("attribute_lists_have_values", Attribute, PLACE, {"datatype": "string"}),
    ("rule_is_not_written_twice", RoutingRule, {"area__code": "west"}, {}),
    # NULL is equal to NULL here: no area, no attribute, no dates.
    ("rule_is_not_written_twice", RoutingRule, {"service__code": "heating"}, {}),
    ("rule_has_service_or_group", RoutingRule, {"area__code": "west"}, {"group": "Streets"}),
    ("rule_attribute_has_value_and_service", RoutingRule, {"area__code": "west"}, {"attribute": "position"}),
    ("rule_attribute_has_value_and_service", RoutingRule, {"area__code": "west"}, {"value": "curb"}),
    ("rule_attribute_has_value_and_service", RoutingRule, {"attribute": "position"}, {"service": None}),
    (
        "rule_dates_in_order",
        RoutingRule,
        {"area__code": "west"},
        {"valid_from": "2026-01-02", "valid_to": "2026-01-01"},
    ),
    ("membership_role_is_known", Membership, {"role": "crew"}, {"role": "boss"}),
    ("membership_crew_has_department", Membership, {"role": "crew"}, {"department": None}),
    ("membership_crew_has_department", Membership, {"role": "crew"}, {"department": None, "role": "manager"}),
    ("membership_unique", Membership, {"role": "crew"}, {}),
    ("membership_unique", Membership, {"role": "dispatcher"}, {}),
    ("request_client_id_unique", ServiceRequest, {}, {}),
    ("request_status_is_known", ServiceRequest, {}, {"status": "lost"}),
    ("request_resolution_is_known", ServiceRequest, {}, {"resolution": "magic"}),
    ("request_resolved_says_how", ServiceRequest, {}, {"status": "resolved", "resolved_at": NOW}),
    ("request_resolved_says_how", ServiceRequest, {}, {"status": "resolved", "resolution": "fixed"}),
    ("request_closed_at_says_closed", ServiceRequest, {}, {"closed_at": NOW}),
    ("request_closed_at_says_closed", ServiceRequest, {}, {"status": "closed"}),
    ("request_closed_at_says_closed", ServiceRequest, {}, {"status": "rejected"}),
    ("request_closed_at_says_closed", ServiceRequest, {}, {"status": "duplicate"}),
    ("request_closed_at_says_closed", ServiceRequest, {}, {"status": "withdrawn"}),
    ("request_version_from_1", ServiceRequest, {}, {"version": 0}),
    ("request_priority_is_known", ServiceRequest, {}, {"priority": 0}),
    ("request_priority_is_known", ServiceRequest, {}, {"priority": 5}),
    ("request_held_only_on_hold", ServiceRequest, {}, {"hold_until": NOW}),
    ("request_duplicate_of_another", ServiceRequest, {}, {"duplicate_of_id": first_request}),
    (
        "request_duplicate_of_another",
        ServiceRequest,
        {},
        {"status": "duplicate", "closed_at": NOW, "duplicate_of_id": own},
    ),
    ("request_task_of_another", ServiceRequest, {}, {"parent_id": own}),
    ("request_visibility_is_known", ServiceRequest, {}, {"visibility": "secret"}),
    ("photo_state_is_known", Photo, {}, {"state": "lost"}),
    ("photo_ready_has_variants", Photo, {}, {"state": "ready", "large": "l.jpg"}),
    ("photo_ready_has_variants", Photo, {}, {"state": "ready", "thumbnail": "t.jpg"}),
    ("photo_rejected_says_why", Photo, {}, {"state": "rejected"}),
    ("photo_audience_is_known", Photo, {}, {"audience": "world"}),
    ("photo_purpose_is_known", Photo, {}, {"purpose": "art"}),
    ("team_code_unique", Team, {}, {}),
    ("rejection_reason_code_unique", RejectionReason, {}, {}),
    ("rejection_reason_responsible_where_named", RejectionReason, {}, {"names_responsible": False}),
    (
        "rejection_reason_responsible_where_named",
        RejectionReason,
        {},
        {"names_responsible": False, "responsible": ""},
    ),
    (
        "rejection_reason_responsible_where_named",
        RejectionReason,
        {},
        {"names_responsible": False, "responsible": "", "contact": "", "link": "https://x.example"},
    ),
    ("rejection_reason_responsible_can_be_reached", RejectionReason, {}, {"contact": ""}),
    ("escalation_step_once", EscalationStep, {}, {}),
    ("escalation_step_percent_in_range", EscalationStep, {}, {"percent": 0}),
    ("escalation_step_percent_in_range", EscalationStep, {}, {"percent": 1001}),
    ("escalation_step_tells_is_known", EscalationStep, {}, {"tells": "mayor"}),
    ("merge_once_at_a_time", Merge, {}, {}),
    ("merge_into_another", Merge, {}, {"duplicate_id": first_request}),
    ("follower_once", Follower, {}, {}),
    ("question_state_is_known", Question, {}, {"state": "lost"}),
    ("question_answered_says_when", Question, {}, {"state": "answered"}),
    ("question_answered_says_when", Question, {}, {"state": "unanswered", "answered_at": NOW}),
    ("question_one_open", Question, {}, {}),
    ("handover_expires_later", Handover, {}, {"at": NOW, "expires_at": NOW}),
    ("synced_operation_once", SyncedOperation, {}, {}),
    ("event_one_per_version", Event, {}, {}),
    ("event_audience_is_known", Event, {}, {"audience": "world"}),
    ("event_status_is_known", Event, {}, {"to_status": "lost"}),
    ("connector_kind_is_known", Connector, {}, {"kind": "fax"}),
    ("connector_format_is_known", Connector, {}, {"format": "csv"}),
    ("connector_updates_are_known", Connector, {}, {"updates": "maybe"}),
    ("connector_has_an_address", Connector, {}, {"url": ""}),
    ("connector_has_an_address", Connector, {}, {"kind": "webhook", "url": "", "email": "a@example.org"}),
    ("connector_has_an_address", Connector, {}, {"kind": "email"}),
    ("connector_updates_need_open311", Connector, {}, {"kind": "webhook", "updates": "updates"}),
    ("forward_once", Forward, {}, {}),
    ("forward_state_is_known", Forward, {}, {"state": "lost"}),
    ("forward_token_is_there", Forward, {}, {"state": "token", "sent_at": NOW}),
    ("forward_stuck_says_why", Forward, {}, {"state": "stuck"}),
    ("forward_sent_says_when", Forward, {}, {"state": "accepted"}),
    ("forward_sent_says_when", Forward, {}, {"state": "token", "token": "t"}),
    ("webhook_has_an_address", Webhook, {}, {"url": ""}),
    ("webhook_has_a_secret", Webhook, {}, {"secret": ""}),
    ("webhook_previous_secret_ends", Webhook, {}, {"previous_secret": "whsec_b2xk"}),
    ("webhook_previous_secret_ends", Webhook, {}, {"previous_secret_until": NOW}),
    ("webhook_deleted_is_over", Webhook, {}, {"deleted_at": NOW, "active": False}),
    ("webhook_deleted_is_over", Webhook, {}, {"deleted_at": NOW, "secret": ""}),
    ("webhook_delivery_once", WebhookDelivery, {}, {}),
    ("webhook_delivery_state_is_known", WebhookDelivery, {}, {"state": "lost"}),
    ("webhook_delivery_says_when", WebhookDelivery, {}, {"state": "delivered"}),
    ("webhook_delivery_says_when", WebhookDelivery, {}, {"delivered_at": NOW}),
    ("webhook_delivery_dead_says_why", WebhookDelivery, {}, {"state": "dead"}),
    ("photo_fetch_state_is_known", PhotoFetch, {}, {"state": "lost"}),
    ("photo_fetch_failed_says_why", PhotoFetch, {}, {"state": "failed"}),
    ("received_update_once", ReceivedUpdate, {}, {}),
    ("saved_filter_name_unique", SavedFilter, {}, {}),
    ("saved_filter_has_a_name", SavedFilter, {}, {"name": ""}),
    ("standard_text_unique", StandardText, {"title": "Filled"}, {}),
    # NULL is equal to NULL here: all departments, every service.
    ("standard_text_unique", StandardText, {"title": "Thanks"}, {}),
    ("standard_text_status_is_known", StandardText, {"title": "Filled"}, {"status": "lost"}),
    ("standard_text_says_something", StandardText, {"title": "Filled"}, {"title": ""}),
    ("standard_text_says_something", StandardText, {"title": "Filled"}, {"text": ""}),
    ("standard_text_says_something", StandardText, {"title": "Filled"}, {"language": ""}),
    ("api_key_kind_is_known", ApiKey, {}, {"kind": "any"}),
]


@pytest.fixture
def city() -> SmallCity:
    return city_with_everything()


def changed_copy(model: type[Any], which: dict[str, Any], changes: dict[str, Any]) -> Any:
    row = model.objects.filter(**which).order_by("pk")[0]
    row.pk = uuid4() if model._meta.pk.get_internal_type() == "UUIDField" else None
    if isinstance(row, ServiceRequest):
        row.number = numbers.make()
    for name, value in changes.items():
        setattr(row, name, value(row) if callable(value) else value)
    return row


@pytest.mark.django_db
def test_rows_that_cannot_be(city: SmallCity) -> None:
    """All in one test: the rows that they are copies of take longer to make than to break."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for name, model, which, changes in CASES:
        row = changed_copy(model, which, changes)
        with pytest.raises(IntegrityError, match=rf'"{name}"'), transaction.atomic():
            row.save(force_insert=True)


def test_none_is_forgotten() -> None:
    named = {
        constraint.name
        for config in apps.get_app_configs()
        if config.name in {"requests311", "geo", "accounts", "api"}
        for model in config.get_models()
        for constraint in model._meta.constraints
    }
    assert named == {name for name, *_ in CASES}


SOUND: list[tuple[type[Any], dict[str, Any], dict[str, Any]]] = [
    (Area, WEST, {"kind": "district"}),
    (Street, {}, {"name": "Other"}),
    (Address, {}, {"code": "other"}),
    (AreaPiece, {}, {}),
    (AreaOutline, {"zoom": 10}, {"zoom": 11}),
    (User, {"is_guest": True}, {}),
    (Asset, {}, {"code": "4712"}),
    (Asset, {}, {"kind": "sign"}),
    (Service, {"code": "pothole"}, {"code": "sign", "asset": "required", "asset_kind": "sign"}),
    (Department, {"code": "roads"}, {"code": "roads-2"}),
    (Membership, {"role": "crew"}, {"role": "manager"}),
    (RoutingRule, {"area__code": "west"}, {"rank": 1}),
    (RoutingRule, {"area__code": "west"}, {"asset_kind": "sign"}),
    (ServiceRequest, {}, {"client_id": None}),
    (ServiceRequest, {}, {"client_id": "d", "status": "resolved", "resolution": "fixed", "resolved_at": NOW}),
    (ServiceRequest, {}, {"client_id": "e", "status": "closed", "closed_at": NOW}),
    (ServiceRequest, {}, {"client_id": "f", "priority": 1}),
    (ServiceRequest, {}, {"client_id": "g", "status": "on_hold", "hold_until": NOW}),
    (ServiceRequest, {}, {"client_id": "h", "status": "on_hold"}),
    (
        ServiceRequest,
        {},
        {"client_id": "i", "status": "duplicate", "closed_at": NOW, "duplicate_of_id": first_request},
    ),
    # Another system's word for it names no other.
    (ServiceRequest, {}, {"client_id": "j", "status": "duplicate", "closed_at": NOW}),
    (ServiceRequest, {}, {"client_id": "k", "parent_id": first_request}),
    (Service, {"code": "pothole"}, {"code": "a", "priority": 1}),
    (Service, {"code": "pothole"}, {"code": "b", "resolutions": ["no_action", "fixed"], "completion_photo": True}),
    (Team, {}, {"code": "paint"}),
    (Team, {}, {"code": "paint", "lead": None}),
    (RejectionReason, {}, {"code": "a", "names_responsible": False, "responsible": "", "contact": ""}),
    (RejectionReason, {}, {"code": "b", "responsible": "", "contact": ""}),
    (RejectionReason, {}, {"code": "c", "contact": "", "link": "https://x.example"}),
    (EscalationStep, {}, {"tells": "director"}),
    (EscalationStep, {}, {"percent": 1}),
    (EscalationStep, {}, {"percent": 1000}),
    (Merge, {}, {"undone_at": NOW}),
    (Follower, {}, {"user": lambda row: User.objects.get(email="else@example.org")}),
    (Question, {}, {"state": "answered", "answered_at": NOW}),
    (Question, {}, {"state": "unanswered"}),
    (Handover, {}, {}),
    (SyncedOperation, {}, {"operation": "p"}),
    (Photo, {}, {"audience": "staff", "purpose": "completion"}),
    (Photo, {}, {"state": "ready", "thumbnail": "t.jpg", "large": "l.jpg"}),
    (Photo, {}, {"state": "rejected", "reason": "corrupt"}),
    (Event, {}, {"version": 2, "audience": "staff", "to_status": ""}),
    (PhotoFetch, {}, {"state": "failed", "reason": "Gone."}),
    (SavedFilter, {}, {"name": "Mine"}),
    (StandardText, {"title": "Filled"}, {"language": "es"}),
    (StandardText, {"title": "Filled"}, {"department": None}),
    (StandardText, {"title": "Thanks"}, {"status": "closed"}),
    (Webhook, {}, {"previous_secret": "whsec_b2xk", "previous_secret_until": NOW}),
    (Webhook, {}, {"deleted_at": NOW, "active": False, "secret": ""}),
    (WebhookDelivery, {}, {"event": None}),
    (WebhookDelivery, {}, {"event": None, "state": "delivered", "delivered_at": NOW}),
    (WebhookDelivery, {}, {"event": None, "state": "dead", "last_error": "No."}),
    (WebhookDelivery, {}, {"event": None, "state": "cancelled"}),
    (ReceivedUpdate, {}, {"update_id": "v"}),
    (ReceivedUpdate, {}, {"source": "key:2"}),
]

#: Of Connector and Forward a second row needs another department or request, which a copy has not: changed in place.
ALSO_SOUND: list[tuple[type[Any], dict[str, Any]]] = [
    (Connector, {"kind": "email", "url": "", "email": "a@example.org"}),
    (Connector, {"updates": "requests", "format": "xml"}),
    (Connector, {"kind": "webhook"}),
    (Forward, {"state": "token", "token": "t", "sent_at": NOW}),
    (Forward, {"state": "accepted", "sent_at": NOW}),
    (Forward, {"state": "stuck", "last_error": "No."}),
    (Forward, {"state": "cancelled"}),
]


@pytest.mark.django_db
def test_rows_that_can_be(city: SmallCity) -> None:
    """The copies themselves are sound: what broke above was the change. No constraint refuses what it should take."""
    for model, which, changes in SOUND:
        with transaction.atomic():
            changed_copy(model, which, changes).save(force_insert=True)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize(("model", "changes"), ALSO_SOUND)
def test_a_row_that_may_become_so(city: SmallCity, model: type[Any], changes: dict[str, Any]) -> None:
    assert model.objects.update(**changes) == 1
