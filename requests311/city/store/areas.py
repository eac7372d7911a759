from collections.abc import Mapping

from django.db import connection, transaction
from django.db.models import ProtectedError

from geo import outlines, versions
from geo.loading import save_area
from geo.models import Area
from requests311.city.difference import Difference
from requests311.city.format import AreaRef
from requests311.city.reading import Progress
from requests311.city.shapes import Shape

Stored = dict[AreaRef, Area]


def store_root(shape: Shape, difference: Difference) -> Area:
    """The jurisdiction's own boundary."""
    old = Area.objects.filter(parent=None, kind=Area.JURISDICTION, code=shape.code).first()
    return _store(shape, old, None, difference)


def store_areas(root: Area, shapes: Mapping[AreaRef, Shape], difference: Difference, progress: Progress) -> Stored:
    """The areas within `root`, and `root` itself, by kind and code."""
    there = {AreaRef(kind=area.kind, code=area.code): area for area in Area.objects.filter(parent=root)}
    stored: Stored = {AreaRef(kind=root.kind, code=root.code): root}
    for ref, shape in progress(list(shapes.items()), "Comparing areas"):
        if ref not in stored:
            stored[ref] = _store(shape, there.get(ref), root, difference)
    return stored


def delete_other_areas(root: Area, stored: Stored, difference: Difference) -> None:
    """What the files no longer name; the last step, when nothing of the city points there any more."""
    kept = [area.pk for area in stored.values()]
    for area in Area.objects.filter(parent=root, dated=False).exclude(pk__in=kept).defer("boundary"):
        what = f"{area.kind} {area.code}"
        try:
            with transaction.atomic():
                area.delete()
        except ProtectedError:
            # Something outside the city's files still needs it. The next loading tries again.
            continue
        difference.removed(what, "deleted")


def draw_outlines(root: Area, progress: Progress) -> None:
    """Whole kinds where any area lacks them: a border is drawn for both of its sides at once."""
    versions.adopt()
    if kinds := outlines.missing(root.pk):
        for kind in progress(kinds, "Drawing outlines"):
            outlines.draw(root.pk, kind)


def tell_the_planner() -> None:
    """Fresh statistics, inside the transaction.

    Until autovacuum comes by, the planner takes the tables for empty and looks a point up without the index.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE geo_area, geo_areapiece, geo_areaversion, geo_areaoutline")


def _store(shape: Shape, old: Area | None, parent: Area | None, difference: Difference) -> Area:
    details = _details(old, shape) if old else []
    # What load_areas has loaded has days, and a city's files have none.
    if old is not None and (old.dated or not details):
        return old
    area, _ = save_area(parent=parent, kind=shape.kind, code=shape.code, name=shape.name, boundary=shape.boundary)
    what = f"{shape.kind} {shape.code}"
    if old is None:
        difference.created(f"{what} {shape.name!r}")
    else:
        difference.changed(what, details)
    return area


def _details(old: Area, shape: Shape) -> list[str]:
    details = []
    if old.name != shape.name:
        details.append(f"name: {old.name!r} → {shape.name!r}")
    if not old.boundary.equals_exact(shape.boundary):
        vertices = f"{old.boundary.num_coords} → {shape.boundary.num_coords}"
        details.append(f"boundary: redrawn ({vertices} vertices)")
    return details
