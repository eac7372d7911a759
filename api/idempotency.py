"""Idempotency-Key: a phone on a bad network may send a report as often as it likes.

Draft IETF httpapi-idempotency-key-header. The claim, the work and the answer are one transaction: a
crash leaves all or nothing, and a second request with the key waits for the first one's COMMIT on the
unique index (at most `lock_timeout`, then 409) and finds its answer. Refusals are not kept, since nothing was written.
"""

import hashlib
import re
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import LockNotAvailable
from rest_framework.request import Request

from accounts.models import User
from api.errors import HttpError
from api.models import IdempotencyKey
from requests311.queries.documents import Documents

#: Printable ASCII, as the draft has it: what passes every proxy unchanged.
KEY_PATTERN = r"^[!-~]([ -~]{0,198}[!-~])?$"

_CLAIM = """
INSERT INTO api_idempotencykey (user_id, key, fingerprint, created_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (user_id, key) DO NOTHING RETURNING id
"""

_FORGET = """
WITH old AS MATERIALIZED (
    SELECT id FROM api_idempotencykey WHERE created_at < %s ORDER BY created_at LIMIT 1000 FOR UPDATE SKIP LOCKED
)
DELETE FROM api_idempotencykey WHERE id IN (SELECT id FROM old)
"""


class Answer:
    """A status and a body of JSON text; `replayed` where an earlier request got it first."""

    def __init__(self, status: int, body: str, *, replayed: bool = False) -> None:
        self.status = status
        self.body = body
        self.replayed = replayed


#: Does the work and names the answer: its status, and the query that writes its body.
Work = Callable[[], tuple[int, Documents]]


def once(request: Request, user: User, work: Work) -> Answer:
    """Does `work` in a transaction, once per user and Idempotency-Key.

    Raises 422 where the key came with another body before, 409 where the first request is still running.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        with transaction.atomic():
            status, documents = work()
            return Answer(status, documents.text())
    if not re.fullmatch(KEY_PATTERN, key):
        detail = "Idempotency-Key has 1 to 200 printable ASCII characters."
        raise HttpError(400, "idempotency_key_invalid", detail)
    fingerprint = _fingerprint(request)
    try:
        with transaction.atomic():
            claim = _claim(user.pk, key, fingerprint)
            if claim is not None:
                status, documents = work()
                return Answer(status, _keep(claim, status, documents))
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise HttpError(
                409,
                "still_running",
                "The first request with this key is still running.",
                {"Retry-After": "1"},
            ) from error
        raise
    return _first_answer(user.pk, key, fingerprint)


def forget_expired() -> int:
    """Deletes keys past their day, in small statements that each commit; answers how many."""
    limit = timezone.now() - settings.IDEMPOTENCY_KEY_LIFETIME
    forgotten = 0
    with connection.cursor() as cursor:
        while cursor.execute(_FORGET, [limit]).rowcount:
            forgotten += cursor.rowcount
    return forgotten


def _fingerprint(request: Request) -> str:
    body = getattr(request._request, "body_digest", "")  # kept by BoundedJSONParser
    return hashlib.sha256(f"{request.method} {request.path} {body}".encode()).hexdigest()


def _claim(user_id: UUID, key: str, fingerprint: str) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [user_id, key, fingerprint, timezone.now()])
        row = cursor.fetchone()
    return row[0] if row else None


def _keep(claim: int, status: int, documents: Documents) -> str:
    """Writes the answer and reads it back in one statement, so that both are the same text."""
    answer = f"SELECT document FROM ({documents.sql}) AS answer"  # noqa: S608 (our own statement)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE api_idempotencykey SET status = %s, body = ({answer}) WHERE id = %s RETURNING body",  # noqa: S608
            [status, *documents.params, claim],
        )
        return str(cursor.fetchone()[0])


def _first_answer(user_id: UUID, key: str, fingerprint: str) -> Answer:
    kept = IdempotencyKey.objects.filter(user=user_id, key=key).first()
    if kept is None or kept.status is None or kept.body is None:
        raise HttpError(409, "still_running", "The first request with this key is still running.", {"Retry-After": "1"})
    if kept.fingerprint != fingerprint:
        raise HttpError(
            422,
            "idempotency_key_reused",
            "This Idempotency-Key came with another body before; make a new key.",
        )
    return Answer(kept.status, kept.body, replayed=True)
