"""What of the requests the map shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

#: Days of the blocks that counts are kept in, besides all time (0).
SPANS = (64, 512)
_DAY_SECONDS = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Filters:
    """Statuses, codes of services and names of groups (any of each), and the earliest submission; None: all."""

    status: Sequence[str] | None = None
    service: Sequence[str] | None = None
    group: Sequence[str] | None = None
    since: datetime | None = None

    def kinds(self, row: str) -> str:
        """SQL that ends a WHERE clause: status and service of `row`."""
        parts = []
        if self.status is not None:
            parts.append(f"AND {row}.status = ANY(%(status)s)")
        # By id, from an InitPlan: one statement, and an index can use it.
        if self.service is not None:
            parts.append(_services(row, "code = ANY(%(service)s)"))
        if self.group is not None:
            parts.append(_services(row, '"group" = ANY(%(group)s)'))
        return " ".join(parts)

    def times(self, row: str) -> str:
        """SQL that ends a WHERE clause: the submission of `row`."""
        return f"AND {row}.submitted_at >= %(since)s" if self.since is not None else ""

    def params(self) -> dict[str, Any]:
        found = {"status": self.status, "service": self.service, "group": self.group}
        return {name: list(values) for name, values in found.items() if values is not None} | self._blocks()

    def _blocks(self) -> dict[str, Any]:
        """A moment lies within a block of 64 days: the rest of it is read from the requests, whole ones are counted.

        `whole` is the first moment, `whole_day` the first day that is counted, `short` and `long` the blocks.
        """
        if self.since is None:
            return {}
        since = max(self.since, _EPOCH)
        short, long = SPANS
        many = long // short
        first = int((since - _EPOCH).total_seconds() // _DAY_SECONDS // short) + 1
        last = max(first, int((timezone.now() - _EPOCH).total_seconds() // _DAY_SECONDS // short) + many)
        turn = -(-first // many)
        return {
            "since": since,
            "whole": first * short * _DAY_SECONDS,
            "whole_day": first * short,
            "short": list(range(first, min(turn * many, last + 1))),
            "long": list(range(turn, last // many + 1)),
        }


def _services(row: str, condition: str) -> str:
    return f"AND {row}.service_id = ANY(ARRAY(SELECT id FROM requests311_service WHERE {condition}))"  # noqa: S608
