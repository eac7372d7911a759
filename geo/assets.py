"""City-owned things with a place and an id: street lights, hydrants, trees, signs."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.gis.db import models
from django.contrib.gis.geos import Point
from django.contrib.postgres.indexes import GistIndex
from django.db import connection
from django.db.models import Func, Q
from uuid_utils.compat import uuid7

_NAMED = """
SELECT a.id, a.jurisdiction_id, a.kind, a.code, a.name, a.owner, a.retired_at IS NOT NULL, ST_X(a.place), ST_Y(a.place),
    ST_Distance(geography(a.place), geography(ST_SetSRID(ST_MakePoint(%s::float8, %s::float8), 4326)))
FROM geo_asset a WHERE a.id = %s
"""


def title(kind: str, code: str) -> str:
    """The thing as people call it: "Street light 4711"."""
    return f"{kind.replace('_', ' ').replace('-', ' ').capitalize()} {code}"


@dataclass(frozen=True)
class NamedAsset:
    """What a report needs to know of the asset it names.

    `root_id` is the area of its jurisdiction, `metres` its distance from the point asked for, None without one.
    """

    id: UUID
    root_id: int
    kind: str
    code: str
    name: str
    owner: str
    retired: bool
    place: Point
    metres: float | None

    @property
    def title(self) -> str:
        return title(self.kind, self.code)


class AssetQuerySet(models.QuerySet["Asset"]):
    def named(self, id: UUID, *, near: Point | None = None) -> NamedAsset | None:
        """The asset with this id, a retired one too; one statement."""
        with connection.cursor() as cursor:
            cursor.execute(_NAMED, [near.x if near else None, near.y if near else None, id])
            row = cursor.fetchone()
        if row is None:
            return None
        id, root_id, kind, code, name, owner, retired, x, y, metres = row
        return NamedAsset(id, root_id, kind, code, name, owner, retired, Point(x, y, srid=4326), metres)


def _geography() -> Func:
    return Func("place", function="geography", output_field=models.PointField(geography=True))


class Asset(models.Model):
    """A thing as the city's own register has it, told apart by kind and code.

    What a newer file lacks is retired and never deleted: requests point at it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    jurisdiction = models.ForeignKey(
        # The unique constraint begins with it.
        "geo.Area",
        on_delete=models.PROTECT,
        related_name="assets",
        limit_choices_to={"parent": None},
        db_index=False,
    )
    kind = models.SlugField(max_length=40, db_index=False, help_text="street_light, hydrant, tree, sign …")
    code = models.CharField(max_length=60, help_text="What stands on it.")
    name = models.CharField(max_length=200, blank=True)
    # Distances are metres, so the index is on the geography below.
    place = models.PointField(srid=4326, spatial_index=False)
    owner = models.CharField(max_length=60, blank=True, help_text="Code of the department that it belongs to.")
    attributes = models.JSONField(default=dict, blank=True, help_text="The file's other fields.")
    retired_at = models.DateTimeField(null=True, blank=True)
    loaded_at = models.DateTimeField(help_text="The loading that made or last changed it.")

    objects = AssetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "kind", "code"], name="asset_code_unique"),
            models.CheckConstraint(condition=~Q(kind="") & ~Q(code=""), name="asset_has_kind_and_code"),
        ]
        indexes = [GistIndex(_geography(), condition=Q(retired_at=None), name="asset_place")]

    def __str__(self) -> str:
        return title(self.kind, self.code)
