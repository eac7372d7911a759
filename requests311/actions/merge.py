"""Two reports of the same thing become one, and two again."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from requests311 import changes, promises
from requests311.actions.transition import carry_out
from requests311.actors import Actor
from requests311.children import has_open_tasks
from requests311.conditions import Condition, by_id_or_number
from requests311.errors import CannotMerge, HasOpenTasks, InputError, Invalid, NotAllowed, NotFound
from requests311.models import Audience, EventKind, Merge, Photo, PhotoAudience, ServiceRequest, Visibility
from requests311.policies import Permission
from requests311.statuses import OPEN, Status

#: Of a race that somebody else won; each try waits for a lock.
_TRIES = 3

_MOMENTS = ("closed_at", "hold_until", *promises.PROMISED)
_PICTURE = ("status", "held_from", "hold_reason", "pauses", *_MOMENTS)

# Whoever hears of the duplicate hears of the kept one from now on, its reporter too; who does so already stays as
# they are, and stays when the merge is undone.
_BRING_FOLLOWERS = """
INSERT INTO requests311_follower (request_id, user_id, supports, since, merge_id)
SELECT %(kept)s, f.user_id, bool_or(f.supports), min(f.since), %(merge)s FROM (
    SELECT r.reporter_id AS user_id, true AS supports, r.submitted_at AS since
    FROM requests311_servicerequest r WHERE r.id = ANY(%(joined)s) AND r.reporter_id IS NOT NULL
    UNION ALL
    SELECT f.user_id, f.supports, f.since FROM requests311_follower f WHERE f.request_id = %(duplicate)s
) f
WHERE f.user_id IS DISTINCT FROM (SELECT reporter_id FROM requests311_servicerequest WHERE id = %(kept)s)
GROUP BY f.user_id
ON CONFLICT (request_id, user_id) DO NOTHING
"""

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
def merge(*, by: Actor, key: str, if_version: int, into: str) -> ServiceRequest:
    """Joins an open request to another open one of its jurisdiction; both by id or number. Answers the duplicate.

    Where that one is a duplicate itself, the request goes to the one that is kept of all. Followers, supporters and
    photos go along; so do requests that were joined to this one before. Raises NotFound, NotAllowed, StaleVersion,
    HasOpenTasks, CannotMerge, and Invalid where `into` is no request that the caller may see.
    """
    duplicate, kept, carried = _both(by, key, into)
    changes.check(by, duplicate, Permission.MERGE, if_version)
    if Permission.MERGE not in by.permissions_on(kept):
        raise NotAllowed("The other request belongs to another department.")
    _check(duplicate, kept)
    made = Merge(
        duplicate=duplicate,
        kept=kept,
        by=by.user,
        before=_picture(duplicate),
        photos=_move_photos(duplicate, kept),
        carried=carried,
    )
    made.save(force_insert=True)
    _bring_followers(made)
    data = {"into": str(kept.pk), "into_number": kept.number}
    duplicate.duplicate_of = kept
    carry_out(duplicate, by=by.user, to=Status.DUPLICATE, data=data, batch=by.batch)
    ServiceRequest.objects.filter(pk__in=[duplicate.pk, *carried]).update(duplicate_of=kept.pk)
    changes.write(
        kept,
        EventKind.MERGED,
        by=by.user,
        audience=Audience.STAFF,
        data={"duplicate": str(duplicate.pk), "duplicate_number": duplicate.number},
    )
    return duplicate


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
    _restore(duplicate, made.before)
    changes.write(
        duplicate,
        EventKind.STATUS_CHANGED,
        by=by.user,
        columns=("duplicate_of_id", *_PICTURE),
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


def _both(by: Actor, key: str, into: str) -> tuple[ServiceRequest, ServiceRequest, list[UUID]]:
    """The two, the second being the one that is kept of all its duplicates, and what was joined to the first before.

    All are locked in the order of their ids, so that two who join A to B and B to A at the same moment wait for each
    other once and not for ever: the second then finds A a duplicate of B.
    """
    for _ in range(_TRIES):
        first, second = _named(by, key), _named(by, into)
        if first is None:
            raise NotFound
        if second is None:
            detail = "There is no such request, or it is not yours to see."
            raise Invalid(errors=[InputError("/into", "unknown_value", detail)])
        first_id, root_id = first[0], second[1] or second[0]
        carried = _joined_to(first_id)
        found = changes.locked_all([first_id, root_id, *carried], Condition("true"))
        if found[root_id].duplicate_of_id in (None, first_id) and _joined_to(first_id) == carried:
            return found[first_id], found[root_id], carried
    raise CannotMerge("One of them is being joined elsewhere just now; read it again.")


def _joined(by: Actor, key: str) -> tuple[ServiceRequest, ServiceRequest | None]:
    """The duplicate and what it was joined to, locked as `_both` does; None where it is none."""
    for _ in range(_TRIES):
        named = _named(by, key)
        if named is None:
            raise NotFound
        duplicate_id, root_id = named
        made = Merge.objects.filter(duplicate=duplicate_id, undone_at=None).first()
        ids = [duplicate_id, *([root_id] if root_id else []), *(made.carried if made else [])]
        found = changes.locked_all(ids, Condition("true"))
        if found[duplicate_id].duplicate_of_id == root_id:
            return found[duplicate_id], found[root_id] if root_id else None
    raise CannotMerge("It is being joined elsewhere just now; read it again.")


def _joined_to(request_id: UUID) -> list[UUID]:
    return list(ServiceRequest.objects.filter(duplicate_of=request_id).order_by("pk").values_list("pk", flat=True))


def _named(by: Actor, key: str) -> tuple[UUID, UUID | None] | None:
    found = ServiceRequest.objects.visible_to(by).filter(by_id_or_number(key).expression())
    return found.values_list("pk", "duplicate_of").first()


def _check(duplicate: ServiceRequest, kept: ServiceRequest) -> None:
    if duplicate.pk == kept.pk:
        raise CannotMerge("A request cannot be joined to itself, nor to one of its own duplicates.")
    if duplicate.jurisdiction_id != kept.jurisdiction_id:
        raise CannotMerge("These requests are of two jurisdictions; hand over instead.")
    if Status(duplicate.status) not in OPEN:
        raise CannotMerge(f"A request that is {duplicate.status} cannot be joined to another.")
    if Status(kept.status) not in OPEN:
        raise CannotMerge(f"The other request is {kept.status}; only an open one takes others in.")
    if kept.parent_id == duplicate.pk or duplicate.parent_id is not None or kept.parent_id is not None:
        raise CannotMerge("A task is part of its request and is joined to nothing.")
    if has_open_tasks(duplicate):
        raise HasOpenTasks("It was split into tasks that are not done; finish them, or join the other way round.")


def _move_photos(duplicate: ServiceRequest, kept: ServiceRequest) -> list[UUID]:
    """Answers their ids. What was sent in confidence does not become public by it, and staff's notes stay."""
    if duplicate.visibility == Visibility.PRIVATE and kept.visibility == Visibility.PUBLIC:
        return []
    photos = Photo.objects.filter(request=duplicate.pk, audience=PhotoAudience.PUBLIC).order_by("pk")
    ids = list(photos.values_list("pk", flat=True))
    Photo.objects.filter(pk__in=ids).update(request=kept.pk)
    return ids


def _bring_followers(made: Merge) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _BRING_FOLLOWERS,
            {
                "kept": made.kept_id,
                "duplicate": made.duplicate_id,
                "joined": [made.duplicate_id, *made.carried],
                "merge": made.pk,
            },
        )


def _take_followers_away(ids: Collection[UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_FOLLOWERS_AWAY, [list(ids)])


def _picture(request: ServiceRequest) -> dict[str, Any]:
    """What a merge changes of the duplicate, as JSON."""
    values = {name: getattr(request, name) for name in _PICTURE}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def _restore(request: ServiceRequest, picture: dict[str, Any]) -> None:
    for name in _PICTURE:
        value = picture[name]
        is_moment = isinstance(value, str) and name in _MOMENTS
        setattr(request, name, datetime.fromisoformat(value) if is_moment else value)
    request.duplicate_of = None
