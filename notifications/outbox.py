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
from notifications.models import Delivery, Device, State
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
ENQUEUE = """
WITH notice AS (
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::interval[], %s::text[]
    ) AS n(id, recipient_id, event_id, kind, context, data, collapse_key, fallback_language, ttl, sender)
), recipient AS (
    SELECT u.id FROM {user} u WHERE u.id IN (SELECT recipient_id FROM notice)
    ORDER BY u.id FOR KEY SHARE
), message AS (
    INSERT INTO notifications_message
        (id, recipient_id, event_id, kind, context, data, collapse_key, fallback_language, expires_at, sender)
    SELECT n.id, n.recipient_id, n.event_id, n.kind, n.context::jsonb, n.data::jsonb, n.collapse_key,
        n.fallback_language, statement_timestamp() + greatest(n.ttl, interval '0'), n.sender
    FROM notice n JOIN recipient r ON r.id = n.recipient_id
    ORDER BY n.recipient_id, n.event_id, n.kind
    ON CONFLICT (recipient_id, event_id, kind) DO NOTHING
    RETURNING id, recipient_id
), device AS (
    SELECT d.id, d.owner_id FROM notifications_device d
    WHERE d.enabled AND d.owner_id IN (SELECT recipient_id FROM message)
    ORDER BY d.id FOR KEY SHARE
), delivery AS (
    INSERT INTO notifications_delivery (id, message_id, device_id, channel, state)
    SELECT {uuid7}, m.id, d.id, 'push', 'pending' FROM message m JOIN device d ON d.owner_id = m.recipient_id
    RETURNING 1
)
SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM delivery)
"""


@dataclass(frozen=True)
class Notice:
    """One thing to tell one person.

    `context` fills the template of `kind`; a value that is a dict of language tag → text is resolved to the
    phone's language. `data` goes to the app as it is. After `ttl` nobody cares any more.
    """

    recipient_id: UUID
    event_id: UUID
    kind: str
    context: dict[str, Any]
    data: dict[str, str]
    ttl: timedelta
    collapse_key: str = ""
    fallback_language: str = "en"
    #: In whose name it is told: a code of at most 40 characters. Decides how long it is kept.
    sender: str = ""
    #: Made here, not by the caller.
    id: UUID = field(default_factory=uuid7, init=False)


def enqueue(notices: Sequence[Notice]) -> int:
    """Writes each message, with a delivery to every enabled device of its recipient; answers how many are
    new.

    One statement, whatever the count. What is there already (recipient, event_id, kind) is left alone, and
    a recipient who no longer exists is passed over. The worker is woken up once the transaction commits.

    Raises OutsideTransaction.
    """
    if not connection.in_atomic_block:
        raise OutsideTransaction
    if not notices:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            ENQUEUE.format(uuid7=UUID7, user=connection.ops.quote_name(get_user_model()._meta.db_table)),
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
            ],
        )
        messages, deliveries = cursor.fetchone()
    if deliveries:
        transaction.on_commit(partial(wake, deliver_due))
    return int(messages)


def resend(deliveries: "QuerySet[Delivery]") -> int:
    """Makes the dead ones among `deliveries` due again, where the message is still worth it and the phone is
    still its recipient's; answers how many."""
    reachable = Device.objects.filter(
        pk=OuterRef("device_id"), enabled=True, owner_id=OuterRef("message__recipient_id")
    )
    with transaction.atomic():
        revived = (
            Delivery.objects.filter(pk__in=deliveries.values("pk"), state=State.DEAD)
            .filter(Exists(reachable), message__expires_at__gt=Now())
            .update(state=State.PENDING, next_attempt_at=Now(), attempts=0, updated_at=Now())
        )
        if revived:
            transaction.on_commit(partial(wake, deliver_due))
    return revived
