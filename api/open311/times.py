"""A moment as the standard's answers have it: W3C date and time with a zone and without fractions of a second."""

from datetime import UTC, datetime


def written(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()
