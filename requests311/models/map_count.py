"""How many public requests lie where: what the map reads instead of the requests themselves.

`MapChange` is the journal that triggers on the requests write, `MapCount` and `HeatCount` are what
`requests311.map.counts.fold` adds it up to. A read is the counts plus the journal: exact at every moment.

Places are in the world's own units: the square of Web Mercator (EPSG:3857) from its north-west corner,
2^30 units a side, about four centimetres each. A cell of level n is the tile of zoom n.
"""

from django.db import models


class MapChange(models.Model):
    """One public request more (n = 1) or less (n = -1), not yet in the counts.

    Only ever appended to by requests, so that no two submits wait for one another; no foreign keys, for
    speed and because what it counts may be gone.
    """

    id = models.BigAutoField(primary_key=True)
    world_x = models.IntegerField()
    world_y = models.IntegerField()
    service_id = models.BigIntegerField()
    status = models.CharField(max_length=12)
    day = models.IntegerField(help_text="UTC days since 1970 of its submission.")
    n = models.SmallIntegerField()

    class Meta:
        indexes = [models.Index(fields=["world_x", "world_y"], name="map_change_place")]

    def __str__(self) -> str:
        return f"{self.n:+d} {self.status} of service {self.service_id}"


class MapCount(models.Model):
    """How many requests a cell holds, by service, status and block of days.

    `span` is the length of a block in days, `block` its number since 1970; span 0 is all time, block 0.
    `sum_x` and `sum_y` are the sums of the places, for the middle of them.
    """

    pk = models.CompositePrimaryKey("level", "span", "block", "x", "y", "service_id", "status")
    level = models.SmallIntegerField()
    span = models.SmallIntegerField()
    block = models.IntegerField()
    x = models.IntegerField()
    y = models.IntegerField()
    service_id = models.BigIntegerField()
    status = models.CharField(max_length=12)
    n = models.IntegerField()
    sum_x = models.BigIntegerField()
    sum_y = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.n} in {self.level}/{self.x}/{self.y}"


class HeatCount(models.Model):
    """How many requests of a jurisdiction lie in a hexagon; `i` and `j` as PostGIS' ST_Hexagon counts them."""

    pk = models.CompositePrimaryKey("resolution", "i", "j", "jurisdiction_id")
    resolution = models.SmallIntegerField()
    i = models.IntegerField()
    j = models.IntegerField()
    jurisdiction_id = models.BigIntegerField()
    n = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.n} in hexagon {self.resolution}/{self.i}/{self.j}"
