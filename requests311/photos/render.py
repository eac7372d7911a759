"""Decodes one untrusted picture and writes its two public variants. Runs as a program of its own.

    python -I render.py CONTENT_TYPE ORIGINAL DIRECTORY MAX_PIXELS

Why a process and not a function: decoders are the most attacked code there is, and they run here on
whatever a stranger sends. In a process of its own the kernel bounds their memory and time, a crash
costs one photo instead of the worker (and a crashing photo that comes back with every redelivery
would cost it for ever), the memory of a 50-megapixel picture is given back, and the environment holds
no secret. Nothing of Django is imported: a worker with Django starts at 150 MB, this at 20.

Writes `large.jpg` and `thumbnail.jpg` into DIRECTORY. Prints one JSON object: `{"peak_kib": …}`,
or `{"refused": code}` with the codes `corrupt`, `too_many_pixels` and `too_complex`. Anything else
(another exit code, no JSON) is a fault of ours, or of the decoder, for `variants` to tell apart.
"""

import json
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

#: Longest side in pixels. JPEG quality 80 is where libjpeg's artefacts stop being visible at this size.
VARIANTS = (("large", 1600), ("thumbnail", 320))
QUALITY = 80

#: Bytes of private memory. With the libraries' own pages on top the process stays under 300 MB.
MAX_DATA = 262 * 2**20
MAX_CPU_SECONDS = 60
MAX_FILE_BYTES = 32 * 2**20


class Refused(Exception):
    """The picture's fault; the argument is the code."""


def limit_resources() -> None:
    """What a hostile picture can take at most, kept by the kernel. Linux; elsewhere what there is."""
    for limit, value in (
        (resource.RLIMIT_DATA, MAX_DATA),
        (resource.RLIMIT_CPU, MAX_CPU_SECONDS),
        (resource.RLIMIT_FSIZE, MAX_FILE_BYTES),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        with suppress(ValueError, OSError):
            resource.setrlimit(limit, (value, value))


def peak_kib() -> int:
    """The most memory this process ever had resident, in KiB. `ru_maxrss` counts our parent's as well."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def wants_memory(error: Exception) -> bool:
    """Whether a library gave up for want of memory: the words of libheif, libvips, libjpeg and libspng."""
    return any(words in str(error).lower() for words in ("of memory", "insufficient memory", "allocat"))


def import_vips() -> Any:
    """libvips with the loaders that are not fit for strangers' files (SVG, PDF, ImageMagick, …) blocked."""
    import pyvips

    pyvips.block_untrusted_set(True)
    pyvips.cache_set_max(0)
    pyvips.concurrency_set(1)
    return pyvips


def open_with_vips(content_type: str, path: str, max_pixels: int) -> Any:
    """The picture, decoded row by row as it is read, by the one loader that the content calls for.

    JPEG and WebP are decoded at a fraction where that still leaves `large` its pixels, as
    `vips_thumbnail` does; that function itself would choose the loader by its own guess.
    `fail_on="error"` includes files that end too early.
    """
    vips = import_vips()
    loader = {"image/jpeg": "jpegload", "image/png": "pngload", "image/webp": "webpload"}[content_type]
    options: dict[str, Any] = {"access": "sequential", "fail_on": "error"}
    header = vips.Operation.call(loader, path, **options)
    if header.width * header.height > max_pixels:
        raise Refused("too_many_pixels")
    shrink = max(header.width, header.height) // VARIANTS[0][1]
    if content_type == "image/jpeg" and shrink > 1:
        options["shrink"] = 8 if shrink >= 8 else 4 if shrink >= 4 else 2
    elif content_type == "image/webp" and shrink > 1:
        options["scale"] = 1 / shrink
    return vips.Operation.call(loader, path, **options)


def open_heic(path: str, max_pixels: int) -> Any:
    """The primary picture of a HEIC file, which libvips' wheel cannot decode (it has no HEVC).

    libheif turns it upright (irot, imir) and crops it (clap); the EXIF orientation of a HEIC is for
    information only (ISO 23008-12 §A.2.1) and is therefore not handed on. libheif is asked first and
    libvips imported after, so that the peak of the one and the start of the other do not add up.
    """
    import pillow_heif

    pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False
    pillow_heif.options.DECODE_THREADS = 1
    try:
        container = pillow_heif.open_heif(path, convert_hdr_to_8bit=True)
        picture = container[container.primary_index]
        if picture.size[0] * picture.size[1] > max_pixels:
            raise Refused("too_many_pixels")
        profile = picture.info.get("icc_profile")
        pixels = picture.data
        (width, height), mode = picture.size, picture.mode
    except (ValueError, EOFError, SyntaxError, RuntimeError, OSError) as error:
        raise Refused("too_complex" if wants_memory(error) else "corrupt") from error
    vips = import_vips()
    bands = {"L": 1, "LA": 2, "La": 2, "RGB": 3, "RGBA": 4, "RGBa": 4}[mode]
    image = vips.Image.new_from_memory(pixels, width, height, bands, "uchar")
    image = image.copy(interpretation="b-w" if bands < 3 else "srgb")
    if mode in {"La", "RGBa"}:
        image = image.unpremultiply().cast("uchar")
    if profile:
        image.set_type(vips.GValue.blob_type, "icc-profile-data", profile)
    return image


def is_damaged() -> bool:
    """Whether libjpeg met a hole in the picture and filled it with grey.

    That is only a warning to it, and `fail_on="warning"` would be too strict: it refuses photos of healthy
    cameras for "extraneous bytes before marker". So libvips' log is read for these two, and at
    once: its next operation clears it.
    """
    import pyvips

    warnings = str(pyvips.Error("").detail)
    return "premature end of data" in warnings or "bad Huffman code" in warnings


def shrink(image: Any, side: int) -> Any:
    """Upright, eight-bit sRGB on white, within `side` pixels; never enlarged.

    `thumbnail_image` turns by the orientation of the loader, weighs colours by their transparency, and
    converts from the embedded profile, CMYK, grey or 16 bits; it lets a broken profile pass unused.
    """
    image = image.thumbnail_image(side, height=side, size="down", export_profile="srgb").copy_memory()
    if is_damaged():
        raise Refused("corrupt")
    image = image.colourspace("srgb")
    if image.hasalpha():
        image = image.flatten(background=[255, 255, 255])
    return image.cast("uchar").copy_memory()


def render(content_type: str, original: str, directory: str, max_pixels: int) -> None:
    """Writes the variants. `keep="none"` leaves out EXIF, XMP, IPTC, comments and ICC alike."""
    if content_type == "image/heic":
        image = open_heic(original, max_pixels)
    else:
        image = open_with_vips(content_type, original, max_pixels)
    for name, side in VARIANTS:
        image = shrink(image, side)
        jpeg = image.jpegsave_buffer(Q=QUALITY, keep="none", optimize_coding=True)
        # Written by Python, so that a full disk is an OSError and not taken for the picture's fault.
        Path(directory, f"{name}.jpg").write_bytes(jpeg)


def main(arguments: list[str]) -> int:
    limit_resources()
    content_type, original, directory, max_pixels = arguments
    try:
        render(content_type, original, directory, int(max_pixels))
        answer: dict[str, Any] = {}
    except Refused as refused:
        answer = {"refused": refused.args[0]}
    except MemoryError:
        answer = {"refused": "too_complex"}
    except Exception as error:
        if type(error).__module__.partition(".")[0] != "pyvips":
            raise
        answer = {"refused": "too_complex" if wants_memory(error) else "corrupt", "detail": str(error)[:500]}
    sys.stdout.write(json.dumps(answer | {"peak_kib": peak_kib()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
