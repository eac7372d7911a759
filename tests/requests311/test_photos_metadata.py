"""Time and place from EXIF: what is right is read, what is doubtful is nothing, and nothing breaks."""

import random
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from PIL.TiffImagePlugin import IFDRational

from requests311.photos.metadata import Metadata, read_metadata
from tests.factories import photos


def read(**tags: Any) -> Metadata:
    return read_metadata(photos.exif(**tags).removeprefix(b"Exif\0\0"))


def test_time_with_its_offset() -> None:
    found = read(taken="2025:07:01 12:00:00", offset="+05:30").captured_at
    assert found == datetime(2025, 7, 1, 6, 30, tzinfo=UTC)


def test_time_without_offset_is_taken_from_the_satellites() -> None:
    found = read(offset=None, satellite=(date(2025, 7, 1), time(23, 59, 58))).captured_at
    assert found == datetime(2025, 7, 1, 23, 59, 58, tzinfo=UTC)


def test_a_wall_clock_alone_is_no_time() -> None:
    assert read(offset=None).captured_at is None


@pytest.mark.parametrize(
    "taken",
    ["0000:00:00 00:00:00", "1989:12:31 23:59:59", "2025:02:30 12:00:00", "    :  :     :  :  ", "yesterday", ""],
)
def test_times_that_are_none(taken: str) -> None:
    assert read(taken=taken, offset="+00:00").captured_at is None


@pytest.mark.parametrize("offset", ["   :  ", "EST", "+99:99", "05:30"])
def test_offsets_that_are_none(offset: str) -> None:
    assert read(offset=offset).captured_at is None


def test_a_time_to_come_is_none_but_clocks_may_be_fast() -> None:
    def taken_in(hours: int) -> datetime | None:
        moment = datetime.now(UTC) + timedelta(hours=hours)
        return read(taken=f"{moment:%Y:%m:%d %H:%M:%S}", offset="+00:00").captured_at

    assert taken_in(12) is not None
    assert taken_in(36) is None


@pytest.mark.parametrize(
    "satellite",
    [{29: "2025:13:01", 7: (1.0, 2.0, 3.0)}, {29: "2025:07:01", 7: (25.0, 0.0, 0.0)}, {29: "2025:07:01"}],
)
def test_satellite_times_that_are_none(satellite: dict[int, Any]) -> None:
    assert read(offset=None, gps=satellite).captured_at is None


@pytest.mark.parametrize("place", [(40.5, -74.25), (-33.75, 151.125), (-0.5, -0.5), (89.9, 179.9), (0.0, 10.0)])
def test_places_of_all_hemispheres(place: tuple[float, float]) -> None:
    found = read(place=place).location
    assert found is not None
    assert (found.y, found.x) == pytest.approx(place, abs=1e-6)


def test_minutes_with_fractions_and_no_seconds() -> None:
    """0/0 for the seconds is how many cameras say that the minutes carry the fraction."""
    found = read(gps={2: (40.0, 42.75, IFDRational(0, 0))}).location
    assert found is not None
    assert found.y == pytest.approx(40.7125)


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)},
        {2: (91.0, 0.0, 0.0)},
        {4: (181.0, 0.0, 0.0)},
        {2: (40.0, 75.0, 0.0)},
        {2: (IFDRational(0, 0), 0.0, 0.0)},
        {1: ""},
        {1: "Q"},
        {3: "?"},
        {2: (40.0, 30.0)},
    ],
)
def test_places_that_are_none(gps: dict[int, Any]) -> None:
    assert read(gps=gps).location is None


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_orientations_that_are_none(orientation: int) -> None:
    assert read(orientation=orientation).orientation == 1


def test_big_and_little_endian_tell_the_same() -> None:
    big = (
        b"MM\0*\0\0\0\x08"  # header; then one entry: tag 274, SHORT, 1 value, 6
        b"\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    )
    assert read_metadata(big).orientation == 6
    assert read(orientation=6).orientation == 6


@pytest.mark.parametrize("exif", [b"", b"II*", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense" * 9])
def test_nonsense_is_nothing(exif: bytes) -> None:
    assert read_metadata(exif) == Metadata()


def test_damage_of_any_kind_breaks_nothing() -> None:
    chance = random.Random(311)
    whole = photos.exif(satellite=(date(2025, 7, 1), time(1, 2, 3))).removeprefix(b"Exif\0\0")
    for _ in range(3000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            damaged[chance.randrange(8, len(damaged))] = chance.randrange(256)
        read_metadata(bytes(damaged[: chance.randint(8, len(damaged))]))


def test_an_endless_loop_of_pointers_ends() -> None:
    """EXIF and GPS pointers that lead back to the start."""
    entries = b"".join(tag + b"\0\x04\0\0\0\x01\0\0\0\x08" for tag in (b"\x87\x69", b"\x88\x25"))
    assert read_metadata(b"MM\0*\0\0\0\x08\0\x02" + entries) == Metadata()
