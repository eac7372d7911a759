"""Two reports of the same thing become one, and two again."""

from uuid import UUID

from django.db import connection, transaction

from requests311 import changes
from requests311.actions.transition import carry_out
from requests311.actors import Actor
from requests311.children import has_open_tasks
from requests311.errors import CannotMerge, HasOpenTasks, InputError, Invalid, NotAllowed, NotFound
from requests311.merging import Joined, joined_to, locked, named, picture
from requests311.models import Audience, EventKind, Merge, Photo, PhotoAudience, ServiceRequest, Visibility
from requests311.policies import Permission
from requests311.statuses import OPEN, Status

# Whoever hears of the duplicate hears of the kept one from now on, its reporter too; who does so already stays as
# they are, and stays when the merge is undone. Reporters of what was joined to the duplicate before are its followers.
_BRING_FOLLOWERS = """
INSERT INTO requests311_follower (request_id, user_id, supports, since, merge_id)
SELECT %(kept)s, f.user_id, bool_or(f.supports), min(f.since), %(merge)s FROM (
    SELECT r.reporter_id AS user_id, true AS supports, r.submitted_at AS since
    FROM requests311_servicerequest r WHERE r.id = %(duplicate)s AND r.reporter_id IS NOT NULL
    UNION ALL
    SELECT f.user_id, f.supports, f.since FROM requests311_follower f WHERE f.request_id = %(duplicate)s
) f
WHERE f.user_id IS DISTINCT FROM (SELECT reporter_id FROM requests311_servicerequest WHERE id = %(kept)s)
GROUP BY f.user_id
ON CONFLICT (request_id, user_id) DO UPDATE SET supports = true
    WHERE requests311_follower.merge_id IS NOT NULL AND excluded.supports
"""


@transaction.atomic(savepoint=False)
def merge(*, by: Actor, key: str, if_version: int, into: str) -> ServiceRequest:
    """Joins an open request to another open one of its jurisdiction; both by id or number. Answers the duplicate.

    Where that one is a duplicate itself, the request goes to the one that is kept of all. Followers, supporters and
    photos go along; so do requests that were joined to this one before. Raises NotFound, NotAllowed, StaleVersion,
    HasOpenTasks, CannotMerge, and Invalid where `into` is no request that the caller may see.
    """
    _check_may(by, key)
    seen, found = locked(lambda: _look(by, key, into))
    duplicate, kept = found[seen.request], found[seen.kept or seen.request]
    changes.check(by, duplicate, Permission.MERGE, if_version)
    if duplicate.jurisdiction_id != kept.jurisdiction_id:
        raise CannotMerge("These requests are of two jurisdictions; hand over instead.")
    if Permission.MERGE not in by.permissions_on(kept):
        raise NotAllowed("The other request belongs to another department.")
    _check(duplicate, kept)
    made = Merge(
        duplicate=duplicate,
        kept=kept,
        by=by.user,
        before=picture(duplicate),
        photos=_move_photos(duplicate, kept),
        carried=list(seen.carried),
    )
    made.save(force_insert=True)
    _bring_followers(made)
    data = {"into": str(kept.pk), "into_number": kept.number}
    duplicate.duplicate_of = kept
    carry_out(duplicate, by=by.user, to=Status.DUPLICATE, data=data, batch=by.batch)
    ServiceRequest.objects.filter(pk__in=[duplicate.pk, *seen.carried]).update(duplicate_of=kept.pk)
    changes.write(
        kept,
        EventKind.MERGED,
        by=by.user,
        audience=Audience.STAFF,
        data={"duplicate": str(duplicate.pk), "duplicate_number": duplicate.number},
    )
    return duplicate


def _check_may(by: Actor, key: str) -> None:
    """Before the other one is looked up, of which who may not join requests learns nothing; NotFound, NotAllowed."""
    request = ServiceRequest.objects.visible_to(by).by_id_or_number(key).select_related("department").first()
    if request is None:
        raise NotFound
    changes.check(by, request, Permission.MERGE, request.version)


def _look(by: Actor, key: str, into: str) -> Joined:
    """The request, the one that is kept of all the other's duplicates, and what was joined to the request before."""
    first, second = named(by, key), named(by, into)
    if first is None:
        raise NotFound
    if second is None:
        detail = "There is no such request, or it is not yours to see."
        raise Invalid(errors=[InputError("/into", "unknown_value", detail)])
    return Joined(first[0], second[1] or second[0], joined_to(first[0]))


def _check(duplicate: ServiceRequest, kept: ServiceRequest) -> None:
    if duplicate.pk == kept.pk:
        raise CannotMerge("A request cannot be joined to itself, nor to one of its own duplicates.")
    if Status(duplicate.status) not in OPEN:
        raise CannotMerge(f"A request that is {duplicate.status} cannot be joined to another.")
    if Status(kept.status) not in OPEN:
        raise CannotMerge(f"The other request is {kept.status}; only an open one takes others in.")
    if duplicate.parent_id is not None or kept.parent_id is not None:
        raise CannotMerge("A task is part of its request and is joined to nothing.")
    if has_open_tasks(duplicate):
        raise HasOpenTasks("It was split into tasks that are not done; finish them, or join the other way round.")


def _move_photos(duplicate: ServiceRequest, kept: ServiceRequest) -> list[UUID]:
    """Answers their ids. What was sent in confidence is not shown to others by it, and staff's notes stay."""
    between_the_same = kept.visibility == Visibility.PRIVATE and kept.reporter_id == duplicate.reporter_id
    if duplicate.visibility == Visibility.PRIVATE and not between_the_same:
        return []
    photos = Photo.objects.filter(request=duplicate.pk, audience=PhotoAudience.PUBLIC).order_by("pk")
    ids = list(photos.values_list("pk", flat=True))
    Photo.objects.filter(pk__in=ids).update(request=kept.pk)
    return ids


def _bring_followers(made: Merge) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _BRING_FOLLOWERS,
            {"kept": made.kept_id, "duplicate": made.duplicate_id, "merge": made.pk},
        )
