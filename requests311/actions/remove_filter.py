"""Somebody looks for this no more."""

from uuid import UUID

from django.db import transaction

from requests311.actors import Actor
from requests311.queries.saved_filters import filter_of


@transaction.atomic
def remove_filter(*, by: Actor, id: UUID) -> None:
    """Raises NotAllowed for a caller who reads no queue, NotFound for anybody else's filter."""
    filter_of(by, id=id, lock=True).delete()
