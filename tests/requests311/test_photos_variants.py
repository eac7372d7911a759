"""What others get to see: small, upright, without a word about the sender; and nothing a photo can do to us."""

import io
from pathlib import Path
from typing import Any

import pytest
import pyvips
from PIL import Image, ImageCms

from requests311.photos.variants import REASONS, RendererError, RenderRefused, run_renderer
from tests.factories import photos

TYPES = sorted(photos.FORMATS)
SIDES = {"thumbnail": 320, "large": 1600}
MEMORY = 300 * 1024
CAMERA_FILES = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"


def rendered(data: bytes, content_type: str, directory: Path) -> dict[str, Image.Image]:
    (directory / "original").write_bytes(data)
    assert run_renderer(content_type, directory / "original", directory) < MEMORY
    return {name: Image.open(io.BytesIO((directory / f"{name}.jpg").read_bytes())) for name in SIDES}


def refusal(data: bytes, content_type: str, directory: Path) -> RenderRefused:
    (directory / "original").write_bytes(data)
    with pytest.raises(RenderRefused) as caught:
        run_renderer(content_type, directory / "original", directory)
    assert caught.value.code in REASONS
    assert caught.value.peak_kib < MEMORY
    assert not list(directory.glob("*.jpg"))
    return caught.value


def colours(image: Image.Image) -> list[Any]:
    """Of the corners, clockwise from the top left."""
    width, height = image.size
    at = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
    return [image.getpixel((int(x * width), int(y * height))) for x, y in at]


def is_near(found: Any, expected: Any, tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("content_type", TYPES)
def test_both_sizes_of_every_format(content_type: str, tmp_path: Path) -> None:
    images = rendered(photos.photo(content_type, photos.corners(2400, 1800)), content_type, tmp_path)
    assert images["large"].size == (1600, 1200)
    assert images["thumbnail"].size == (320, 240)
    assert {image.format for image in images.values()} == {"JPEG"}
    assert {image.mode for image in images.values()} == {"RGB"}


@pytest.mark.parametrize("size", [(4000, 900), (900, 4000), (3199, 2401), (12_800, 100)])
@pytest.mark.parametrize("content_type", ["image/jpeg", "image/webp", "image/png"])
def test_the_longest_side_fits_exactly(content_type: str, size: tuple[int, int], tmp_path: Path) -> None:
    images = rendered(photos.photo(content_type, photos.corners(*size)), content_type, tmp_path)
    for name, side in SIDES.items():
        assert max(images[name].size) == side
        assert min(images[name].size) == pytest.approx(min(size) * side / max(size), abs=1)


@pytest.mark.parametrize("content_type", TYPES)
def test_never_enlarged(content_type: str, tmp_path: Path) -> None:
    images = rendered(photos.photo(content_type, photos.corners(200, 150)), content_type, tmp_path)
    assert images["large"].size == images["thumbnail"].size == (200, 150)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("content_type", TYPES)
def test_upright(content_type: str, orientation: int, tmp_path: Path) -> None:
    for image in rendered(photos.photo(content_type, orientation=orientation), content_type, tmp_path).values():
        assert image.width > image.height
        for found, expected in zip(colours(image), (photos.RED, photos.GREEN, photos.BLUE, photos.YELLOW), strict=True):
            assert is_near(found, expected)


@pytest.mark.parametrize("content_type", TYPES)
def test_no_metadata_of_any_kind(content_type: str, tmp_path: Path) -> None:
    original = photos.talkative(content_type)
    assert original.count(photos.SECRET.encode()) >= 2
    rendered(original, content_type, tmp_path)
    for name in SIDES:
        data = (tmp_path / f"{name}.jpg").read_bytes()
        for mark in (photos.SECRET.encode(), b"Exif", b"http", b"xmp", b"ICC_PROFILE", b"Photoshop", b"8BIM", b"acsp"):
            assert mark.lower() not in data.lower()
        assert segments(data) <= {0xE0, 0xC0, 0xC4, 0xDB, 0xDA}


def segments(jpeg: bytes) -> set[int]:
    """The markers up to the coded picture."""
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


def test_the_same_bytes_every_time(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
        rendered(photos.photo("image/heic"), "image/heic", directory)
    for name in SIDES:
        assert (first / f"{name}.jpg").read_bytes() == (second / f"{name}.jpg").read_bytes()


# --- Colours -----------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["image/png", "image/webp", "image/heic"])
def test_transparency_becomes_white(content_type: str, tmp_path: Path) -> None:
    image = Image.new("RGBA", (2000, 1000), (200, 0, 0, 0))
    image.paste((0, 0, 200, 255), (0, 0, 1000, 1000))
    for made in rendered(photos.photo(content_type, image), content_type, tmp_path).values():
        assert is_near(made.getpixel((made.width * 9 // 10, made.height // 2)), (255, 255, 255))
        assert is_near(made.getpixel((made.width // 10, made.height // 2)), (0, 0, 200))


def test_palette_and_one_bit_pictures(tmp_path: Path) -> None:
    palette = photos.corners().convert("P")
    for image in rendered(photos.photo("image/png", palette), "image/png", tmp_path).values():
        assert is_near(colours(image)[2], photos.BLUE, 30)
    bit = Image.new("1", (640, 480), 1)
    for image in rendered(photos.photo("image/png", bit), "image/png", tmp_path).values():
        assert is_near(colours(image)[0], (255, 255, 255))


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/heic"])
def test_grey(content_type: str, tmp_path: Path) -> None:
    grey = Image.new("L", (2000, 1000), 100)
    for image in rendered(photos.photo(content_type, grey), content_type, tmp_path).values():
        assert is_near(image.getpixel((9, 9)), (100, 100, 100), 3)


def test_cmyk(tmp_path: Path) -> None:
    cmyk = Image.new("CMYK", (2000, 1000), (0, 155, 205, 55))
    for image in rendered(photos.photo(image=cmyk), "image/jpeg", tmp_path).values():
        assert is_near(image.getpixel((9, 9)), (200, 100, 55), 30)


def test_sixteen_bits_with_transparency(tmp_path: Path) -> None:
    image = pyvips.Image.black(2000, 1000, bands=4).linear(1, [0, 32_768, 65_535, 65_535]).cast("ushort")
    data = image.copy(interpretation="rgb16").pngsave_buffer()
    for made in rendered(data, "image/png", tmp_path).values():
        assert is_near(made.getpixel((9, 9)), (0, 128, 255), 4)


def wide_profile() -> bytes:
    """Display P3, as iPhones embed it, made out of sRGB by exchanging the primaries (D50-adapted, s15Fixed16)."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {b"rXYZ": (0.51512, 0.24120, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189)}
    primaries[b"bXYZ"] = (0.15710, 0.06657, 0.78407)
    for tag, values in primaries.items():
        entry = data.index(tag)
        at = int.from_bytes(data[entry + 4 : entry + 8], "big") + 8
        for value in values:
            data[at : at + 4] = round(value * 65536).to_bytes(4, "big", signed=True)
            at += 4
    return bytes(data)


@pytest.mark.parametrize("content_type", TYPES)
def test_colours_are_converted_and_not_just_relabelled(content_type: str, tmp_path: Path) -> None:
    image = Image.new("RGB", (2000, 1000), (200, 100, 50))
    data = photos.photo(content_type, image, icc_profile=wide_profile(), quality=95)
    for made in rendered(data, content_type, tmp_path).values():
        assert is_near(made.getpixel((9, 9)), (215, 93, 31), 5)


def test_a_broken_profile_costs_nothing_but_itself(tmp_path: Path) -> None:
    image = Image.new("RGB", (2000, 1000), (200, 100, 50))
    data = photos.photo(image=image, icc_profile=b"not a profile" * 20)
    for made in rendered(data, "image/jpeg", tmp_path).values():
        assert is_near(made.getpixel((9, 9)), (200, 100, 50), 4)


# --- Refusals ----------------------------------------------------------------------------------


def test_a_jpeg_with_a_hole_is_corrupt(tmp_path: Path) -> None:
    assert (
        refusal(photos.hollowed(photos.photo(image=photos.corners(3000, 2000))), "image/jpeg", tmp_path).code
        == "corrupt"
    )


def test_extraneous_bytes_do_no_harm(tmp_path: Path) -> None:
    """Healthy cameras leave some before the end; libjpeg warns of them as "corrupt data"."""
    data = photos.photo(metadata=b"")
    assert data.endswith(b"\xff\xd9")
    rendered(data[:-2] + bytes(7) + data[-2:], "image/jpeg", tmp_path)


@pytest.mark.parametrize("content_type", TYPES)
def test_a_truncated_file_is_corrupt(content_type: str, tmp_path: Path) -> None:
    data = photos.truncated(photos.photo(content_type, photos.corners(3000, 2000), metadata=b""))
    assert refusal(data, content_type, tmp_path).code == "corrupt"


def test_only_the_loader_of_that_type_is_used(tmp_path: Path) -> None:
    """Whatever libvips could open by itself: the type is what intake found."""
    for content_type in TYPES:
        for data in (photos.other_files()["svg"], photos.other_files()["gif"], photos.other_files()["pdf"]):
            assert refusal(data, content_type, tmp_path).code == "corrupt"
    assert refusal(photos.photo("image/png"), "image/jpeg", tmp_path).code == "corrupt"


def test_an_unknown_type_is_our_fault_and_not_the_photos(tmp_path: Path) -> None:
    (tmp_path / "original").write_bytes(photos.photo())
    with pytest.raises(RendererError, match="KeyError"):
        run_renderer("image/gif", tmp_path / "original", tmp_path)


# --- Memory ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "options"),
    [
        ("image/jpeg", {}),
        ("image/jpeg", {"interlace": True}),
        ("image/png", {}),
        ("image/png", {"interlace": True}),
        ("image/heic", {}),
    ],
)
def test_the_largest_photos_are_made_within_the_memory(
    content_type: str, options: dict[str, Any], tmp_path: Path
) -> None:
    images = rendered(photos.largest(content_type, **options), content_type, tmp_path)
    assert max(images["large"].size) == 1600


@pytest.mark.parametrize(
    ("content_type", "options"),
    [("image/jpeg", {"interlace": True, "subsample_mode": "off"}), ("image/heic", {"chroma": 444})],
)
def test_photos_that_would_take_more_memory_are_refused(
    content_type: str, options: dict[str, Any], tmp_path: Path
) -> None:
    assert refusal(photos.largest(content_type, **options), content_type, tmp_path).code == "too_complex"


def test_bombs_that_came_past_the_intake(settings: Any, tmp_path: Path) -> None:
    bombs = [(photos.png_bomb(), "image/png"), (photos.heic_bomb(), "image/heic")]
    for data, content_type in [*bombs, (photos.webp_bomb(), "image/webp")]:
        assert refusal(data, content_type, tmp_path).code in {"too_many_pixels", "corrupt"}
    assert refusal(photos.heic_that_lies(), "image/heic", tmp_path).code in {"too_complex", "corrupt"}
    settings.PHOTO_MAX_PIXELS = 10**10
    assert refusal(photos.heic_bomb(), "image/heic", tmp_path).code in {"too_complex", "corrupt"}


@pytest.mark.skipif(not CAMERA_FILES.is_dir(), reason="no camera files here")
def test_camera_files(tmp_path: Path) -> None:
    for path in CAMERA_FILES.iterdir():
        content_type = "image/heic" if path.suffix == ".HEIC" else "image/jpeg"
        images = rendered(path.read_bytes(), content_type, tmp_path)
        if "portrait" in path.name or "HEIC" in path.name:
            assert images["large"].height > images["large"].width
