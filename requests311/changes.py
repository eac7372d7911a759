"""How a request changes: its row is locked, what the caller saw is compared, and the change is written with its event.

Every action goes through here, so that none can forget the version, the event or the lock.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from accounts.models import User
from requests311.actors import Actor
from requests311.conditions import Condition, by_id_or_number
from requests311.errors import InputError, Invalid, NotAllowed, NotFound, StaleVersion
from requests311.history import record
from requests311.models import (
    Audience,
    Department,
    Event,
    EventKind,
    Jurisdiction,
    Photo,
    PhotoAudience,
    PhotoPurpose,
    Service,
    ServiceRequest,
)
from requests311.policies import Permission
from requests311.rows import Columns
from requests311.snapshots import snapshot

_REQUEST = Columns(ServiceRequest, "r")
_DEPARTMENT = Columns(Department, "d")
_SERVICE = Columns(Service, "s")
_JURISDICTION = Columns(Jurisdiction, "j")

# Locked first and joined after: a join made before the wait would miss the department that a request got meanwhile.
_LOCKED = f"""
WITH r AS MATERIALIZED (
    SELECT r.* FROM requests311_servicerequest r WHERE {{named}} AND {{sees}} ORDER BY r.id FOR UPDATE
)
SELECT {_REQUEST.sql}, {_DEPARTMENT.sql}, {_SERVICE.sql}, {_JURISDICTION.sql}
FROM r
JOIN requests311_department d ON d.id = r.department_id
JOIN requests311_service s ON s.id = r.service_id
JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id
ORDER BY r.id
"""  # noqa: S608 (our own column names)


def to_change(by: Actor, key: str, permission: Permission, if_version: int) -> ServiceRequest:
    """The request with this id or number, locked, which the caller may change in this way and has seen as it is.

    Raises NotFound (private and absent alike), NotAllowed, and StaleVersion where it is no longer at `if_version`.
    """
    request = locked(key, by.sees())
    check(by, request, permission, if_version)
    return request


def check(by: Actor, request: ServiceRequest, permission: Permission | None, if_version: int) -> frozenset[Permission]:
    """What the caller may do with it. Raises NotAllowed, and StaleVersion where it is no longer at `if_version`."""
    permissions = by.permissions_on(request)
    if not permissions:
        raise NotAllowed("This request belongs to another department.")
    if permission is not None and permission not in permissions:
        raise NotAllowed
    if request.version != if_version:
        raise StaleVersion(version=request.version)
    return permissions


def locked(key: str, sees: Condition) -> ServiceRequest:
    """The request with this id or number, its department, service and jurisdiction at hand, locked until COMMIT.

    Raises NotFound where there is none that meets the condition.
    """
    found = _locked(by_id_or_number(key), sees)
    if not found:
        raise NotFound
    return found[0]


def locked_all(ids: Sequence[UUID], sees: Condition) -> dict[UUID, ServiceRequest]:
    """As `locked`, several in the order of their ids, so that two that lock the same never wait for each other."""
    return {request.pk: request for request in _locked(Condition("{r}.id = ANY(%s)", list(ids)), sees)}


def write(
    request: ServiceRequest,
    kind: EventKind,
    *,
    by: User | None,
    columns: Sequence[str] = (),
    text: str = "",
    audience: Audience = Audience.PUBLIC,
    from_status: str = "",
    to_status: str = "",
    data: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    now: datetime | None = None,
    batch: UUID | None = None,
) -> Event:
    """Writes the named columns of a locked request at its next version, and the one event that says so.

    The event happened `at`, or else `now`, which is the moment that the columns speak of. `data` goes beside what
    messages are made of.
    """
    request.version += 1
    request.updated_at = now or timezone.now()
    values = [_given(request, name) for name in columns]
    with connection.cursor() as cursor:
        cursor.execute(_update(tuple(columns)), [request.version, request.updated_at, *values, request.pk])
    event = Event(
        request=request,
        version=request.version,
        kind=kind,
        audience=audience,
        actor=by,
        at=at or request.updated_at,
        from_status=from_status,
        to_status=to_status,
        text=text,
        data=snapshot(request) | {"status": str(request.status)} | dict(data or {}),
        batch=batch,
    )
    record(event)
    return event


def attach_photos(
    event: Event,
    photos: Sequence[UUID],
    *,
    by: User | None,
    purpose: PhotoPurpose,
    audience: PhotoAudience = PhotoAudience.PUBLIC,
) -> None:
    """The caller's own, free photos go to the event's request. Raises Invalid for one that is not."""
    if not photos:
        return
    uploaded_by = by.pk if by is not None else None
    mine = Photo.objects.attach(photos, to=event.request_id, uploaded_by=uploaded_by) if uploaded_by else []
    if len(mine) != len(photos):
        usable = {photo.id for photo in mine}
        raise Invalid(
            errors=[
                InputError(f"/photos/{index}", "photo_not_usable", "This photo is unknown, rejected, or used already.")
                for index, photo in enumerate(photos)
                if photo not in usable
            ]
        )
    Photo.objects.filter(pk__in=photos).update(purpose=purpose, audience=audience, event_id=event.pk)


def _locked(named: Condition, sees: Condition) -> list[ServiceRequest]:
    with connection.cursor() as cursor:
        cursor.execute(_LOCKED.format(named=named.sql(), sees=sees.sql()), (*named.params, *sees.params))
        return [_instance(row) for row in cursor.fetchall()]


def _instance(row: Sequence[Any]) -> ServiceRequest:
    values, rest = _REQUEST.split(row)
    request = _REQUEST.instance(values)
    values, rest = _DEPARTMENT.split(rest)
    request.department = _DEPARTMENT.instance(values)
    values, rest = _SERVICE.split(rest)
    request.service = _SERVICE.instance(values)
    request.jurisdiction = _JURISDICTION.instance(rest)
    return request


def _given(request: ServiceRequest, name: str) -> Any:
    value = getattr(request, name)
    return Jsonb(value) if isinstance(value, list | dict) else value


@cache
def _update(columns: tuple[str, ...]) -> str:
    names = ", ".join(f"{name} = %s" for name in ("version", "updated_at", *columns))
    return f"UPDATE requests311_servicerequest SET {names} WHERE id = %s"  # noqa: S608 (our own column names)
