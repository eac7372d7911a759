"""Areas of a jurisdiction over time."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from geo import in_force
from requests311.city.store.jurisdiction import move_catalogue_version
from requests311.models import Jurisdiction


def today_in(jurisdiction: Jurisdiction, now: datetime | None = None) -> date:
    """The day that the jurisdiction's own clocks show."""
    return (now or timezone.now()).astimezone(ZoneInfo(jurisdiction.time_zone)).date()


def take_effect(now: datetime | None = None) -> int:
    """Areas get the name and size of the version whose day has come; how many did.

    Places are looked up by the day in any case. This is for what shows an area by itself: names in reports and
    reasons, sizes that rank rules.
    """
    count = 0
    for jurisdiction in Jurisdiction.objects.select_related("boundary").defer("boundary__boundary"):
        with transaction.atomic():
            changed = in_force.take_effect(jurisdiction.boundary, today_in(jurisdiction, now))
            if changed:
                move_catalogue_version(jurisdiction)
            count += changed
    return count
