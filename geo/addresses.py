"""Address points of a jurisdiction, and the streets they stand in."""

from django.contrib.gis.db import models
from django.contrib.postgres.indexes import GistIndex, OpClass
from django.db.models import F, Q


class Street(models.Model):
    """A street with the part of the city it is in, as often as its addresses name different ones.

    Searching goes through streets, since a city has some thousands of them and a million addresses (ADR 12).
    """

    jurisdiction = models.ForeignKey("geo.Area", on_delete=models.CASCADE, related_name="streets", db_index=False)
    name = models.CharField(max_length=200)
    city = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=100, blank=True)
    postcode = models.CharField(max_length=20, blank=True)
    search = models.TextField(help_text="Name, city, region and postcode, folded (geo.street_names).")
    core = models.TextField(help_text="What tells it from other streets, folded.")
    trigrams = models.PositiveIntegerField(help_text="How many pg_trgm finds in `search`.")
    place = models.PointField(srid=4326, spatial_index=False, help_text="In the middle of its addresses.")

    class Meta:
        ordering = ["name", "city", "postcode"]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "name", "city", "region", "postcode"], name="street_written_once"
            ),
            models.CheckConstraint(condition=~Q(core=""), name="street_has_a_name"),
        ]
        indexes = [GistIndex(OpClass(F("core"), name="gist_trgm_ops(siglen=64)"), name="street_core")]

    def __str__(self) -> str:
        return ", ".join(part for part in (self.name, self.city, self.postcode) if part)


class Address(models.Model):
    """A place that has an address. Rows are written by geo.address_loading alone."""

    jurisdiction = models.ForeignKey("geo.Area", on_delete=models.CASCADE, related_name="addresses", db_index=False)
    code = models.CharField(max_length=100, help_text="The source's own id, or a digest of what the address says.")
    street = models.ForeignKey(Street, on_delete=models.CASCADE, related_name="addresses", db_index=False)
    number = models.CharField(max_length=50, blank=True, help_text="House number as people read it.")
    number_search = models.CharField(max_length=50, blank=True, db_collation="C", help_text="House number, folded.")
    unit = models.CharField(max_length=50, blank=True)
    label = models.CharField(max_length=500, help_text="The whole address as people read it.")
    place = models.PointField(srid=4326)

    class Meta:
        verbose_name_plural = "addresses"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "code"], name="address_code_unique"),
            models.CheckConstraint(condition=~Q(code="") & ~Q(label=""), name="address_has_code_and_label"),
        ]
        indexes = [models.Index(fields=["street", "number_search"], name="address_number")]

    def __str__(self) -> str:
        return self.label
