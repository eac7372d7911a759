"""When and where a photo was taken, from its EXIF (JEITA CP-3451E, "Exif 2.32"), and how it is to be turned.

Pillow reads the tags, without decoding a pixel. Phones write broken EXIF often enough, and a stranger may
write it on purpose: whatever is damaged reads as absent, and nothing here raises.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

from django.contrib.gis.geos import Point
from django.utils import timezone
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

#: More than any camera writes beside a thumbnail; JPEG itself allows 64 kB.
MAX_EXIF_BYTES = 1024 * 1024

#: Before this no camera wrote EXIF: an older time is a dead clock battery's.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CLOCK_SKEW = timedelta(days=1)

Tags = Mapping[int, Any]


@dataclass(frozen=True)
class Metadata:
    #: 1–8 as in EXIF tag 274; 5–8 lie on their side.
    orientation: int = 1
    #: Aware.
    captured_at: datetime | None = None
    #: WGS 84, lon/lat.
    location: Point | None = None


def read_metadata(exif: bytes) -> Metadata:
    """From the TIFF structure of EXIF (b"" for none). Never raises; what cannot be read is None."""
    if not exif or len(exif) > MAX_EXIF_BYTES:
        return Metadata()
    tags = Image.Exif()
    try:
        tags.load(b"Exif\0\0" + exif)
    except Exception:  # what a stranger wrote may make a parser raise anything
        return Metadata()
    gps = _part(tags, IFD.GPSInfo)
    orientation = tags.get(Base.Orientation)
    return Metadata(
        orientation=orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1,
        captured_at=_captured_at(_part(tags, IFD.Exif)) or _satellite_time(gps),
        location=_location(gps),
    )


def _part(tags: Image.Exif, part: IFD) -> Tags:
    try:
        return tags.get_ifd(part)
    except Exception:  # as above: one damaged part leaves the others
        return {}


def _text(value: Any) -> str:
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")
    return text.split("\0")[0].strip()


def _plausible(moment: datetime) -> datetime | None:
    return moment if EARLIEST <= moment <= timezone.now() + CLOCK_SKEW else None


def _captured_at(tags: Tags) -> datetime | None:
    """DateTimeOriginal with its offset. Without one it is a wall clock's: UTC would be a lie."""
    with suppress(ValueError, OverflowError):
        text = f"{_text(tags.get(Base.DateTimeOriginal))} {_text(tags.get(Base.OffsetTimeOriginal))}"
        return _plausible(datetime.strptime(text, "%Y:%m:%d %H:%M:%S %z"))
    return None


def _satellite_time(tags: Tags) -> datetime | None:
    """GPSDateStamp and GPSTimeStamp: of the last fix, so maybe minutes old, but UTC by definition."""
    parts = _three(tags.get(GPS.GPSTimeStamp))
    if parts is None:
        return None
    hour, minute, second = parts
    with suppress(ValueError, OverflowError):
        day = datetime.strptime(_text(tags.get(GPS.GPSDateStamp)), "%Y:%m:%d").replace(tzinfo=UTC)
        if hour < 24 and minute < 60 and second <= 60:
            return _plausible(day + timedelta(seconds=int(hour * 3600 + minute * 60 + second)))
    return None


def _three(value: Any) -> tuple[float, float, float] | None:
    """Three rationals; 0/0 counts as 0, since cameras write it for "no seconds", x/0 as damage."""
    if not isinstance(value, tuple) or len(value) != 3:
        return None
    numbers = []
    for part in value:
        nothing = getattr(part, "denominator", 1) == 0 and getattr(part, "numerator", 1) == 0
        try:
            numbers.append(0.0 if nothing else float(part))
        except (TypeError, ValueError, ZeroDivisionError):
            return None
    if not all(isfinite(number) and number >= 0 for number in numbers):
        return None
    return numbers[0], numbers[1], numbers[2]


def _degrees(value: Any, ref: Any, signs: dict[str, int]) -> float | None:
    """Degrees, minutes, seconds as one number; None without N/S or E/W: no guessing of hemispheres."""
    sign, parts = signs.get(_text(ref)[:1].upper()), _three(value)
    if sign is None or parts is None or getattr(value[0], "denominator", 1) == 0:
        return None
    degrees, minutes, seconds = parts
    if minutes > 60 or seconds > 60:
        return None
    return sign * (degrees + minutes / 60 + seconds / 3600)


def _location(tags: Tags) -> Point | None:
    """The place, or None where it is out of range or (0, 0), which receivers write before their first fix."""
    latitude = _degrees(tags.get(GPS.GPSLatitude), tags.get(GPS.GPSLatitudeRef), {"N": 1, "S": -1})
    longitude = _degrees(tags.get(GPS.GPSLongitude), tags.get(GPS.GPSLongitudeRef), {"E": 1, "W": -1})
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Point(longitude, latitude, srid=4326)
