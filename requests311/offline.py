"""What a crew's phone did without a network: kept with its answer, so that the same operation is never done twice."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import orjson
from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts.models import User
from requests311.errors import OperationReused
from requests311.models import SyncedOperation

#: A phone that was in a drawer for so long asks what became of it all the same.
KEPT = timedelta(days=90)

_CLAIM = """
INSERT INTO requests311_syncedoperation (user_id, operation, fingerprint, result, at)
VALUES (%s, %s, %s, 'null', %s) ON CONFLICT (user_id, operation) DO NOTHING RETURNING id
"""
_KEEP = "UPDATE requests311_syncedoperation SET result = %s WHERE id = %s"
_FORGET = """
WITH old AS MATERIALIZED (
    SELECT id FROM requests311_syncedoperation WHERE at < %s ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED
)
DELETE FROM requests311_syncedoperation WHERE id IN (SELECT id FROM old)
"""


def once(
    *, by: User, operation: str, content: Mapping[str, Any], do: Callable[[], dict[str, Any]]
) -> tuple[dict[str, Any], bool]:
    """What `do` answered, and whether an earlier call did it. The claim, the work and the answer are one transaction.

    A second call with the same operation waits for the first one's COMMIT on the unique index and finds its answer.
    What `do` raises is not kept: nothing was done. Raises OperationReused for an id that came with another content.
    """
    fingerprint = hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, [by.pk, operation, fingerprint, timezone.now()])
            claim = cursor.fetchone()
        if claim is not None:
            result = do()
            with connection.cursor() as cursor:
                values: list[Any] = [Jsonb(result), claim[0]]
                cursor.execute(_KEEP, values)
            return result, False
    kept = SyncedOperation.objects.get(user=by, operation=operation)
    if kept.fingerprint != fingerprint:
        raise OperationReused
    return kept.result, True


def count_old() -> int:
    """Answers that are older than they are kept."""
    return SyncedOperation.objects.filter(at__lt=timezone.now() - KEPT).count()


def forget_old(*, limit: int) -> int:
    """Removes at most `limit` answers that are older than they are kept; answers how many."""
    with connection.cursor() as cursor:
        return int(cursor.execute(_FORGET, [timezone.now() - KEPT, limit]).rowcount)
