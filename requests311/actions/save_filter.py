"""Somebody keeps what they look for in the queue under a name."""

from collections.abc import Mapping
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from accounts.models import User
from requests311.actors import Actor
from requests311.errors import InputError, Invalid
from requests311.input_errors import input_errors
from requests311.models import SavedFilter
from requests311.queries.saved_filters import filter_of, queue_reader

#: More than anybody finds their way in.
FILTERS_AT_MOST = 50
LAST_POSITION = 1000


@transaction.atomic
def save_filter(
    *, by: Actor, id: UUID | None = None, name: str, query: Mapping[str, str], position: int | None = None
) -> SavedFilter:
    """Makes a filter of the caller's, or with `id` replaces that one.

    Without a position it goes behind the others, or stays where it is. Raises NotAllowed for a caller who reads no
    queue, NotFound for somebody else's `id`, and Invalid for a name that is taken, a query that is none of the
    queue's, and with the code `too_many` where the caller has FILTERS_AT_MOST already.
    """
    owner = queue_reader(by)
    # One at a time for each person: two that are saved at once may not both be the last that there is room for.
    User.objects.select_for_update(no_key=True).only("pk").get(pk=owner.pk)
    row = SavedFilter(owner=owner, position=_behind(owner)) if id is None else filter_of(by, id=id, lock=True)
    _check_room(row)
    row.name, row.query = name, dict(query)
    if position is not None:
        row.position = position
    try:
        row.full_clean(exclude={"owner"}, validate_constraints=False)
    except ValidationError as error:
        raise Invalid(errors=input_errors(error)) from error
    if SavedFilter.objects.filter(owner=owner, name=name).exclude(pk=row.pk).exists():
        raise Invalid(errors=[InputError("/name", "taken", "You have a filter with this name.")])
    row.save()
    return row


def _behind(owner: User) -> int:
    last = SavedFilter.objects.filter(owner=owner).aggregate(last=Max("position"))["last"]
    return 0 if last is None else min(last + 1, LAST_POSITION)


def _check_room(row: SavedFilter) -> None:
    """Raises Invalid where there is no room for one more."""
    if row._state.adding and SavedFilter.objects.filter(owner=row.owner_id).count() >= FILTERS_AT_MOST:
        detail = f"You have {FILTERS_AT_MOST} filters; remove one first."
        raise Invalid(detail, errors=[InputError("", "too_many", detail)])
