"""Test files: photos as cameras write them, and files that pretend to be photos. Nothing here is from a camera."""

import io
import struct
import zipfile
import zlib
from datetime import date, time
from functools import cache
from typing import Any

import pillow_heif
import pyvips
from PIL import ExifTags, Image, ImageCms
from PIL.Image import Transpose
from PIL.PngImagePlugin import PngInfo

#: Written into every kind of metadata; none of it may be in a public picture.
SECRET = "SECRET-OF-THE-SENDER"

#: A place in New York, degrees.
LATITUDE, LONGITUDE = 40.712777, -74.005972

#: Corners of `corners()`, clockwise from the top left.
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 30), (30, 30, 220), (220, 220, 30)

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/heic": "HEIF"}

#: What a camera held that way has stored of an upright picture: the inverse of what EXIF 274 asks for.
_STORED_AS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_90,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_270,
}


def corners(width: int = 640, height: int = 480) -> Image.Image:
    """Red, green / yellow, blue: shows every turn and every mirroring."""
    image = Image.new("RGB", (width, height))
    half = (width // 2, height // 2)
    for colour, at in ((RED, (0, 0)), (GREEN, (half[0], 0)), (BLUE, half), (YELLOW, (0, half[1]))):
        image.paste(colour, (*at, at[0] + width - half[0], at[1] + height - half[1]))
    return image


def dms(degrees: float) -> tuple[float, float, float]:
    degrees = abs(degrees)
    minutes = degrees % 1 * 60
    return float(int(degrees)), float(int(minutes)), round(minutes % 1 * 60, 4)


def exif(
    *,
    orientation: int = 1,
    taken: str | None = "2026:03:14 15:09:26",
    offset: str | None = "-04:00",
    place: tuple[float, float] | None = (LATITUDE, LONGITUDE),
    satellite: tuple[date, time] | None = None,
    description: str = SECRET,
    gps: dict[int, Any] | None = None,
) -> bytes:
    """An EXIF block of the usual tags; `place` is (latitude, longitude), `gps` adds or overrides raw tags."""
    found = Image.Exif()
    found[ExifTags.Base.Orientation] = orientation
    found[ExifTags.Base.ImageDescription] = description
    found[ExifTags.Base.Make] = SECRET
    times = found.get_ifd(ExifTags.IFD.Exif)
    if taken:
        times[ExifTags.Base.DateTimeOriginal] = taken
    if offset:
        times[ExifTags.Base.OffsetTimeOriginal] = offset
    tags = found.get_ifd(ExifTags.IFD.GPSInfo)
    if place:
        tags |= {1: "N" if place[0] >= 0 else "S", 2: dms(place[0])}
        tags |= {3: "E" if place[1] >= 0 else "W", 4: dms(place[1])}
    if satellite:
        day, at = satellite
        tags |= {29: f"{day:%Y:%m:%d}", 7: (float(at.hour), float(at.minute), float(at.second))}
    tags |= gps or {}
    return found.tobytes()


def photo(
    content_type: str = "image/jpeg",
    image: Image.Image | None = None,
    *,
    orientation: int = 1,
    metadata: bytes | None = None,
    **options: Any,
) -> bytes:
    """A file of that type; `image` is the upright picture, stored as a camera held by `orientation` would."""
    image = corners() if image is None else image
    if content_type == "image/heic":
        # pillow-heif turns the orientation into the file's own irot and imir, as Apple's encoder does.
        pillow_heif.register_heif_opener()
    if orientation in _STORED_AS:
        image = image.transpose(_STORED_AS[orientation])
    target = io.BytesIO()
    metadata = exif(orientation=orientation) if metadata is None else metadata
    if metadata:
        options["exif"] = metadata
    image.save(target, FORMATS[content_type], **options)
    return target.getvalue()


def talkative(content_type: str) -> bytes:
    """A photo that tells everything: EXIF with place and time, XMP, ICC, IPTC and comments where they exist."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    xmp = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><photoshop:City>{SECRET}</photoshop:City></x:xmpmeta>'.encode()
    options: dict[str, Any] = {"icc_profile": profile}
    if content_type == "image/png":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_text("Comment", SECRET)
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    else:
        options["xmp"] = xmp
    if content_type != "image/jpeg":
        return photo(content_type, **options)
    data = photo(content_type, comment=SECRET, **options)
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x14" + SECRET.encode()
    return segment_added(data, 0xED, iptc)


def segment_added(jpeg: bytes, marker: int, body: bytes) -> bytes:
    """The JPEG with one more segment right behind its start."""
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def heic_that_says_it_twice() -> bytes:
    """Lies on its side, says so in its boxes (irot), and once more in EXIF, as iPhones do."""
    data = photo("image/heic", orientation=6)
    assert b"irot" in data
    assert struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) in data
    return data


def hollowed(jpeg: bytes) -> bytes:
    """Half of the coded picture is missing, its end is there: only decoding shows it."""
    return jpeg[: len(jpeg) // 2] + b"\xff\xd9"


def truncated(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


# --- More than a photo -------------------------------------------------------------------------


def archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        file.writestr("run.class", b"\xca\xfe\xba\xbe")
    return target.getvalue()


def film() -> bytes:
    """An MP4 as Google's motion photos append it, noisy enough to contain any two or three bytes."""
    noise = b"".join(zlib.compress(struct.pack(">I", number)) for number in range(20_000))
    noise += b"MZ#!<?=<%PK\x05\x06PK\x03\x04"
    return (
        struct.pack(">I4s4sI4s", 20, b"ftyp", b"mp42", 0, b"isom")
        + struct.pack(">I4s", len(noise) + 8, b"mdat")
        + noise
    )


def polyglots() -> dict[str, bytes]:
    """A JPEG that is something else besides, by name."""
    plain = photo()
    pe = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0\x64\x86" + bytes(200)
    zipped = archive()
    return {
        "zip": plain + zipped,
        "zip with a comment": plain + zipped[:-2] + struct.pack("<H", 1000) + bytes(1000),
        "pdf": segment_added(plain, 0xFE, b"%PDF-1.7\n1 0 obj\n"),
        "html in a comment": segment_added(plain, 0xFE, b"--><HTML><body onload=alert(1)>"),
        "script in exif": photo(metadata=exif(description="<script>alert(1)</script>")),
        "php in xmp": photo(xmp=b"<?php system($_GET['c']); ?>"),
        "html behind": plain + b"\n<!DOCTYPE html><p>hello",
        "php behind": plain + b"<?php echo 1;",
        "linux program": plain + b"\x7fELF\x02\x01\x01" + bytes(100),
        "linux program far behind": plain + bytes(100_000) + b"\x7fELF\x02\x01\x01" + bytes(100),
        "windows program": plain + pe,
        "windows program far behind": plain + bytes(100_000) + pe,
        "shell script": plain + b"\n#!/bin/sh\nrm -r ~\n",
        "rar": plain + b"Rar!\x1a\x07\x01\x00" + bytes(100),
        "7z": plain + b"7z\xbc\xaf\x27\x1c" + bytes(100),
    }


def other_files() -> dict[str, bytes]:
    """Files of other kinds, whatever they are called."""
    gif, tiff, avif = io.BytesIO(), io.BytesIO(), io.BytesIO()
    corners(64, 64).save(gif, "GIF")
    corners(64, 64).save(tiff, "TIFF")
    corners(64, 64).save(avif, "AVIF")
    return {
        "gif": gif.getvalue(),
        "tiff": tiff.getvalue(),
        "avif": avif.getvalue(),
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "pdf": b"%PDF-1.7\n%%EOF",
        "zip": archive(),
        "jpeg after a space": b" " + photo(),
        "text": b"a pothole",
        "three bytes": b"\xff\xd8\xff"[:2],
        "film": film(),
    }


# --- Too much ----------------------------------------------------------------------------------


@cache
def png_bomb(side: int = 30_000) -> bytes:
    """One colour, one bit a pixel: 900 megapixels in about 110 KB."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer, row = zlib.compressobj(9), bytes(1 + side // 8)
    body = b"".join(packer.compress(row * 1000) for _ in range(side // 1000)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def webp_bomb() -> bytes:
    """The head of the largest lossless WebP there can be, 16,384 pixels square; the codes are missing."""
    body = b"\x2f" + (16_383 | 16_383 << 14).to_bytes(4, "little") + bytes(11)
    return b"RIFF" + struct.pack("<I", 12 + len(body)) + b"WEBPVP8L" + struct.pack("<I", len(body)) + body


def heic_bomb() -> bytes:
    """100 megapixels in 3 KB: a hundred tiles that are all the same bytes."""
    return heic_grid(10_000, 10_000)


def heic_that_lies() -> bytes:
    """The same, but the picture's own size is given as 1,000 pixels square."""
    return heic_grid(10_000, 10_000, claimed=(1_000, 1_000))


#: Just under 50 megapixels, settings.PHOTO_MAX_PIXELS.
LARGEST = (8064, 6200)


@cache
def largest(content_type: str, **options: Any) -> bytes:
    """A photo as large as we take."""
    width, height = LARGEST
    if content_type == "image/heic":
        return heic_grid(width, height, **options)
    gradient = pyvips.Image.xyz(width, height).linear([0.03, 0.02], 0).bandjoin(90).cast("uchar")
    image = gradient.copy(interpretation="srgb")
    if content_type == "image/png":
        return bytes(image.pngsave_buffer(compression=1, filter="sub", **options))
    return bytes(image.jpegsave_buffer(Q=75, **options))


# --- HEIC by hand ------------------------------------------------------------------------------


def box(kind: bytes, *parts: bytes, version: int | None = None) -> bytes:
    """A box of ISO 14496-12; one with a version is a "full box"."""
    body = (b"" if version is None else bytes([version, 0, 0, 0])) + b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def heic_grid(
    width: int, height: int, *, claimed: tuple[int, int] | None = None, tile: int = 1024, **options: Any
) -> bytes:
    """A HEIC of tiles, as iPhones write them (ISO 23008-12 §6.6.2.3.2), every tile the same few bytes.

    By hand, since an encoder takes half a minute for what is to be decoded here in one second.
    """
    columns, rows = -(-width // tile), -(-height // tile)
    count = columns * rows
    one = photo("image/heic", corners(tile, tile), metadata=b"", quality=50, **options)
    at = one.index(b"hvcC") - 4
    decoder = one[at : at + int.from_bytes(one[at : at + 4], "big")]
    at = one.index(b"mdat") - 4
    coded = one[at + 8 : at + int.from_bytes(one[at : at + 4], "big")]
    grid = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)
    tiles = range(2, count + 2)

    def item(number: int, kind: bytes) -> bytes:
        return box(b"infe", struct.pack(">HH4sB", number, 0, kind, 0), version=2)

    def meta(offset: int) -> bytes:
        sizes = (claimed or (width, height), (tile, tile))
        ispe = [box(b"ispe", struct.pack(">II", *size), version=0) for size in sizes]
        places = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(grid))
        places += b"".join(struct.pack(">HHHHII", n, 0, 0, 1, offset, len(coded)) for n in tiles)
        properties = struct.pack(">HBB", 1, 1, 2) + b"".join(struct.pack(">HBBB", n, 2, 0x81, 3) for n in tiles)
        references = box(b"dimg", struct.pack(f">HH{count}H", 1, count, *tiles))
        return box(
            b"meta",
            box(b"hdlr", bytes(4), b"pict", bytes(13), version=0),
            box(b"pitm", struct.pack(">H", 1), version=0),
            box(b"iinf", struct.pack(">H", count + 1), item(1, b"grid"), *(item(n, b"hvc1") for n in tiles), version=0),
            box(b"iref", references, version=0),
            box(
                b"iprp", box(b"ipco", decoder, *ispe), box(b"ipma", struct.pack(">I", count + 1), properties, version=0)
            ),
            box(b"iloc", struct.pack(">BBH", 0x44, 0, count + 1), places, version=1),
            box(b"idat", grid),
            version=0,
        )

    start = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    offset = len(start) + len(meta(0)) + 8
    return start + meta(offset) + box(b"mdat", coded)
