"""What happens to a photo while its sender waits: looked at, never decoded, stored as it came."""

import hashlib
import io
import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.contrib.gis.geos import Point
from django.core.files.base import File
from django.db import transaction
from uuid_utils.compat import uuid7

from accounts.models import User
from requests311.errors import PhotoRefused, PhotoTooLarge
from requests311.models.photo import Photo, originals
from requests311.photos.containers import EXTENSIONS, Data, read_container
from requests311.photos.metadata import read_metadata
from requests311.photos.polyglots import refuse_polyglots


@dataclass(frozen=True)
class Inspection:
    """What the file itself says; names and types that the sender claimed play no part."""

    content_type: str
    #: Pixels of the upright picture.
    width: int
    height: int
    #: Aware; None where the file does not say in which zone.
    captured_at: datetime | None
    #: WGS 84, lon/lat.
    location: Point | None
    sha256: str
    size_bytes: int
    #: Without a dot.
    extension: str


def inspect(file: BinaryIO) -> Inspection:
    """Reads headers and metadata; the file is left at its start.

    Raises PhotoRefused: `empty`, `too_large` (settings.PHOTO_MAX_BYTES), `unsupported_type`, `corrupt`,
    `too_many_pixels` (settings.PHOTO_MAX_PIXELS), `polyglot`. Maps the file instead of reading it, so that
    twenty uploads at once do not cost a web process twenty files of memory.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if not size:
        raise PhotoRefused("empty", "The file is empty.")
    if size > settings.PHOTO_MAX_BYTES:
        limit = settings.PHOTO_MAX_BYTES // 2**20
        raise PhotoTooLarge("too_large", f"The file is too large; at most {limit} MB are accepted.")
    with _contents(file) as data:
        container = read_container(data)
        if container.width * container.height > settings.PHOTO_MAX_PIXELS:
            limit = settings.PHOTO_MAX_PIXELS // 1_000_000
            raise PhotoRefused("too_many_pixels", f"The picture has more than {limit} megapixels.")
        refuse_polyglots(data, container)
        digest = hashlib.sha256(data).hexdigest()
    metadata = read_metadata(container.exif)
    width, height = container.width, container.height
    if metadata.orientation >= 5 and not container.upright:
        width, height = height, width
    return Inspection(
        content_type=container.content_type,
        width=width,
        height=height,
        captured_at=metadata.captured_at,
        location=metadata.location,
        sha256=digest,
        size_bytes=size,
        extension=EXTENSIONS[container.content_type],
    )


@contextmanager
def _contents(file: BinaryIO) -> Iterator[Data]:
    """All bytes of a file, mapped where it is a real one (uploads are: TemporaryFileUploadHandler)."""
    try:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (AttributeError, OSError, ValueError):  # in memory: no descriptor
        data = file.read()
        file.seek(0)
        yield data
        return
    with mapped:
        yield mapped


def receive(*, file: "File[bytes]", by: User | None) -> Photo:
    """Stores a photo privately and has the worker make its variants after COMMIT.

    Raises PhotoRefused as `inspect` does; then nothing is stored. The file goes first and the row second:
    a crash between the two leaves a file that no row names, never a row whose file is missing.
    """
    found = inspect(file)  # type: ignore[arg-type]  # a proxy of a binary file, which typeshed cannot see
    photo_id = uuid7()
    name = originals().save(f"{datetime.now(UTC):%Y/%m/%d}/{photo_id}.{found.extension}", file)
    try:
        with transaction.atomic():
            photo = Photo.objects.create(
                id=photo_id,
                uploaded_by=by,
                original=name,
                content_type=found.content_type,
                size_bytes=found.size_bytes,
                sha256=found.sha256,
                width=found.width,
                height=found.height,
                captured_at=found.captured_at,
                location=found.location,
            )
            transaction.on_commit(lambda: _wake_worker(photo_id))
    except BaseException:
        originals().delete(name)
        raise
    return photo


def _wake_worker(photo_id: UUID) -> None:
    # The task imports `variants`, and through it this package: imported late, so that the circle stays open.
    from notifications.wake import wake
    from requests311.tasks import process_photo

    wake(process_photo, str(photo_id))
