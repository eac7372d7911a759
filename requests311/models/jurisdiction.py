from datetime import time
from zoneinfo import ZoneInfo

import holidays
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

from geo.models import Area

#: A slip of the pen must not remove what people still speak of, nor a message that is still worth sending (7 days).
KEEP_AT_LEAST_DAYS = 30
#: A hundred years; the arithmetic of dates holds.
KEEP_AT_MOST_DAYS = 36_500
#: Where a city does not say otherwise.
OPENS_AT = time(8)
CLOSES_AT = time(17)


def _monday_to_friday() -> list[int]:
    return [1, 2, 3, 4, 5]


def check_time_zone(name: str) -> None:
    """Raises ValidationError for a name that is not in the IANA time zone database."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(f"{name!r} is not an IANA time zone.") from error


class Jurisdiction(models.Model):
    """The government that answers: its boundary, time zone, languages and calendar.

    Jurisdictions stand side by side in one deployment. A town within a county names the county as
    its `parent`: a service the town does not offer is then the county's.
    """

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="within")
    boundary = models.OneToOneField(Area, on_delete=models.PROTECT, related_name="jurisdiction")
    time_zone = models.CharField(max_length=64, validators=[check_time_zone])
    languages = ArrayField(models.CharField(max_length=35), help_text="BCP 47 tags; the first is the default.")
    working_days = ArrayField(
        models.PositiveSmallIntegerField(), default=_monday_to_friday, help_text="ISO weekdays, Monday is 1."
    )
    opens_at = models.TimeField(
        default=OPENS_AT, db_default=OPENS_AT, help_text="On working days, local time; working hours count from it."
    )
    closes_at = models.TimeField(default=CLOSES_AT, db_default=CLOSES_AT)
    holidays_country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1; empty: no public holidays.")
    holidays_subdivision = models.CharField(max_length=10, blank=True, help_text="ISO 3166-2 without the country.")
    closure_days = ArrayField(models.DateField(), default=list, blank=True, help_text="Own days off.")
    reopen_days = models.PositiveSmallIntegerField(
        default=14, help_text="Days a reporter may reopen a resolved request."
    )
    keep_events_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(KEEP_AT_LEAST_DAYS), MaxValueValidator(KEEP_AT_MOST_DAYS)],
        help_text="Days after a request is closed when its history is removed; the request stays. Empty: for ever.",
    )
    keep_messages_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        default=365,
        validators=[MinValueValidator(KEEP_AT_LEAST_DAYS), MaxValueValidator(KEEP_AT_MOST_DAYS)],
        help_text="Days after which a message and its deliveries are removed. Empty: for ever.",
    )
    heat_minimum = models.PositiveSmallIntegerField(
        default=5, help_text="The heat map shows no hexagon with fewer reports than this."
    )
    #: Moved by database triggers on the catalogue's tables: a process may keep the catalogue until it moves.
    catalogue_version = models.PositiveBigIntegerField(default=1, editable=False)
    #: Moved with it; Open311 calls it the changeset.
    catalogue_changed_at = models.DateTimeField(db_default=Now(), editable=False)
    sandbox = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="A copy that programs in the making write to; nobody else sees it.",
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=models.Q(languages__len__gt=0), name="jurisdiction_has_a_language"),
            models.CheckConstraint(condition=models.Q(working_days__len__gt=0), name="jurisdiction_has_a_working_day"),
            models.CheckConstraint(
                condition=models.Q(working_days__contained_by=[1, 2, 3, 4, 5, 6, 7]),
                name="jurisdiction_working_days_are_iso",
            ),
            models.CheckConstraint(
                condition=models.Q(opens_at__lt=models.F("closes_at")),
                name="jurisdiction_opens_before_it_closes",
                violation_error_message="It must open before it closes.",
            ),
            models.CheckConstraint(
                condition=models.Q(keep_events_days=None)
                | models.Q(keep_events_days__range=(KEEP_AT_LEAST_DAYS, KEEP_AT_MOST_DAYS)),
                name="jurisdiction_keeps_events_a_while",
            ),
            models.CheckConstraint(
                condition=models.Q(keep_messages_days=None)
                | models.Q(keep_messages_days__range=(KEEP_AT_LEAST_DAYS, KEEP_AT_MOST_DAYS)),
                name="jurisdiction_keeps_messages_a_while",
            ),
            models.CheckConstraint(condition=models.Q(heat_minimum__gte=1), name="jurisdiction_heat_minimum_from_1"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuses a calendar that nobody knows: every report with a promise would fail on it."""
        if not self.holidays_country:
            return
        try:
            holidays.country_holidays(self.holidays_country, subdiv=self.holidays_subdivision or None)
        except NotImplementedError as error:
            raise ValidationError({"holidays_country": str(error)}) from error
