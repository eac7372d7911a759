"""Cities and people for tests.

`small_city()` is made straight through the ORM and takes some 50 ms: take it wherever any city does.
`load_nyc()` and `load_riverbend()` load the real samples (3 s and 0.1 s): for tests of the samples themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from django.contrib.gis.geos import MultiPolygon, Polygon

from accounts.models import User
from geo.loading import save_area
from geo.models import Area
from requests311.city.loading import load_city
from requests311.models import (
    Attribute,
    Datatype,
    Department,
    DueUnit,
    Jurisdiction,
    Membership,
    PhotoPolicy,
    RoutingRule,
    Service,
    ServiceArea,
    Visibility,
)
from requests311.policies import Role

SAMPLES = Path(__file__).resolve().parent.parent.parent / "samples"
#: Width and height of a small city, in degrees.
SIZE = 0.2

_number = count(1)


def load_nyc() -> Jurisdiction:
    """New York as in samples/nyc; the location of the story is (40.7081, -73.9571) in Brooklyn."""
    load_city(SAMPLES / "nyc")
    return Jurisdiction.objects.get(code="nyc")


def load_riverbend() -> Jurisdiction:
    """The made-up town of samples/riverbend; its north ward holds (38.9084, -106.0)."""
    load_city(SAMPLES / "riverbend")
    return Jurisdiction.objects.get(code="riverbend")


@dataclass
class SmallCity:
    """A square of 0.2° × 0.2° whose wards `west` and `east` meet in the middle longitude.

    Pothole goes to `roads-west` or `roads-east`, at the kerb (`position` = curb) to `parks`; streetlight and
    heating go to `roads`; graffiti has no rule and so goes to the desk; west_only is offered in `west` alone.
    """

    jurisdiction: Jurisdiction
    #: (longitude, latitude) of the south-west corner.
    origin: tuple[float, float]
    #: boundary (the jurisdiction's own), west, east.
    areas: dict[str, Area] = field(default_factory=dict)
    departments: dict[str, Department] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)

    def point_in(self, ward: str) -> tuple[float, float]:
        """(latitude, longitude) of the middle of the ward `west` or `east`."""
        longitude = self.origin[0] + SIZE * {"west": 0.25, "east": 0.75}[ward]
        return round(self.origin[1] + SIZE / 2, 6), round(longitude, 6)

    def border_point(self) -> tuple[float, float]:
        """(latitude, longitude) of a point on the border of the two wards."""
        return round(self.origin[1] + SIZE / 2, 6), round(self.origin[0] + SIZE / 2, 6)

    def point_outside(self) -> tuple[float, float]:
        """(latitude, longitude) of a point 0.05° west of the city."""
        return round(self.origin[1] + SIZE / 2, 6), round(self.origin[0] - 0.05, 6)


def small_city(code: str = "smallville", origin: tuple[float, float] = (-100.0, 40.0)) -> SmallCity:
    """A whole city with the given code; `origin` is the (longitude, latitude) of its south-west corner.

    Two small cities with different codes and origins more than 0.2° apart are neighbours.
    """
    west, south = origin
    middle, east, north = west + SIZE / 2, west + SIZE, south + SIZE
    name = code.capitalize()
    boundary = _area(None, Area.JURISDICTION, code, name, (west, south, east, north))
    jurisdiction = Jurisdiction.objects.create(
        code=code,
        name=name,
        boundary=boundary,
        time_zone="America/Chicago",
        languages=["en", "es"],
        holidays_country="US",
    )
    city = SmallCity(jurisdiction, origin)
    city.areas = {
        "boundary": boundary,
        "west": _area(boundary, "ward", "west", "West Ward", (west, south, middle, north)),
        "east": _area(boundary, "ward", "east", "East Ward", (middle, south, east, north)),
    }
    _add_departments(city)
    _add_services(city)
    _add_attributes(city)
    _add_rules(city)
    # The database's triggers moved it with every row.
    jurisdiction.refresh_from_db()
    return city


def person(
    email: str | None = None,
    role: Role | str | None = None,
    city: SmallCity | Jurisdiction | None = None,
    department: Department | str | None = None,
    *,
    password: str | None = None,
) -> User:
    """A guest, or with an e-mail address a registered person, who with a role works for the city.

    A person with a role and no address gets one. Crews and managers need a department (a code will do).
    Without a password nobody can sign in by one; hashing it is what takes time.
    """
    if email is None and role is None:
        return User.objects.create_guest()
    user = User.objects.create_user(email or f"{role}-{next(_number)}@example.org", password)
    if role is not None:
        assert city is not None, "a role is held in a city"
        jurisdiction = city.jurisdiction if isinstance(city, SmallCity) else city
        if isinstance(department, str):
            department = Department.objects.get(jurisdiction=jurisdiction, code=department)
        Membership.objects.create(user=user, jurisdiction=jurisdiction, department=department, role=Role(role).value)
    return user


def _area(parent: Area | None, kind: str, code: str, name: str, box: tuple[float, float, float, float]) -> Area:
    shape = MultiPolygon(Polygon.from_bbox(box), srid=4326)
    area, _ = save_area(parent=parent, kind=kind, code=code, name=name, boundary=shape)
    return area


def _add_departments(city: SmallCity) -> None:
    def add(code: str, name: str, parent: str | None = None, *, desk: bool = False) -> None:
        city.departments[code] = Department.objects.create(
            jurisdiction=city.jurisdiction,
            code=code,
            name=name,
            parent=city.departments[parent] if parent else None,
            is_dispatch_desk=desk,
        )

    add("desk", "Dispatch Desk", desk=True)
    add("roads", "Roads Department")
    add("roads-west", "Roads – West Yard", "roads")
    add("roads-east", "Roads – East Yard", "roads")
    add("parks", "Parks Department")


def _add_services(city: SmallCity) -> None:
    def add(code: str, name: str, group: str, **fields: Any) -> None:
        city.services[code] = Service.objects.create(
            jurisdiction=city.jurisdiction, code=code, name=name, group=group, **fields
        )

    spanish = {"es": {"name": "Bache", "description": "Un hoyo en la calle.", "group": "Calles"}}
    add(
        "pothole",
        "Pothole",
        "Streets",
        description="A hole in the road.",
        keywords=["hole", "road"],
        translations=spanish,
        due_after=3,
        due_unit=DueUnit.WORKING_DAYS,
    )
    add("streetlight", "Street light out", "Streets", due_after=10, due_unit=DueUnit.CALENDAR_DAYS)
    add("graffiti", "Graffiti", "Cleanliness", photo=PhotoPolicy.REQUIRED)
    add("heating", "No heating", "Housing", visibility=Visibility.PRIVATE, due_after=24, due_unit=DueUnit.HOURS)
    add("west_only", "Canal overgrown", "Water", photo=PhotoPolicy.NONE)
    ServiceArea.objects.create(service=city.services["west_only"], area=city.areas["west"])


def _add_attributes(city: SmallCity) -> None:
    def add(service: str, order: int, code: str, datatype: Datatype, description: str, **fields: Any) -> None:
        Attribute.objects.create(
            service=city.services[service],
            order=order,
            code=code,
            datatype=datatype,
            description=description,
            **fields,
        )

    add(
        "pothole",
        1,
        "position",
        Datatype.SINGLEVALUELIST,
        "Lane or kerb?",
        values=_values(("lane", "In a lane"), ("curb", "At the kerb")),
        translations={
            "es": {"description": "¿Carril o bordillo?", "values": {"lane": "En un carril", "curb": "En el bordillo"}}
        },
    )
    add("pothole", 2, "depth_cm", Datatype.NUMBER, "How deep?", datatype_description="Centimetres.")
    add(
        "pothole",
        3,
        "lane_number",
        Datatype.NUMBER,
        "Which lane, counted from the kerb?",
        required=True,
        depends_on={"attribute": "position", "value": "lane"},
    )
    add("streetlight", 1, "pole_id", Datatype.STRING, "Number on the pole", required=True)


def _values(*pairs: tuple[str, str]) -> Sequence[dict[str, str]]:
    return [{"key": key, "name": name} for key, name in pairs]


def _add_rules(city: SmallCity) -> None:
    def add(service: str, department: str, area: str | None = None, attribute: str = "", value: str = "") -> None:
        RoutingRule.objects.create(
            jurisdiction=city.jurisdiction,
            service=city.services[service],
            department=city.departments[department],
            area=city.areas[area] if area else None,
            attribute=attribute,
            value=value,
        )

    add("pothole", "roads-west", area="west")
    add("pothole", "roads-east", area="east")
    add("pothole", "parks", attribute="position", value="curb")
    add("streetlight", "roads")
    add("heating", "roads")
