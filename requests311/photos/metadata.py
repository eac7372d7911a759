"""When and where a photo was taken, from its EXIF (JEITA CP-3451E, "Exif 2.32"), and how it is to be turned.

A small reader of our own. Phones write broken EXIF often enough, and a stranger may write it on purpose:
whatever is damaged reads as absent, nothing here raises, and the cost is bounded by MAX_ENTRIES.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from django.contrib.gis.geos import Point
from django.utils import timezone

MAX_ENTRIES = 500
#: No value that we read is longer.
MAX_VALUE_BYTES = 64

#: Bytes of one value, by EXIF type: BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SLONG, SRATIONAL.
TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}

ORIENTATION, EXIF_IFD, GPS_IFD = 0x0112, 0x8769, 0x8825
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL = 0x9003, 0x9011
GPS_LATITUDE_REF, GPS_LATITUDE, GPS_LONGITUDE_REF, GPS_LONGITUDE = 1, 2, 3, 4
GPS_TIME_STAMP, GPS_DATE_STAMP = 7, 29

#: Before this no camera wrote EXIF: an older time is a dead clock battery's.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)

Tags = dict[int, bytes]


@dataclass(frozen=True)
class Metadata:
    #: 1–8 as in EXIF tag 274; 5–8 lie on their side.
    orientation: int = 1
    #: Aware.
    captured_at: datetime | None = None
    #: WGS 84, lon/lat.
    location: Point | None = None


class Tiff:
    """Reads the tags of an IFD out of a TIFF structure."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.order = {b"II*\0": "little", b"MM\0*": "big"}.get(data[:4], "")

    def number(self, data: bytes, signed: bool = False) -> int:
        return int.from_bytes(data, "little" if self.order == "little" else "big", signed=signed)

    def tags(self, offset: int) -> Tags:
        """Raw values by tag; entries outside the data, or longer than any we use, are left out."""
        found: Tags = {}
        count = self.number(self.data[offset : offset + 2])
        for entry in range(offset + 2, offset + 2 + 12 * min(count, MAX_ENTRIES), 12):
            raw = self.data[entry : entry + 12]
            size = TYPE_SIZES.get(self.number(raw[2:4]), 0) * self.number(raw[4:8])
            if len(raw) < 12 or not 0 < size <= MAX_VALUE_BYTES:
                continue
            start = entry + 8 if size <= 4 else self.number(raw[8:12])
            value = self.data[start : start + size]
            if len(value) == size:
                found.setdefault(self.number(raw[:2]), value)
        return found

    def sub_tags(self, parent: Tags, tag: int) -> Tags:
        return self.tags(self.number(parent[tag])) if tag in parent else {}

    def rationals(self, value: bytes) -> list[Fraction | None]:
        """Three fractions; None for x/0. 0/0 counts as 0: cameras write it for "no seconds"."""
        found: list[Fraction | None] = []
        for at in range(0, 24, 8):
            over, under = self.number(value[at : at + 4]), self.number(value[at + 4 : at + 8])
            found.append(Fraction(over, under) if under else (Fraction(0) if not over else None))
        return found


def read_metadata(exif: bytes) -> Metadata:
    """From the TIFF structure of EXIF (b"" for none). Never raises; what cannot be read is None."""
    tiff = Tiff(exif)
    if not tiff.order:
        return Metadata()
    main = tiff.tags(tiff.number(exif[4:8]))
    gps = tiff.sub_tags(main, GPS_IFD)
    orientation = tiff.number(main.get(ORIENTATION, b"")[:2])
    return Metadata(
        orientation=orientation if 1 <= orientation <= 8 else 1,
        captured_at=_captured_at(tiff.sub_tags(main, EXIF_IFD)) or _satellite_time(tiff, gps),
        location=_location(tiff, gps),
    )


def _text(value: bytes | None) -> str:
    return (value or b"").split(b"\0")[0].decode("ascii", "replace").strip()


def _plausible(moment: datetime) -> datetime | None:
    return moment if EARLIEST <= moment <= timezone.now() + CLOCK_SKEW else None


def _captured_at(tags: Tags) -> datetime | None:
    """DateTimeOriginal with its offset. Without one it is a wall clock's: UTC would be a lie."""
    with suppress(ValueError, OverflowError):
        text = f"{_text(tags.get(DATE_TIME_ORIGINAL))} {_text(tags.get(OFFSET_TIME_ORIGINAL))}"
        return _plausible(datetime.strptime(text, "%Y:%m:%d %H:%M:%S %z"))
    return None


def _satellite_time(tiff: Tiff, tags: Tags) -> datetime | None:
    """GPSDateStamp and GPSTimeStamp: of the last fix, so maybe minutes old, but UTC by definition."""
    hour, minute, second = tiff.rationals(tags.get(GPS_TIME_STAMP, b""))
    if len(tags.get(GPS_TIME_STAMP, b"")) != 24 or hour is None or minute is None or second is None:
        return None
    with suppress(ValueError, OverflowError):
        day = datetime.strptime(_text(tags.get(GPS_DATE_STAMP)), "%Y:%m:%d").replace(tzinfo=UTC)
        if hour < 24 and minute < 60 and second <= 60:
            return _plausible(day + timedelta(seconds=int(hour * 3600 + minute * 60 + second)))
    return None


def _degrees(tiff: Tiff, value: bytes, ref: bytes, signs: dict[str, int]) -> float | None:
    """Degrees, minutes, seconds as one number; None without N/S or E/W: no guessing of hemispheres."""
    sign = signs.get(_text(ref)[:1].upper())
    degrees, minutes, seconds = tiff.rationals(value)
    if sign is None or len(value) != 24 or value[4:8] == b"\0\0\0\0":
        return None
    if degrees is None or minutes is None or seconds is None or minutes > 60 or seconds > 60:
        return None
    return sign * float(degrees + minutes / 60 + seconds / 3600)


def _location(tiff: Tiff, tags: Tags) -> Point | None:
    """The place, or None where it is out of range or (0, 0), which receivers write before their first fix."""
    latitude = _degrees(tiff, tags.get(GPS_LATITUDE, b""), tags.get(GPS_LATITUDE_REF, b""), {"N": 1, "S": -1})
    longitude = _degrees(
        tiff, tags.get(GPS_LONGITUDE, b""), tags.get(GPS_LONGITUDE_REF, b""), {"E": 1, "W": -1}
    )
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Point(longitude, latitude, srid=4326)
