"""The sole entrance to everything we tell people."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from notifications.errors import OutsideTransaction
from notifications.models import Channel, Delivery, Device, Message, State
from notifications.tasks import deliver_due
from notifications.wake import wake

#: A UUIDv7 made by PostgreSQL, which has no function for it before version 18: a random UUID with the
#: milliseconds since 1970 in its first 48 bits and the version set to 7. Source: RFC 9562, section 5.7.
UUID7 = """encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
    FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid"""

# The locks hold off a person or a phone that is being deleted meanwhile, which would otherwise break the
# caller's COMMIT (foreign keys are checked there); who is gone already is not told. Every writer locks
# people, then devices, then deliveries, each by id, so that none waits for another in a circle.
#
# A message goes to a person or to an address that was given; never is the one's address taken for the other's.
# What a person switched off is written without a delivery there.
ENQUEUE = """
WITH notice AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::interval[], %s::text[], %s::text[], %s::text[], %s::boolean[], %s::boolean[]
    ) AS n(id, recipient_id, event_id, kind, context, data, collapse_key, fallback_language, ttl, sender,
        address, topic, by_push, by_email)
), recipient AS (
    SELECT u.id, u.{email} AS address FROM {user} u WHERE u.id IN (SELECT recipient_id FROM notice)
    ORDER BY u.id FOR KEY SHARE
), message AS (
    INSERT INTO notifications_message
        (id, recipient_id, address, topic, event_id, kind, context, data, collapse_key, fallback_language,
        expires_at, sender)
    SELECT n.id, n.recipient_id, n.address, n.topic, n.event_id, n.kind, n.context::jsonb, n.data::jsonb,
        n.collapse_key, n.fallback_language, statement_timestamp() + greatest(n.ttl, interval '0'), n.sender
    FROM notice n LEFT JOIN recipient r ON r.id = n.recipient_id
    WHERE n.recipient_id IS NULL OR r.id IS NOT NULL
    ORDER BY n.recipient_id, n.address, n.event_id, n.kind
    ON CONFLICT DO NOTHING
    RETURNING id
), told AS (
    SELECT n.*, n.by_push AND n.recipient_id IS NOT NULL AND NOT ({off} AND s.channel = 'push')) AS pushed,
        n.by_email AND NOT ({off} AND s.channel = 'email')) AS mailed
    FROM message m JOIN notice n ON n.id = m.id
), device AS (
    SELECT d.id, d.owner_id FROM notifications_device d
    WHERE d.enabled AND d.owner_id IN (SELECT recipient_id FROM told WHERE pushed)
    ORDER BY d.id FOR KEY SHARE
), delivery AS (
    INSERT INTO notifications_delivery (id, message_id, device_id, address, channel, state)
    SELECT {uuid7}, t.id, d.id, '', 'push', 'pending' FROM told t JOIN device d ON d.owner_id = t.recipient_id
    WHERE t.pushed
    UNION ALL
    SELECT {uuid7}, t.id, NULL, coalesce(r.address, t.address), 'email', 'pending'
    FROM told t LEFT JOIN recipient r ON r.id = t.recipient_id
    WHERE t.mailed AND coalesce(r.address, t.address) <> ''
    RETURNING 1
)
SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM delivery)
"""

_OFF = "EXISTS (SELECT FROM notifications_switch s WHERE s.user_id = n.recipient_id AND s.topic = n.topic"


@dataclass(frozen=True)
class Notice:
    """One thing to tell one person: a `recipient_id`, or the e-mail `address` of somebody without an account.

    `channels` are where it goes: "push" to every phone of the recipient, "email" to the recipient's own address
    or to `address`. `topic` is what a recipient may have switched it off by; of no topic, they cannot.

    `context` fills the template of `kind`; a value that is a dict of language tag → text is resolved to the
    phone's language. `data` goes to the app as it is. After `ttl` nobody cares any more.
    """

    recipient_id: UUID | None
    event_id: UUID
    kind: str
    context: dict[str, Any]
    data: dict[str, str]
    ttl: timedelta
    collapse_key: str = ""
    fallback_language: str = "en"
    #: In whose name it is told: a code of at most 40 characters. Decides how long it is kept.
    sender: str = ""
    address: str = ""
    topic: str = ""
    channels: tuple[str, ...] = ("push",)
    #: Made here, not by the caller.
    id: UUID = field(default_factory=uuid7, init=False)


def enqueue(notices: Sequence[Notice]) -> int:
    """Writes each message, with its deliveries: to every enabled device of its recipient, to their e-mail
    address or the address given; answers how many are new.

    One statement, whatever the count. What is there already (recipient or address, event_id, kind) is left
    alone, and a recipient who no longer exists is passed over. The worker is woken up once the transaction commits.

    Raises OutsideTransaction.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction
    if not notices:
        return 0
    # The very same one twice is one row, or its deliveries would be made twice.
    notices = list({notice.id: notice for notice in notices}.values())
    people = get_user_model()
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            ENQUEUE.format(
                uuid7=UUID7,
                user=quoted(people._meta.db_table),
                email=quoted(people.get_email_field_name()),
                off=_OFF,
            ),
            [
                [n.id for n in notices],
                [n.recipient_id for n in notices],
                [n.event_id for n in notices],
                [n.kind for n in notices],
                [json.dumps(n.context, cls=DjangoJSONEncoder) for n in notices],
                [json.dumps(n.data) for n in notices],
                [n.collapse_key for n in notices],
                [n.fallback_language for n in notices],
                [n.ttl for n in notices],
                [n.sender for n in notices],
                [n.address for n in notices],
                [n.topic for n in notices],
                [Channel.PUSH in n.channels for n in notices],
                [Channel.EMAIL in n.channels for n in notices],
            ],
        )
        messages, deliveries = cursor.fetchone()
    if deliveries:
        transaction.on_commit(partial(wake, deliver_due))
    return int(messages)


def resend(deliveries: "QuerySet[Delivery]") -> int:
    """Makes the dead ones among `deliveries` due again, where the message is still worth it and the phone or the
    address is still its recipient's; answers how many."""
    phone = Device.objects.filter(pk=OuterRef("device_id"), enabled=True, owner_id=OuterRef("message__recipient_id"))
    people = get_user_model()
    own = people._default_manager.filter(
        **{"pk": OuterRef("message__recipient_id"), people.get_email_field_name(): OuterRef("address")}
    )
    given = Message.objects.filter(pk=OuterRef("message_id"), recipient=None)
    with transaction.atomic():
        revived = (
            Delivery.objects.filter(pk__in=deliveries.values("pk"), state=State.DEAD)
            .filter(Exists(phone) | Exists(own) | Exists(given), message__expires_at__gt=Now())
            .update(state=State.PENDING, next_attempt_at=Now(), attempts=0, updated_at=Now())
        )
        if revived:
            transaction.on_commit(partial(wake, deliver_due))
    return revived
