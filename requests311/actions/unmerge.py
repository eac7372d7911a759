"""Two reports that were taken for one are two again."""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from requests311 import changes
from requests311.actors import Actor
from requests311.conditions import Condition
from requests311.errors import CannotMerge, NotFound
from requests311.merging import PICTURE, TRIES, named, restore
from requests311.models import Audience, EventKind, Merge, Photo, ServiceRequest
from requests311.policies import Permission
from requests311.statuses import Status

# Those who came with a duplicate and with no other that is still joined.
_TAKE_FOLLOWERS_AWAY = """
DELETE FROM requests311_follower f WHERE f.request_id = ANY(%s) AND f.merge_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM requests311_servicerequest d WHERE d.duplicate_of_id = f.request_id AND (
        d.reporter_id = f.user_id
        OR EXISTS (SELECT FROM requests311_follower g WHERE g.request_id = d.id AND g.user_id = f.user_id)
    )
)
"""


@transaction.atomic(savepoint=False)
def unmerge(*, by: Actor, key: str, if_version: int) -> ServiceRequest:
    """Takes a duplicate out again: it is as it was before, and so is the other, but for what happened since.

    Raises NotFound, NotAllowed, StaleVersion, and CannotMerge where it is no duplicate.
    """
    duplicate, kept = _joined(by, key)
    changes.check(by, duplicate, Permission.MERGE, if_version)
    made = Merge.objects.filter(duplicate=duplicate.pk, undone_at=None).first()
    if duplicate.status != Status.DUPLICATE or kept is None or made is None:
        raise CannotMerge("This request is no duplicate, so there is nothing to undo.")
    Merge.objects.filter(pk=made.pk).update(undone_at=timezone.now())
    Photo.objects.filter(pk__in=made.photos, request=kept.pk).update(request=duplicate.pk)
    restore(duplicate, made.before)
    changes.write(
        duplicate,
        EventKind.STATUS_CHANGED,
        by=by.user,
        columns=("duplicate_of_id", *PICTURE),
        from_status=Status.DUPLICATE,
        to_status=duplicate.status,
        data={"out_of": str(kept.pk)},
        batch=by.batch,
    )
    # Those that came along go along, unless they were taken out or joined elsewhere meanwhile.
    ServiceRequest.objects.filter(pk__in=made.carried, duplicate_of=kept.pk).update(duplicate_of=duplicate.pk)
    _take_followers_away({kept.pk, made.kept_id})
    changes.write(
        kept,
        EventKind.UNMERGED,
        by=by.user,
        audience=Audience.STAFF,
        data={"duplicate": str(duplicate.pk), "duplicate_number": duplicate.number},
    )
    return duplicate


def _joined(by: Actor, key: str) -> tuple[ServiceRequest, ServiceRequest | None]:
    """The duplicate and what it was joined to, locked as `_both` does; None where it is none."""
    for _ in range(TRIES):
        found_by_key = named(by, key)
        if found_by_key is None:
            raise NotFound
        duplicate_id, root_id = found_by_key
        made = Merge.objects.filter(duplicate=duplicate_id, undone_at=None).first()
        ids = [duplicate_id, *([root_id] if root_id else []), *(made.carried if made else [])]
        found = changes.locked_all(ids, Condition("true"))
        if found[duplicate_id].duplicate_of_id == root_id:
            return found[duplicate_id], found[root_id] if root_id else None
    raise CannotMerge("It is being joined elsewhere just now; read it again.")


def _take_followers_away(ids: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_FOLLOWERS_AWAY, [list(ids)])
