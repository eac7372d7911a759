"""What is said about a file at upload: type and size by content, and each refusal."""

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from requests311.errors import PhotoRefused
from requests311.photos.intake import inspect
from tests.factories import photos

CAMERA_FILES = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
TYPES = sorted(photos.FORMATS)
#: These formats keep the orientation in EXIF; HEIC has turns of its own.
EXIF_TYPES = [content_type for content_type in TYPES if content_type != "image/heic"]


def refusal(data: bytes) -> PhotoRefused:
    with pytest.raises(PhotoRefused) as caught:
        inspect(io.BytesIO(data))
    assert caught.value.detail
    return caught.value


@pytest.mark.parametrize("content_type", TYPES)
def test_every_format_tells_its_type_size_time_and_place(content_type: str) -> None:
    data = photos.photo(content_type)
    found = inspect(io.BytesIO(data))
    assert found.content_type == content_type
    assert found.extension == {"jpeg": "jpg"}.get(content_type[6:], content_type[6:])
    assert (found.width, found.height) == (640, 480)
    assert found.size_bytes == len(data)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    assert found.captured_at is not None
    assert found.captured_at.isoformat() == "2026-03-14T15:09:26-04:00"
    assert found.location is not None
    assert found.location.srid == 4326
    assert found.location.coords == pytest.approx((photos.LONGITUDE, photos.LATITUDE), abs=1e-6)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("content_type", TYPES)
def test_width_and_height_are_those_of_the_upright_picture(content_type: str, orientation: int) -> None:
    found = inspect(io.BytesIO(photos.photo(content_type, orientation=orientation)))
    assert (found.width, found.height) == (640, 480)


def test_a_heic_is_not_turned_twice() -> None:
    """iPhones write the turn into the boxes and repeat it in EXIF, where it is information only."""
    found = inspect(io.BytesIO(photos.heic_that_says_it_twice()))
    assert (found.width, found.height) == (640, 480)


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("metadata", [b"", None], ids=["plain", "with metadata"])
def test_webp_of_every_kind(lossless: bool, metadata: bytes | None) -> None:
    found = inspect(io.BytesIO(photos.photo("image/webp", lossless=lossless, metadata=metadata)))
    assert (found.width, found.height) == (640, 480)


def test_a_file_on_disk_is_left_open_and_at_its_start() -> None:
    with TemporaryFile() as file:
        file.write(photos.photo())
        assert inspect(file).content_type == "image/jpeg"
        assert file.tell() == 0


def test_progressive_jpeg() -> None:
    found = inspect(io.BytesIO(photos.photo(progressive=True)))
    assert (found.width, found.height) == (640, 480)


@pytest.mark.parametrize("content_type", TYPES)
def test_a_motion_photo_is_a_photo(content_type: str) -> None:
    assert inspect(io.BytesIO(photos.photo(content_type) + photos.film())).content_type == content_type


def test_a_second_picture_and_a_samsung_trailer_are_welcome() -> None:
    trailer = b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1700000000000SEFH" + bytes(20) + b"SEFT"
    assert inspect(io.BytesIO(photos.photo() + photos.photo() + trailer)).content_type == "image/jpeg"


def test_fill_bytes_and_unknown_segments_are_welcome() -> None:
    data = photos.segment_added(photos.photo(), 0xEF, b"maker's own")
    assert inspect(io.BytesIO(data[:2] + b"\xff\xff" + data[2:])).content_type == "image/jpeg"


# --- Refusals ----------------------------------------------------------------------------------


def test_an_empty_file() -> None:
    assert refusal(b"").reason == "empty"


def test_one_byte_too_many(settings: Any) -> None:
    data = photos.photo()
    exactly = data + bytes(settings.PHOTO_MAX_BYTES - len(data))
    assert inspect(io.BytesIO(exactly)).size_bytes == 20 * 1024 * 1024
    assert refusal(exactly + b"\0").reason == "too_large"


@pytest.mark.parametrize("name", sorted(photos.other_files()))
def test_other_kinds_of_files(name: str) -> None:
    assert refusal(photos.other_files()[name]).reason == "unsupported_type"


@pytest.mark.parametrize("content_type", TYPES)
def test_a_truncated_file(content_type: str) -> None:
    assert refusal(photos.truncated(photos.photo(content_type))).reason == "corrupt"


@pytest.mark.parametrize("content_type", TYPES)
def test_a_file_cut_anywhere_is_refused_and_breaks_nothing(content_type: str) -> None:
    data = photos.photo(content_type, photos.corners(64, 48))
    for length in range(1, len(data) - 1, 7):
        assert refusal(data[:length]).reason in {"corrupt", "unsupported_type"}


@pytest.mark.parametrize("content_type", TYPES)
def test_a_file_with_any_byte_changed_breaks_nothing(content_type: str) -> None:
    data = bytearray(photos.photo(content_type, photos.corners(64, 48)))
    for at in range(0, min(len(data), 1500), 3):
        damaged = data.copy()
        damaged[at] ^= 0xFF
        try:
            inspect(io.BytesIO(bytes(damaged)))
        except PhotoRefused as refused:
            assert refused.reason in {"corrupt", "unsupported_type", "too_many_pixels"}  # noqa: PT017


@pytest.mark.parametrize(
    "bomb",
    [photos.png_bomb, photos.webp_bomb, photos.heic_bomb],
    ids=["PNG of 900 megapixels", "largest WebP", "HEIC of 100 megapixels"],
)
def test_bombs(bomb: Any) -> None:
    assert len(bomb()) < 120_000
    assert refusal(bomb()).reason == "too_many_pixels"


def test_the_bound_is_the_setting(settings: Any) -> None:
    settings.PHOTO_MAX_PIXELS = 640 * 480
    assert inspect(io.BytesIO(photos.photo())).width == 640
    settings.PHOTO_MAX_PIXELS -= 1
    assert refusal(photos.photo()).reason == "too_many_pixels"


@pytest.mark.parametrize("name", sorted(photos.polyglots()))
def test_polyglots(name: str) -> None:
    assert refusal(photos.polyglots()[name]).reason == "polyglot"


@pytest.mark.parametrize("content_type", TYPES)
def test_polyglots_of_every_format(content_type: str) -> None:
    assert refusal(photos.photo(content_type) + photos.archive()).reason == "polyglot"
    script = photos.exif(description="<script>alert(1)</script>")
    assert refusal(photos.photo(content_type, metadata=script)).reason == "polyglot"


def test_more_segments_than_a_camera_writes() -> None:
    data = photos.photo()
    assert refusal(data[:2] + b"\xff\xe5\0\2" * 100_000 + data[2:]).reason == "corrupt"


# --- Real cameras ------------------------------------------------------------------------------


@pytest.mark.skipif(not CAMERA_FILES.is_dir(), reason="no camera files here")
def test_camera_files() -> None:
    found = {}
    for path in CAMERA_FILES.iterdir():
        with path.open("rb") as file:
            found[path.name] = inspect(file)
    for name, photo in found.items():
        if name.startswith("gps-"):
            assert photo.location is not None
            assert photo.captured_at is not None
    portrait = found["orientation-portrait_6.jpg"]
    assert portrait.width < portrait.height
    heic = found["heic-IMG_5195.HEIC"]
    assert (heic.width, heic.height) == (2566, 3313)
    assert heic.location is not None


# --- Memory ------------------------------------------------------------------------------------

WEB_PROCESS = """
import json, sys
import django
django.setup()
from requests311.errors import PhotoRefused
from requests311.photos.intake import inspect

codes = []
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        try:
            codes.append(inspect(file).content_type)
        except PhotoRefused as refused:
            codes.append(refused.reason)
peak = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM:")]
decoders = sorted({"pyvips", "PIL.JpegImagePlugin"} & set(sys.modules))
print(json.dumps({"codes": codes, "peak_kib": peak[0], "decoders": decoders}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_web_process_stays_small_and_decodes_nothing(tmp_path: Path) -> None:
    cases = {
        "image/jpeg": photos.largest("image/jpeg") + photos.film() * 20,
        "image/png": photos.largest("image/png"),
        "image/heic": photos.largest("image/heic"),
        "too_many_pixels": photos.png_bomb(),
        "too_large": bytes(20 * 1024 * 1024 + 1),
        "polyglot": photos.photo() + bytes(19 * 1024 * 1024) + photos.archive(),
    }
    paths = []
    for number, data in enumerate([*cases.values(), photos.heic_bomb()]):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", WEB_PROCESS, *paths],
        capture_output=True,
        check=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
    )
    answer = json.loads(done.stdout)
    assert answer["codes"] == [*cases, "too_many_pixels"]
    assert answer["peak_kib"] < 300 * 1024
    assert answer["decoders"] == []
