from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Value

from geo.models import Area
from requests311.models.catalogue_triggers import moves_catalogue_version
from requests311.models.jurisdiction import Jurisdiction
from requests311.statuses import Priority, Resolution


class PhotoPolicy(models.TextChoices):
    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class AssetPolicy(models.TextChoices):
    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Datatype(models.TextChoices):
    """The datatypes of an attribute, as Open311 GeoReport v2 names them."""

    STRING = "string"
    NUMBER = "number"
    DATETIME = "datetime"
    TEXT = "text"
    SINGLEVALUELIST = "singlevaluelist"
    MULTIVALUELIST = "multivaluelist"


class Visibility(models.TextChoices):
    PUBLIC = "public"
    PRIVATE = "private"


class DueUnit(models.TextChoices):
    WORKING_DAYS = "working_days"
    CALENDAR_DAYS = "calendar_days"
    HOURS = "hours"
    WORKING_HOURS = "working_hours"


class Service(models.Model):
    """An entry of the catalogue that a resident picks from ("Pothole")."""

    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.PROTECT, related_name="services")
    code = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    group = models.CharField(max_length=80, blank=True)
    keywords = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    translations = models.JSONField(
        default=dict,
        blank=True,
        help_text='By language: {"es": {"name": "Bache", "description": "…", "group": "…"}}',
    )
    photo = models.CharField(max_length=8, choices=PhotoPolicy.choices, default=PhotoPolicy.OPTIONAL)
    asset = models.CharField(
        max_length=8,
        choices=AssetPolicy.choices,
        default=AssetPolicy.NONE,
        db_default=AssetPolicy.NONE,
        help_text="Whether a report names the city's thing that it is about.",
    )
    asset_kind = models.SlugField(max_length=40, blank=True, default="", db_default="", db_index=False)
    visibility = models.CharField(max_length=7, choices=Visibility.choices, default=Visibility.PUBLIC)
    due_after = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Empty: no promise.")
    due_unit = models.CharField(max_length=13, choices=DueUnit.choices, default=DueUnit.WORKING_DAYS)
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL, help_text="Of its new requests."
    )
    resolutions = ArrayField(
        models.CharField(max_length=16, choices=Resolution.choices),
        default=list,
        blank=True,
        db_default=Value([], ArrayField(models.CharField(max_length=16))),
        help_text="How a request may end; empty: in any way.",
    )
    completion_photo = models.BooleanField(
        default=False, db_default=False, help_text="Nobody resolves a request without a photo of what was done."
    )
    first_response_after = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="When somebody should have taken a report up. Empty: no such target."
    )
    first_response_unit = models.CharField(
        max_length=13, choices=DueUnit.choices, default=DueUnit.WORKING_HOURS, db_default=DueUnit.WORKING_HOURS
    )
    offered_in = models.ManyToManyField(
        Area, through="ServiceArea", blank=True, help_text="Empty: in the whole jurisdiction."
    )
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["group", "name"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "code"], name="service_code_unique"),
            models.CheckConstraint(condition=models.Q(photo__in=PhotoPolicy.values), name="service_photo_is_known"),
            models.CheckConstraint(
                condition=models.Q(visibility__in=Visibility.values), name="service_visibility_is_known"
            ),
            models.CheckConstraint(condition=models.Q(due_unit__in=DueUnit.values), name="service_due_unit_is_known"),
            models.CheckConstraint(condition=models.Q(priority__in=Priority.values), name="service_priority_is_known"),
            models.CheckConstraint(
                condition=models.Q(resolutions__contained_by=list(Resolution.values)),
                name="service_resolutions_are_known",
            ),
            models.CheckConstraint(
                condition=models.Q(first_response_unit__in=DueUnit.values), name="service_first_response_unit_is_known"
            ),
            models.CheckConstraint(condition=models.Q(asset__in=AssetPolicy.values), name="service_asset_is_known"),
            models.CheckConstraint(
                condition=models.Q(asset="none", asset_kind="") | (~models.Q(asset="none") & ~models.Q(asset_kind="")),
                name="service_asset_has_kind",
                violation_error_message="Say which kind of asset where the service asks for one, and only there.",
            ),
        ]
        triggers = [moves_catalogue_version("NEW.jurisdiction_id", "OLD.jurisdiction_id")]

    def __str__(self) -> str:
        return self.name


class ServiceArea(models.Model):
    """A service is offered in an area; a table of our own so that the catalogue's trigger stands on it."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE)
    area = models.ForeignKey(Area, on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["service", "area"], name="service_area_unique")]
        triggers = [
            moves_catalogue_version(
                "SELECT jurisdiction_id FROM requests311_service WHERE id = NEW.service_id",
                "SELECT jurisdiction_id FROM requests311_service WHERE id = OLD.service_id",
            )
        ]

    def __str__(self) -> str:
        return f"{self.service_id} in {self.area_id}"


class Attribute(models.Model):
    """A question that a service asks, as in Open311 ("On the street or on the kerb?")."""

    MAX_VALUES: ClassVar[int] = 200

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="attributes")
    code = models.SlugField(max_length=60)
    order = models.PositiveSmallIntegerField()
    datatype = models.CharField(max_length=15, choices=Datatype.choices)
    required = models.BooleanField(default=False)
    description = models.CharField(max_length=300, help_text="The question as a resident reads it.")
    datatype_description = models.CharField(max_length=300, blank=True, help_text="How to answer.")
    values = models.JSONField(default=list, blank=True, help_text='[{"key": "curb", "name": "At the kerb"}]')
    #: {"attribute": "position", "value": "lane"}: asked only where that one was answered so.
    depends_on = models.JSONField(null=True, blank=True)
    translations = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["order"]
        constraints = [
            models.UniqueConstraint(fields=["service", "code"], name="attribute_code_unique"),
            models.UniqueConstraint(
                fields=["service", "order"],
                name="attribute_order_unique",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(condition=models.Q(order__gte=1), name="attribute_order_from_1"),
            models.CheckConstraint(
                condition=models.Q(datatype__in=Datatype.values), name="attribute_datatype_is_known"
            ),
            models.CheckConstraint(
                condition=(models.Q(datatype__in=["singlevaluelist", "multivaluelist"]) & ~models.Q(values=[]))
                | (~models.Q(datatype__in=["singlevaluelist", "multivaluelist"]) & models.Q(values=[])),
                name="attribute_lists_have_values",
            ),
        ]
        triggers = [
            moves_catalogue_version(
                "SELECT jurisdiction_id FROM requests311_service WHERE id = NEW.service_id",
                "SELECT jurisdiction_id FROM requests311_service WHERE id = OLD.service_id",
            )
        ]

    def __str__(self) -> str:
        return self.code
