from datetime import date
from math import inf

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from geo.models import Area
from requests311.models.catalogue_triggers import moves_catalogue_version
from requests311.models.department import Department
from requests311.models.jurisdiction import Jurisdiction
from requests311.models.service import Datatype, Service


class RoutingRule(models.Model):
    """Service or group × area × kind of asset × answer to an attribute → department, with dates and rank.

    Two rules of which neither is more specific
    are a tie, and a tie is refused here, when the second is saved.
    """

    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.PROTECT, related_name="routing_rules")
    service = models.ForeignKey(Service, null=True, blank=True, on_delete=models.CASCADE, related_name="rules")
    group = models.CharField(max_length=80, blank=True, help_text="A service group, where no service is named.")
    area = models.ForeignKey(Area, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    asset_kind = models.SlugField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        db_index=False,
        help_text="Only where it names such a thing.",
    )
    attribute = models.SlugField(max_length=60, blank=True)
    value = models.CharField(max_length=200, blank=True, help_text="The answer that the attribute must have.")
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="rules")
    rank = models.SmallIntegerField(default=0, help_text="The higher rank wins before anything else is compared.")
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True, help_text="The last day, inclusive.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(service=None) | Q(group=""), name="rule_has_service_or_group"),
            models.CheckConstraint(
                condition=Q(attribute="", value="") | (~Q(attribute="") & ~Q(value="") & Q(service__isnull=False)),
                name="rule_attribute_has_value_and_service",
            ),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_to=None) | Q(valid_from__lte=models.F("valid_to")),
                name="rule_dates_in_order",
            ),
            # What clean() refuses for a person, this refuses for a race.
            models.UniqueConstraint(
                fields=[
                    "jurisdiction",
                    "service",
                    "group",
                    "area",
                    "asset_kind",
                    "attribute",
                    "value",
                    "rank",
                    "valid_from",
                ],
                nulls_distinct=False,
                name="rule_is_not_written_twice",
            ),
        ]
        triggers = [moves_catalogue_version("NEW.jurisdiction_id", "OLD.jurisdiction_id")]

    def __str__(self) -> str:
        what = self.service.name if self.service else self.group or "every service"
        where = f" in {self.area.name}" if self.area else ""
        thing = f" about a {self.asset_kind}" if self.asset_kind else ""
        answer = f" where {self.attribute} is {self.value}" if self.attribute else ""
        return f"{what}{where}{thing}{answer} → {self.department.name}"

    def specificity(self) -> tuple[int, int, bool, bool, float]:
        """Of the rules that fit a report, the greatest wins.

        Rank first, then a service over its group over everything, then a rule that asks for an asset, then one
        that asks for an answer, then the smaller area.
        """
        target = 2 if self.service_id else 1 if self.group else 0
        size = self.area.square_metres if self.area else inf
        return self.rank, target, bool(self.asset_kind), bool(self.attribute), -size

    def clean(self) -> None:
        """Refuses a rule that cannot be read, that reaches into another jurisdiction, or that ties."""
        self._refuse_foreign_parts()
        if self.attribute and self.service is not None:
            self._refuse_unknown_answer(self.service)
        if self.asset_kind and self.service is not None and self.service.asset_kind != self.asset_kind:
            raise ValidationError({"asset_kind": f"Reports of {self.service.name} never name a {self.asset_kind}."})
        tie = next((other for other in self._rivals() if self.ties_with(other)), None)
        if tie is not None:
            raise ValidationError(
                f"Ties with rule {tie.pk} ({tie}): both fit the same report and neither is more specific. "
                "Give one a higher rank, or dates that do not overlap."
            )

    def _refuse_foreign_parts(self) -> None:
        if self.service is not None and self.service.jurisdiction_id != self.jurisdiction_id:
            raise ValidationError({"service": "Belongs to another jurisdiction."})
        if self.department.jurisdiction_id != self.jurisdiction_id:
            raise ValidationError({"department": "Belongs to another jurisdiction."})
        root = self.jurisdiction.boundary_id
        if self.area is not None and root not in (self.area.pk, self.area.parent_id):
            raise ValidationError({"area": "Belongs to another jurisdiction."})

    def _refuse_unknown_answer(self, service: Service) -> None:
        attribute = service.attributes.filter(code=self.attribute).first()
        if attribute is None:
            raise ValidationError({"attribute": f"{service.name} has no attribute {self.attribute!r}."})
        keys = [value["key"] for value in attribute.values]
        if keys and self.value not in keys:
            raise ValidationError({"value": f"{self.attribute} has no value {self.value!r}; it has {', '.join(keys)}."})

    def _rivals(self) -> models.QuerySet["RoutingRule"]:
        return (
            RoutingRule.objects.filter(
                jurisdiction=self.jurisdiction, service=self.service, group=self.group, rank=self.rank
            )
            .exclude(pk=self.pk)
            .select_related("area", "service", "department")
            .defer("area__boundary")
            .order_by("pk")
        )

    def ties_with(self, other: "RoutingRule") -> bool:
        """Both could fit one report, and `specificity` cannot tell them apart."""
        # A report names one thing at most, and the rule that asks for one is more specific.
        same_kind = self.asset_kind == other.asset_kind
        return same_kind and self._both_answers_can_hold(other) and self._same_size(other) and self._overlaps(other)

    def _both_answers_can_hold(self, other: "RoutingRule") -> bool:
        if self.attribute == other.attribute and self.value == other.value:
            return True
        if not self.attribute or not other.attribute:
            # One asks for an answer and the other does not: the one that asks is more specific.
            return False
        # Answers to two questions may both be given; of one question only where it takes several.
        return self.attribute != other.attribute or self._takes_several()

    def _takes_several(self) -> bool:
        return self.service is not None and any(
            attribute.code == self.attribute and attribute.datatype == Datatype.MULTIVALUELIST
            for attribute in self.service.attributes.all()
        )

    def _same_size(self, other: "RoutingRule") -> bool:
        if self.area is None or other.area is None:
            return self.area is other.area
        if self.area_id == other.area_id:
            return True
        # Two areas of one kind never hold the same point; two of different kinds tie where they are equal.
        return self.area.kind != other.area.kind and self.area.square_metres == other.area.square_metres

    def _overlaps(self, other: "RoutingRule") -> bool:
        return (self.valid_from or date.min) <= (other.valid_to or date.max) and (other.valid_from or date.min) <= (
            self.valid_to or date.max
        )
