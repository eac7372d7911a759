"""Guests and staff by the thousand, with ids of their own, by COPY."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from accounts.models import User
from script.benchmark.data.columns import Columns
from script.benchmark.data.identities import uuid7s

if TYPE_CHECKING:
    import psycopg

_FILLED = ("id", "password", "is_guest", "email", "joined_at", "is_superuser")


def copy_guests(connection: "psycopg.Connection[Any]", count: int, *, seed: int) -> list[UUID]:
    """People without a name who have reported something."""
    return _copy(connection, [None] * count, seed)


def copy_staff(connection: "psycopg.Connection[Any]", count: int, *, seed: int) -> list[UUID]:
    """Registered people who cannot sign in."""
    return _copy(connection, [f"worker-{seed}-{at}@example.org" for at in range(count)], seed + 1)


def _copy(connection: "psycopg.Connection[Any]", addresses: Sequence[str | None], seed: int) -> list[UUID]:
    columns = Columns(User, _FILLED)
    long_ago = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp() * 1000)
    ids = uuid7s(np.full(len(addresses), long_ago), np.random.default_rng([seed, 4]))
    lines = [
        f"{person}\t!unusable\t{'t' if address is None else 'f'}\t{address or chr(92) + 'N'}\t2021-01-01 00:00:00+00\tf"
        f"{columns.end}"
        for person, address in zip(ids, addresses, strict=True)
    ]
    with connection.cursor() as cursor, cursor.copy(columns.copy.encode()) as copy:
        copy.write("".join(lines))
    return [UUID(hex=person) for person in ids]
