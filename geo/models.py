"""Places. Coordinates are WGS 84 longitude/latitude in degrees (EPSG:4326); lengths are metres."""

from datetime import date
from typing import ClassVar

from django.contrib.gis.db import models
from django.contrib.gis.db.models.functions import Distance, GeometryDistance
from django.contrib.gis.geos import Point
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.contrib.postgres.indexes import GistIndex
from django.db.models import F, Func, Q
from django.db.models.expressions import Expression

#: About a tenth of a millimetre, in degrees: subdividing moves a border by less than this, so a point
#: on a border is found on both sides and the tie is broken by rule, never by rounding.
BORDER_TOLERANCE_DEGREES = 1e-9
#: Jurisdictions that are measured exactly when a point lies outside all of them.
NEAREST_BY_DEGREES = 20


def _in_force(on: date | Expression) -> Q:
    """Rows with `valid_from` and `valid_to` that hold on that day; no date there means without an end."""
    return (Q(valid_from=None) | Q(valid_from__lte=on)) & (Q(valid_to=None) | Q(valid_to__gt=on))


class Days(Func):
    """The days on which a row is in force, as a range that two versions of one area may not share."""

    function = "daterange"
    output_field = DateRangeField()


class AreaQuerySet(models.QuerySet["Area"]):
    def covering(self, point: Point, *, on: date | Expression) -> "AreaQuerySet":
        """Areas whose polygon of that day holds the point, borders included; on a border that is both sides.

        `on` is the local day of the place, or an expression over AreaPiece that gives it.
        """
        pieces = AreaPiece.objects.filter(_in_force(on), shape__dwithin=(point, BORDER_TOLERANCE_DEGREES))
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

    The areas of one kind within one jurisdiction are a partition: a point lies in one of them at most. An area is
    what rules and services point at; its name and polygon are those of the version in force, and stay those of the
    last one when it is no more.
    """

    JURISDICTION: ClassVar[str] = "jurisdiction"

    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="parts")
    kind = models.SlugField(max_length=40, help_text="jurisdiction, borough, community_district, ward …")
    code = models.CharField(max_length=60)
    name = models.CharField(max_length=200)
    boundary = models.MultiPolygonField(srid=4326)
    square_metres = models.FloatField(help_text="Measured on the ellipsoid; the smaller area is the more specific.")
    dated = models.BooleanField(
        default=False, db_default=False, help_text="Its versions come from load_areas; load_city leaves it alone."
    )

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


class AreaVersion(models.Model):
    """Name and polygon of an area from one day until the day before another.

    `valid_from` is the first day and None where it has always been so; `valid_to` is the first day on which it is no
    longer so and None where no end is known. Days are those of the jurisdiction's own calendar.
    """

    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="versions")
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    name = models.CharField(max_length=200)
    boundary = models.MultiPolygonField(srid=4326, spatial_index=False)
    square_metres = models.FloatField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="area_version_one_a_day",
                expressions=[("area", RangeOperators.EQUAL), (Days("valid_from", "valid_to"), RangeOperators.OVERLAPS)],
            ),
            models.CheckConstraint(condition=Q(valid_from__lt=F("valid_to")), name="area_version_lasts_a_day"),
            models.CheckConstraint(condition=Q(square_metres__gt=0), name="area_version_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.valid_from or '…'} – {self.valid_to or '…'})"


class AreaPiece(models.Model):
    """A small part of a version's polygon (ST_Subdivide), so that point-in-area is an index look-up.

    The days are the version's own, written again so that the look-up joins nothing.
    """

    area = models.ForeignKey(Area, on_delete=models.CASCADE, related_name="pieces")
    version = models.ForeignKey(AreaVersion, null=True, on_delete=models.CASCADE, related_name="pieces")
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    shape = models.PolygonField(srid=4326)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(valid_from__lt=F("valid_to")), name="area_piece_lasts_a_day")]

    def __str__(self) -> str:
        return f"piece of area {self.area_id}"


class AreaOutline(models.Model):
    """A version's polygon drawn for one zoom: no finer than a screen shows, borders shared with its neighbours.

    Neighbours change the points that a border keeps, so the days are those of a whole kind's drawing and not only of
    the version. `zoom` is one of geo.drawings.ZOOMS.
    """

    version = models.ForeignKey(AreaVersion, on_delete=models.CASCADE, related_name="outlines")
    zoom = models.PositiveSmallIntegerField()
    valid_from = models.DateField(null=True, blank=True)
    valid_to = models.DateField(null=True, blank=True)
    vertices = models.PositiveIntegerField()
    shape = models.MultiPolygonField(srid=4326, spatial_index=False)

    class Meta:
        indexes = [GistIndex(fields=["zoom", "shape"], name="area_outline_place")]
        constraints = [
            ExclusionConstraint(
                name="area_outline_one_a_day",
                expressions=[
                    ("version", RangeOperators.EQUAL),
                    ("zoom", RangeOperators.EQUAL),
                    (Days("valid_from", "valid_to"), RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(condition=Q(valid_from__lt=F("valid_to")), name="area_outline_lasts_a_day"),
        ]

    def __str__(self) -> str:
        return f"outline of version {self.version_id} at zoom {self.zoom}"


from geo.addresses import Address as Address  # noqa: E402  (they refer to Area)
from geo.addresses import Street as Street  # noqa: E402
from geo.assets import Asset as Asset  # noqa: E402  (its file; it refers to Area)
