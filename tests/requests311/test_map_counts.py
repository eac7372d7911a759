"""Counts plus journal are the truth at every moment: under random changes, while folding, after a crash between."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from requests311.map import counts
from requests311.map.filters import Filters
from requests311.map.tiles import shown_level, tile
from requests311.models import HeatCount, MapChange, MapCount, ServiceRequest
from requests311.tasks import fold_map_journal
from tests.api.asking import in_parallel
from tests.factories.cities import SmallCity, small_city
from tests.requests311.map_rows import anywhere, clusters_of, moment, public, put, put_all, several, tile_of, unpacked

MIDDLE = (-99.9, 40.1)
FILTERS: list[Callable[[], Filters]] = [
    Filters,
    lambda: Filters(status=["submitted", "closed"]),
    lambda: Filters(service=["pothole", "graffiti"]),
    lambda: Filters(group=["Streets"]),
    lambda: Filters(service=["unknown"]),
    *[lambda days=days: Filters(since=moment(days)) for days in (-1, 0.5, 20, 64, 300, 512, 1100, 2400, 40_000)],
    lambda: Filters(status=["closed"], service=["pothole"], group=["Streets"], since=moment(700)),
]


def shown(place: Any, filters: Filters) -> list[tuple[Any, ...]]:
    layer = unpacked(tile(place, filters)).get("clusters", [])
    return [(f["count"], f["open"], f["closed"], f["group"], f["group_count"]) for f in layer]


def check_everything(zooms: tuple[int, ...] = (0, 9, 10, 11, 13)) -> None:
    seen = public()
    for make in FILTERS:
        filters = make()
        for z in zooms:
            place = tile_of(*MIDDLE, z)
            assert shown(place, filters) == clusters_of(seen, filters, place, shown_level(z)), (z, filters)


@pytest.fixture
def city(db: None) -> SmallCity:
    return small_city()


def change_something(city: SmallCity, dice: random.Random) -> None:
    rows = list(ServiceRequest.objects.order_by("pk"))
    kind = dice.randrange(6)
    some = dice.sample(rows, min(len(rows), dice.randrange(1, 8)))
    chosen = ServiceRequest.objects.filter(pk__in=[row.pk for row in some])
    if kind == 0 or not rows:
        put_all([anywhere(city, dice) for _ in range(dice.randrange(1, 30))])
    elif kind == 1:
        closed = dice.random() < 0.5
        chosen.update(status="closed" if closed else "in_progress", closed_at=timezone.now() if closed else None)
    elif kind == 2:
        chosen.update(visibility=dice.choice(["public", "private"]))
    elif kind == 3:
        chosen.update(service=city.services[dice.choice(["pothole", "west_only"])])
    elif kind == 4:
        chosen.update(location=anywhere(city, dice).location, submitted_at=moment(dice.random() * 1500))
    else:
        chosen.delete()


@pytest.mark.parametrize("seed", range(3))
def test_exact_under_random_changes_and_folds(city: SmallCity, seed: int) -> None:
    dice = random.Random(seed)
    put_all([anywhere(city, dice) for _ in range(60)])
    for _ in range(25):
        change_something(city, dice)
        if dice.random() < 0.4:
            counts.fold(dice.choice([1, 5, 1000]))
    check_everything()
    while counts.fold():
        pass
    assert not MapChange.objects.exists()
    assert not MapCount.objects.filter(n__lte=0).exists()
    check_everything((9, 12))
    folded = set(MapCount.objects.values_list())
    warm = set(HeatCount.objects.exclude(n=0).values_list())
    assert counts.recount() == len(public())
    assert set(MapCount.objects.values_list()) == folded
    assert set(HeatCount.objects.values_list()) == warm


def test_a_moment_divides_to_the_microsecond(city: SmallCity) -> None:
    row = put(city, *MIDDLE, days=200)
    for counted in (False, True):
        if counted:
            counts.fold()
        for z in (5, 13):
            place = tile_of(*MIDDLE, z)
            assert len(shown(place, Filters(since=row.submitted_at))) == 1
            assert shown(place, Filters(since=row.submitted_at + timedelta(microseconds=1))) == []


@pytest.mark.parametrize("block_days", [64, 512])
def test_blocks_meet_without_gap_or_overlap(city: SmallCity, block_days: int) -> None:
    """One request in each of the hours around every border of blocks, since before and after each."""
    border = datetime.fromtimestamp(40 * 512 * 86400, tz=timezone.get_current_timezone())
    borders = [border - timedelta(days=block_days), border, border + timedelta(days=64)]
    hours = [at + timedelta(hours=hour) for at in borders for hour in (-1, 0, 1)]
    rows = [put(city, *MIDDLE) for _ in hours]
    for row, at in zip(rows, hours, strict=True):
        ServiceRequest.objects.filter(pk=row.pk).update(submitted_at=at)
    counts.fold()
    for at in hours:
        for since in (at, at - timedelta(minutes=1), at + timedelta(minutes=1)):
            expected = sum(hour >= since for hour in hours)
            assert sum(f[0] for f in shown(tile_of(*MIDDLE, 4), Filters(since=since))) == expected


def test_a_hidden_request_is_gone_at_once(city: SmallCity) -> None:
    row = put(city, *MIDDLE)
    counts.fold()
    for z in (0, 13, 14, 18):
        assert tile(tile_of(*MIDDLE, z), Filters())
    ServiceRequest.objects.filter(pk=row.pk).update(visibility="private")
    for z in (0, 13, 14, 18):
        assert tile(tile_of(*MIDDLE, z), Filters()) == b""


def test_what_does_not_concern_the_map_writes_no_line(city: SmallCity) -> None:
    row = put(city, *MIDDLE)
    put(city, *MIDDLE, visibility="private")
    lines = MapChange.objects.count()
    assert lines == 1
    row.refresh_from_db()
    row.description, row.version = "Deeper.", 2
    row.save()
    ServiceRequest.objects.filter(visibility="private").update(status="on_hold")
    ServiceRequest.objects.filter(visibility="private").delete()
    assert MapChange.objects.count() == lines


def test_an_empty_journal_folds_to_nothing(city: SmallCity) -> None:
    assert counts.fold() == 0
    assert fold_map_journal() == 0


def test_the_task_takes_all_there_is(city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "BATCH", 3)
    put_all(several(city, 20, seed=1))
    lines = MapChange.objects.count()
    assert lines > 3
    assert fold_map_journal() == lines
    assert counts.fold() == 0


@pytest.mark.django_db(transaction=True)
def test_a_fold_that_dies_leaves_all_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    city = small_city()
    put_all(several(city, 30, seed=2))
    lines = MapChange.objects.count()
    ServiceRequest.objects.update(status="on_hold", closed_at=None)
    monkeypatch.setattr(counts, "_EMPTY", "SELECT %s::tid[], 1/0")
    counts.fold(lines)
    with pytest.raises(Exception, match="division by zero"):
        counts.fold()
    monkeypatch.undo()
    check_everything((6, 13))
    assert counts.fold() > 0
    check_everything((6, 13))


@pytest.mark.django_db(transaction=True)
def test_folding_while_others_write() -> None:
    """Two sweeps and three writers at once: nothing is counted twice, nothing is lost, nobody waits for ever."""
    city = small_city()
    put_all(several(city, 40, seed=3))

    def writer(seed: int) -> Callable[[], None]:
        def write() -> None:
            dice = random.Random(seed)
            for _ in range(8):
                with transaction.atomic():
                    put_all([anywhere(city, dice) for _ in range(4)])
                ServiceRequest.objects.filter(number__contains=dice.choice("23456789")).update(
                    visibility=dice.choice(["public", "private"])
                )

        return write

    def sweep() -> None:
        for _ in range(15):
            counts.fold(7)

    in_parallel([writer(1), writer(2), writer(3), sweep, sweep])
    check_everything((6, 11, 13))
    counts.recount()
    check_everything((6,))


@pytest.mark.django_db(transaction=True)
def test_one_sweep_at_a_time() -> None:
    city = small_city()
    put(city, *MIDDLE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [counts._LOCK])
        [folded] = in_parallel([counts.fold])
    assert folded == 0
    assert counts.fold() == 1
