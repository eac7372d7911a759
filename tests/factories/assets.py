"""Street lights for tests."""

from typing import Any

from django.contrib.gis.geos import Point
from django.utils import timezone

from geo.models import Asset
from requests311.models import Service
from tests.factories.cities import SmallCity

#: Degrees of latitude that are a hundred metres, within half a percent.
HUNDRED_METRES = 100 / 111_100


def light(
    city: SmallCity,
    code: str = "4711",
    *,
    ward: str = "west",
    north: float = 0,
    kind: str = "street_light",
    **more: Any,
) -> Asset:
    """A thing in the middle of a ward, or `north` metres north of it."""
    latitude, longitude = city.point_in(ward)
    place = Point(longitude, latitude + north / 100 * HUNDRED_METRES, srid=4326)
    values = {"jurisdiction": city.areas["boundary"], "place": place, "loaded_at": timezone.now()}
    return Asset.objects.create(kind=kind, code=code, **{**values, **more})


def asks_for(city: SmallCity, policy: str, kind: str = "street_light", *, service: str = "pothole") -> None:
    """The service asks for one of the city's things from now on."""
    Service.objects.filter(pk=city.services[service].pk).update(asset=policy, asset_kind=kind)
    city.services[service].refresh_from_db()
