"""Places. Coordinates are WGS 84 longitude/latitude in degrees (EPSG:4326); lengths are metres."""

from typing import ClassVar

from django.contrib.gis.db import models
from django.contrib.gis.db.models.functions import Distance, GeometryDistance
from django.contrib.gis.geos import Point
from django.db.models import Q

#: About a tenth of a millimetre, in degrees: subdividing moves a border by less than this, so a point
#: on a border is found on both sides and the tie is broken by rule, never by rounding.
BORDER_TOLERANCE_DEGREES = 1e-9
#: Jurisdictions that are measured exactly when a point lies outside all of them.
NEAREST_BY_DEGREES = 20


class AreaQuerySet(models.QuerySet["Area"]):
    def covering(self, point: Point) -> "AreaQuerySet":
        """Areas whose polygon holds the point, borders included; on a border that is both sides."""
        pieces = AreaPiece.objects.filter(shape__dwithin=(point, BORDER_TOLERANCE_DEGREES))
        return self.filter(pk__in=pieces.values("area_id"))

    def nearest_root(self, point: Point) -> "Area | None":
        """The jurisdiction closest to the point, annotated with `metres` (on the ellipsoid); None if none is loaded."""
        # KNN on the index picks some by degrees; true metres decide among those. A degree of longitude is
        # shorter than one of latitude, so the nearest by metres may well be the tenth by degrees.
        roots = self.filter(parent=None)
        close = roots.annotate(degrees=GeometryDistance("boundary", point)).order_by("degrees")
        return (
            roots.filter(pk__in=list(close.values_list("pk", flat=True)[:NEAREST_BY_DEGREES]))
            .annotate(metres=Distance("boundary", point, spheroid=True))
            .order_by("metres", "code")
            .first()
        )


class Area(models.Model):
    """A named polygon: a jurisdiction's own boundary (no parent), or a part of it by kind.

    The areas of one kind within one jurisdiction are a partition: a point lies in one of them at most.
    """

    JURISDICTION: ClassVar[str] = "jurisdiction"

    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="parts")
    kind = models.SlugField(max_length=40, help_text="jurisdiction, borough, community_district, ward …")
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    boundary = models.MultiPolygonField(srid=4326)
    square_metres = models.FloatField(help_text="Measured on the ellipsoid; the smaller area is the more specific.")

    objects = AreaQuerySet.as_manager()

    class Meta:
        ordering = ["kind", "code"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "kind", "code"], name="area_code_unique"),
            models.UniqueConstraint(fields=["code"], condition=Q(parent=None), name="area_root_code_unique"),
            models.CheckConstraint(
                condition=Q(parent=None, kind="jurisdiction") | (Q(parent__isnull=False) & ~Q(kind="jurisdiction")),
                name="area_root_is_jurisdiction",
            ),
            models.CheckConstraint(condition=Q(square_metres__gt=0), name="area_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind} {self.code})"


class AreaPiece(models.Model):
    """A small part of an area's polygon (ST_Subdivide), so that point-in-area is an index look-up."""

    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="pieces")
    shape = models.PolygonField(srid=4326)

    def __str__(self) -> str:
        return f"piece of area {self.area_id}"


from geo.addresses import Address as Address  # noqa: E402  (they refer to Area)
from geo.addresses import Street as Street  # noqa: E402
