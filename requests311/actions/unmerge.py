"""Two reports that were taken for one are two again."""

from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from requests311 import changes
from requests311.actors import Actor
from requests311.errors import CannotMerge, NotFound
from requests311.merging import PICTURE, Joined, above, joined_to, locked, named, restore
from requests311.models import Audience, EventKind, Merge, Photo, ServiceRequest
from requests311.policies import Permission
from requests311.statuses import Status

# Who still comes with a duplicate that was joined to the request itself, and whether they support it.
_BROUGHT = """
SELECT b.user_id, bool_or(b.supports) AS supports FROM (
    SELECT d.reporter_id AS user_id, true AS supports FROM requests311_merge m
    JOIN requests311_servicerequest d ON d.id = m.duplicate_id
    WHERE m.kept_id = %(kept)s AND m.undone_at IS NULL
    UNION ALL
    SELECT f.user_id, f.supports FROM requests311_merge m
    JOIN requests311_follower f ON f.request_id = m.duplicate_id
    WHERE m.kept_id = %(kept)s AND m.undone_at IS NULL
) b WHERE b.user_id IS NOT NULL GROUP BY b.user_id
"""
_TAKE_FOLLOWERS_AWAY = f"""
DELETE FROM requests311_follower f WHERE f.request_id = %(kept)s AND f.merge_id IS NOT NULL
AND f.user_id NOT IN (SELECT user_id FROM ({_BROUGHT}) b)
"""  # noqa: S608 (our own text)
_TAKE_SUPPORT_AWAY = f"""
UPDATE requests311_follower f SET supports = false FROM ({_BROUGHT}) b
WHERE f.request_id = %(kept)s AND f.merge_id IS NOT NULL AND f.user_id = b.user_id AND f.supports AND NOT b.supports
"""  # noqa: S608 (our own text)


@transaction.atomic(savepoint=False)
def unmerge(*, by: Actor, key: str, if_version: int) -> ServiceRequest:
    """Takes a duplicate out again: it is as it was before, and so is the other, but for what happened since.

    Raises NotFound, NotAllowed, StaleVersion, and CannotMerge where it is no duplicate.
    """
    seen, found = locked(lambda: _look(by, key))
    duplicate, kept = found[seen.request], found[seen.kept] if seen.kept else None
    changes.check(by, duplicate, Permission.MERGE, if_version)
    made = Merge.objects.filter(duplicate=duplicate.pk, undone_at=None).first()
    if duplicate.status != Status.DUPLICATE or kept is None or made is None:
        raise CannotMerge("This request is no duplicate, so there is nothing to undo.")
    Merge.objects.filter(pk=made.pk).update(undone_at=timezone.now())
    Photo.objects.filter(pk__in=made.photos).update(request=duplicate.pk)
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
    ServiceRequest.objects.filter(pk__in=made.carried).update(duplicate_of=duplicate.pk)
    _take_followers_away(made.kept_id)
    for higher in above(made):
        _forget(higher, made)
        _take_followers_away(higher.kept_id)
    changes.write(
        kept,
        EventKind.UNMERGED,
        by=by.user,
        audience=Audience.STAFF,
        data={"duplicate": str(duplicate.pk), "duplicate_number": duplicate.number},
    )
    return duplicate


def _look(by: Actor, key: str) -> Joined:
    """The duplicate, what it is joined to (None where it is none), and what went along with it and is there still."""
    found = named(by, key)
    if found is None:
        raise NotFound
    made = Merge.objects.filter(duplicate=found[0], undone_at=None).first()
    return Joined(*found, tuple(made.carried) if made else joined_to(found[0]))


def _forget(higher: Merge, made: Merge) -> None:
    """What is taken out went along with it and is not to come back with it."""
    gone = {made.duplicate_id, *made.carried}
    higher.carried = [pk for pk in higher.carried if pk not in gone]
    higher.photos = [pk for pk in higher.photos if pk not in made.photos]
    higher.save(update_fields=["carried", "photos"])


def _take_followers_away(kept: UUID) -> None:
    """Those who came with a duplicate and with no other that is still joined."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_FOLLOWERS_AWAY, {"kept": kept})
        cursor.execute(_TAKE_SUPPORT_AWAY, {"kept": kept})
