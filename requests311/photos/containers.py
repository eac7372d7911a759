"""The outer structure of JPEG, PNG, WebP and HEIC files: how large the picture is, where it ends.

Read by hand and not by an image library, because this runs in the web process on whatever a stranger
sends: no decoder is loaded, no pixel is touched, every loop is bounded. Only HEIC goes to libheif,
which parses its boxes without decoding.

Sources: ITU-T T.81 annex B (JPEG), W3C PNG 3rd ed. §5, Google's WebP container specification, ISO 14496-12
(boxes of HEIC).
"""

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from requests311.errors import PhotoRefused

Data = bytes | mmap.mmap

#: More parts than any camera writes; each costs a turn of a Python loop.
MAX_JPEG_SEGMENTS = 2_000
MAX_CHUNKS = 100_000

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/heic": "heic"}

#: Brands of still pictures coded as HEVC; `mif1` alone may as well be AVIF (ISO 23008-12 annex B).
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}


@dataclass
class Container:
    """What a file says about its picture before anything is decoded."""

    content_type: str
    #: Pixels, as stored; `upright` says whether the EXIF orientation is already applied.
    width: int = 0
    height: int = 0
    upright: bool = False
    #: The TIFF structure of EXIF, without its "Exif\0\0".
    exif: bytes = b""
    #: Offsets (from, to) of everything that is neither picture nor trailer: comments, XMP, unknown chunks.
    metadata: list[tuple[int, int]] = field(default_factory=list)
    #: Offset behind the picture. What follows is a trailer: a motion photo's film, or something worse.
    end: int = 0


def read_container(data: Data) -> Container:
    """Raises PhotoRefused: `unsupported_type` for other formats, `corrupt` where the structure breaks off."""
    head = data[:4096]
    if head.startswith(b"\xff\xd8\xff"):
        container = _read_jpeg(data)
    elif head.startswith(b"\x89PNG\r\n\x1a\n"):
        container = _read_png(data)
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        container = _read_webp(data)
    elif head[4:8] == b"ftyp" and _is_heic(head):
        container = _read_heic(data)
    else:
        raise PhotoRefused("unsupported_type", "Only JPEG, PNG, WebP and HEIC pictures are accepted.")
    if container.width < 1 or container.height < 1 or not container.end:
        raise corrupt()
    container.exif = container.exif.removeprefix(b"Exif\0\0")
    return container


#: A marker, but neither a stuffed zero, nor a restart, nor a fill byte: those stand inside the coded picture.
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
_JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def _read_jpeg(data: Data) -> Container:
    found = Container("image/jpeg")
    position = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        match = _JPEG_MARKER.search(data, position)
        if match is None:
            raise corrupt()  # no end-of-image: the upload or the camera's card was cut off
        marker, position = data[match.start() + 1], match.end()
        if marker == 0xD9:
            found.end = position
            return found
        if marker in (0x01, 0xD8):
            continue  # stand alone, without a length
        length = int.from_bytes(data[position : position + 2], "big")
        if length < 2 or position + length > len(data):
            raise corrupt()
        body = position + 2
        if marker in _JPEG_SIZES and not found.width:
            found.height = int.from_bytes(data[body + 1 : body + 3], "big")
            found.width = int.from_bytes(data[body + 3 : body + 5], "big")
        if marker == 0xFE or 0xE0 <= marker <= 0xEF:
            found.metadata.append((body, position + length))
            if marker == 0xE1 and not found.exif and data[body : body + 6] == b"Exif\0\0":
                found.exif = data[body : position + length]
        position += length
    raise corrupt()


def _read_png(data: Data) -> Container:
    found = Container("image/png")
    position = 8
    for _ in range(MAX_CHUNKS):
        length, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        body, position = position + 8, position + 12 + length
        if position > len(data) or (not found.width and kind != b"IHDR"):
            raise corrupt()
        if kind == b"IHDR":
            found.width = int.from_bytes(data[body : body + 4], "big")
            found.height = int.from_bytes(data[body + 4 : body + 8], "big")
            if not found.width:
                raise corrupt()
        elif kind == b"IEND":
            found.end = position
            return found
        elif kind not in (b"IDAT", b"fdAT"):
            found.metadata.append((body, body + length))
            if kind == b"eXIf":
                found.exif = data[body : body + length]
    raise corrupt()


def _read_webp(data: Data) -> Container:
    found = Container("image/webp", end=8 + int.from_bytes(data[4:8], "little"))
    if found.end > len(data):
        raise corrupt()
    position = 12
    for _ in range(MAX_CHUNKS):
        if position + 8 > found.end:
            return found
        kind, length = (
            data[position : position + 4],
            int.from_bytes(data[position + 4 : position + 8], "little"),
        )
        body, position = position + 8, position + 8 + length + length % 2
        if body + length > found.end:
            raise corrupt()
        if not found.width:
            found.width, found.height = _webp_size(kind, data[body : body + 10])
        if kind not in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            found.metadata.append((body, body + length))
        if kind == b"EXIF":
            found.exif = data[body : body + length]
    raise corrupt()


def _webp_size(kind: bytes, body: bytes) -> tuple[int, int]:
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0


def _is_heic(head: bytes) -> bool:
    size = int.from_bytes(head[:4], "big")
    brands = {head[at : at + 4] for at in range(16, min(size, len(head)), 4)} | {head[8:12]}
    return bool(brands & HEIC_BRANDS) and not brands & {b"avif", b"avis"}


def _boxes(data: Data) -> Iterator[tuple[bytes, int, int]]:
    """(type, from, to) of the outermost boxes, as far as the file consists of boxes."""
    position = 0
    for _ in range(MAX_CHUNKS):
        size, kind = int.from_bytes(data[position : position + 4], "big"), data[position + 4 : position + 8]
        if size == 1:
            size = int.from_bytes(data[position + 8 : position + 16], "big")
        elif size == 0:
            size = len(data) - position
        if size < 8 or position + size > len(data) or not kind.isalnum():
            return
        yield kind, position, position + size
        position += size


def _read_heic(data: Data) -> Container:
    found, kinds = Container("image/heic", upright=True), set()
    for kind, start, end in _boxes(data):
        kinds.add(kind)
        found.end = end
        if kind != b"mdat":
            found.metadata.append((start, end))
    if not {b"meta", b"mdat"} <= kinds:
        raise corrupt()
    # Only here: a process that never sees a HEIC does not load libheif and its encoder (10 MB).
    import pillow_heif

    pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
    try:
        file = pillow_heif.open_heif(bytes(data))
        picture = file[file.primary_index]
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError, IndexError) as error:
        raise corrupt() from error
    # libheif has applied the file's own turns and crops (irot, imir, clap). EXIF's orientation only repeats
    # them, for information (ISO 23008-12 §A.2.1): applying it as well would turn the picture twice.
    found.width, found.height = picture.size
    exif = picture.info.get("exif")
    found.exif = exif if isinstance(exif, bytes) else b""
    return found


def corrupt() -> PhotoRefused:
    return PhotoRefused("corrupt", "The picture is damaged or was cut off on its way. Please send it again.")
