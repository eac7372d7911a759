"""Drawings for every zoom: coarser and coarser, and neighbours never part."""

import pytest
import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon

from geo import outlines
from geo.drawings import ZOOMS, drawn_for
from geo.loading import as_multipolygon, save_area
from geo.models import Area, AreaOutline
from tests.geo.shapes import both_sides, flower, jagged_border

#: Square degrees; the acceptance bound for a gap or an overlap of neighbours.
NOTHING = 1e-9


def three_neighbours() -> list[MultiPolygon]:
    """West and east of a border with 4,000 points, and a third one north of both."""
    border = jagged_border(3, x=-100.0, south=39.9, north=40.1, vertices=4000)
    west, east = both_sides(border, west=-100.2, east=-99.8)
    corners = [(-100.2, 40.1), (-100.0, 40.1), (-99.8, 40.1), (-99.8, 40.2), (-100.2, 40.2), (-100.2, 40.1)]
    return [west, east, MultiPolygon(type(west[0])(corners), srid=4326)]


def as_shapely(shape: MultiPolygon) -> shapely.MultiPolygon:
    return shapely.from_wkb(bytes(shape.wkb))


def drawn(kind: str, zoom: int) -> dict[str, shapely.MultiPolygon]:
    rows = AreaOutline.objects.filter(zoom=zoom, version__area__kind=kind).select_related("version__area")
    return {row.version.area.code: as_shapely(row.shape) for row in rows}


@pytest.fixture
def root(db: None) -> Area:
    root, _ = save_area(parent=None, kind="jurisdiction", code="r", name="R", boundary=flower(vertices=40, radius=1))
    for code, shape in zip("wen", three_neighbours(), strict=True):
        save_area(parent=root, kind="ward", code=code, name=code, boundary=shape)
    outlines.draw(root.pk, "ward")
    return root


@pytest.mark.parametrize("zoom", ZOOMS)
def test_shared_borders_stay_shared(root: Area, zoom: int) -> None:
    found = drawn("ward", zoom)
    shapes = [found[code] for code in "wen"]
    assert shapely.coverage_is_valid(shapes)
    assert shapely.is_valid(shapes).all()
    whole = shapely.union_all(shapes)
    # No overlap: the parts are as large as the whole. No gap: the whole has no hole, and is the square it was.
    assert shapely.area(shapes).sum() == pytest.approx(whole.area, abs=NOTHING)
    assert shapely.get_num_interior_rings(shapely.get_parts(whole)).sum() == 0
    if zoom >= 8:
        assert whole.symmetric_difference(shapely.box(-100.2, 39.9, -99.8, 40.2)).area < NOTHING
    # The border itself, and not only its ends.
    assert found["w"].intersection(found["e"]).length == pytest.approx(
        shapely.intersection(found["w"].boundary, found["e"].boundary).length
    )


def test_one_by_one_they_would_part() -> None:
    """Or the test above would be content with any simplification."""
    west, east, _ = (as_shapely(shape) for shape in three_neighbours())
    alone = [shapely.simplify(shape.normalize(), 0.01) for shape in (west, east)]
    assert abs(shapely.area(alone).sum() - shapely.union_all(alone).area) > NOTHING or not shapely.coverage_is_valid(
        alone
    )


def test_every_zoom_is_coarser_than_the_next(root: Area) -> None:
    counts = [sum(AreaOutline.objects.filter(zoom=zoom).values_list("vertices", flat=True)) for zoom in ZOOMS]
    assert counts == sorted(counts)
    assert counts[0] < 40
    assert counts[-1] > 8000
    for row in AreaOutline.objects.all():
        assert row.vertices == row.shape.num_coords


def test_borders_that_nearly_meet_are_drawn_as_one(db: None) -> None:
    """A neighbour with a point more on the border, and a sliver between them: what real files are like."""
    root, _ = save_area(parent=None, kind="jurisdiction", code="r", name="R", boundary=flower(vertices=40, radius=1))
    for code, wkt in (
        ("a", "POLYGON((-100.2 39.9, -100 39.9, -100 40.1, -100.2 40.1, -100.2 39.9))"),
        ("b", "POLYGON((-100 39.9, -99.8 39.9, -99.8 40.1, -100 40.1, -100.0000001 40, -100 39.9))"),
    ):
        shape = as_multipolygon(GEOSGeometry(wkt, srid=4326))
        save_area(parent=root, kind="ward", code=code, name=code, boundary=shape)
    outlines.draw(root.pk, "ward")
    for zoom in ZOOMS:
        assert shapely.coverage_is_valid(list(drawn("ward", zoom).values()))


def test_an_area_upon_another_is_drawn_too() -> None:
    square = shapely.box(0, 0, 1, 1)
    for _, shapes in outlines.simplified([square, square]):
        assert not shapely.is_empty(shapes).any()


def test_what_is_missing_is_known(root: Area) -> None:
    assert outlines.missing(root.pk) == ["jurisdiction"]
    outlines.draw(root.pk, "jurisdiction")
    assert outlines.missing(root.pk) == []
    save_area(parent=root, kind="ward", code="w", name="W", boundary=flower(vertices=50))
    assert outlines.missing(root.pk) == ["ward"]
    assert (root.pk, "ward") in outlines.kinds()


def test_too_many_vertices_together(root: Area, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "VERTICES_AT_MOST", 100)
    with pytest.raises(outlines.TooManyVertices, match="mapshaper"):
        outlines.draw(root.pk, "ward")


@pytest.mark.parametrize(("zoom", "expected"), [(0, 4), (4, 4), (5, 6), (10, 10), (17, 18), (18, 18), (20, 18)])
def test_which_drawing_serves_a_zoom(zoom: int, expected: int) -> None:
    assert drawn_for(zoom) == expected
