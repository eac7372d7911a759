"""From an original to the two pictures that others may see. Runs in the worker."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from uuid import UUID

import structlog
from django.conf import settings
from django.core.files import File
from django.utils import timezone

from requests311.models.photo import Photo, PhotoState, originals, variants

log = structlog.get_logger(__name__)

#: Wall-clock seconds for one photo. The kernel ends the renderer after 60 s of CPU time already.
TIMEOUT_SECONDS = 120

#: A photo that could not be processed for this long, through no proven fault of its own, is given up, so
#: that a handful of such photos cannot keep the sweep busy for ever.
GIVE_UP_AFTER = timedelta(days=1)

#: Why a photo was rejected, for the person who sent it.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "corrupt": "The picture is damaged or was cut off on its way. Please send it again.",
        "too_many_pixels": "The picture has more pixels than we can accept.",
        "too_complex": "The picture needs too much memory to open. Please send it as an ordinary JPEG.",
        "given_up": "The picture could not be processed. Please send it again.",
    }
)

#: How a decoder dies of a picture: aborted or crashed, or stopped by a limit of `render.limit_resources`.
#: SIGKILL is not among them, since that is how operators and the kernel's memory killer end the innocent.
_CRASHES = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGXCPU}


class RenderRefused(Exception):
    """The picture cannot be rendered and never will be; `code` is a key of REASONS."""

    def __init__(self, code: str, peak_kib: int = 0) -> None:
        super().__init__(code)
        self.code = code
        #: Most memory the renderer had resident, in KiB; 0 where it did not live to say so.
        self.peak_kib = peak_kib


class RendererError(Exception):
    """The renderer did not run as it should; not the picture's fault, worth another try."""


def process(photo_id: UUID) -> PhotoState:
    """Makes the variants of a pending photo and says what became of it; a settled one is left as it is.

    May run twice, also at the same time: names and bytes of the variants are the same each time, and only
    one guarded update settles the photo. Raises Photo.DoesNotExist, and whatever the storage or
    the machine failed with: the photo then stays pending and `pending_ids` finds it again.
    """
    photo = Photo.objects.get(pk=photo_id)
    if photo.state != PhotoState.PENDING:
        return PhotoState(photo.state)
    try:
        names = _make_variants(photo)
    except RenderRefused as refused:
        log.info("photo rejected", photo=str(photo_id), because=refused.code)
        return _settle(photo_id, state=PhotoState.REJECTED, reason=REASONS[refused.code])
    except Exception:
        if timezone.now() - photo.created_at < GIVE_UP_AFTER:
            raise
        log.exception("photo given up", photo=str(photo_id))
        return _settle(photo_id, state=PhotoState.REJECTED, reason=REASONS["given_up"])
    return _settle(photo_id, state=PhotoState.READY, **names)


def pending_ids(older_than: timedelta, limit: int) -> list[UUID]:
    """Photos left behind by a crash or a dead broker, the oldest first."""
    pending = Photo.objects.filter(state=PhotoState.PENDING, created_at__lt=timezone.now() - older_than)
    return list(pending.order_by("created_at").values_list("pk", flat=True)[:limit])


def _settle(photo_id: UUID, **fields: str) -> PhotoState:
    Photo.objects.filter(pk=photo_id, state=PhotoState.PENDING).update(**fields)
    return PhotoState(Photo.objects.values_list("state", flat=True).get(pk=photo_id))


def _make_variants(photo: Photo) -> dict[str, str]:
    """Stores the variants; their names in the storage, by field."""
    with TemporaryDirectory(prefix="photo-") as directory:
        local = Path(directory, "original")
        with originals().open(photo.original.name or "") as source, local.open("wb") as target:
            shutil.copyfileobj(source, target, 1024 * 1024)
        run_renderer(photo.content_type, local, Path(directory))
        names = {}
        for field in ("thumbnail", "large"):
            with Path(directory, f"{field}.jpg").open("rb") as file:
                # The storage may answer with another name if it does not overwrite: then the row names that
                # one, and the file of a run that was killed before it got to the row is left over.
                names[field] = variants().save(f"{photo.pk}/{field}.jpg", File(file))
        return names


def run_renderer(content_type: str, original: Path, directory: Path) -> int:
    """Runs `render.py` in a process of its own; why, is said there. Returns its peak memory in KiB.

    Raises RenderRefused or RendererError. The child gets no environment of ours: no secret is in its
    reach, and nothing configures the libraries behind our back.
    """
    command = [
        sys.executable,
        "-I",
        str(Path(__file__).with_name("render.py")),
        content_type,
        str(original),
        str(directory),
        str(settings.PHOTO_MAX_PIXELS),
    ]
    # More arenas of malloc only spread what is freed; with one, memory that libheif frees serves libvips.
    environment = {"PATH": os.defpath, "TMPDIR": str(directory), "MALLOC_ARENA_MAX": "1"}
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and no word of it from outside
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=environment,
            cwd=directory,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as slow:
        raise RenderRefused("too_complex") from slow
    if -done.returncode in _CRASHES:
        raise RenderRefused("corrupt")
    if done.returncode:
        raise RendererError(f"exit {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise RenderRefused(answer["refused"], answer["peak_kib"])
    return int(answer["peak_kib"])
