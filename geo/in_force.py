"""Which version of an area holds on a day."""

from datetime import date

from django.db import connection

from geo.models import Area

#: SQL over the alias {0} of a table with `valid_from` and `valid_to`; its two parameters are the day.
IN_FORCE = "({0}.valid_from IS NULL OR {0}.valid_from <= %s) AND ({0}.valid_to IS NULL OR {0}.valid_to > %s)"


def take_effect(root: Area, today: date) -> int:
    """Gives the areas within `root` the name and polygon of the version that is in force today; how many changed."""
    sql = (
        "UPDATE geo_area a SET name = v.name, boundary = v.boundary, square_metres = v.square_metres"  # noqa: S608
        f" FROM geo_areaversion v WHERE v.area_id = a.id AND a.parent_id = %s AND {IN_FORCE.format('v')}"
        " AND (a.name <> v.name OR a.square_metres <> v.square_metres"
        " OR ST_AsBinary(a.boundary) <> ST_AsBinary(v.boundary))"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [root.pk, today, today])
        return int(cursor.rowcount)
