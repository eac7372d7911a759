"""From an upload to a settled photo, with the faults in between."""

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import User
from config.celery import app
from requests311.errors import PhotoRefused
from requests311.models import Photo, PhotoState
from requests311.models.photo import originals, variants
from requests311.photos.intake import receive
from requests311.photos.variants import REASONS, pending_ids, process
from tests.factories import photos


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    """Storages of this test alone, as config/storages.py makes them; variants are overwritten."""
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {
        "originals": {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "originals"}},
        "variants": {"BACKEND": backend, "OPTIONS": {"location": tmp_path / "variants", "allow_overwrite": True}},
    }
    return tmp_path


@pytest.fixture
def resident(db: None) -> User:
    return User.objects.create_guest()


def upload(data: bytes, name: str = "x.exe", content_type: str = "text/html") -> "TemporaryUploadedFile":
    """As Django hands it to the view, with a name and a type that the sender made up."""
    file = TemporaryUploadedFile(name, content_type, len(data), None)
    file.write(data)
    file.seek(0)
    return file


def received(by: User, data: bytes | None = None) -> Photo:
    with upload(data or photos.photo()) as file:
        return receive(file=file, by=by)


def stored(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def content(storage: Storage, name: str) -> bytes:
    with storage.open(name) as file:
        return bytes(file.read())


# --- Receiving ---------------------------------------------------------------------------------


def test_the_original_is_kept_as_it_came_under_a_name_of_ours(resident: User, media: Path) -> None:
    data = photos.photo("image/heic")
    photo = received(resident, data)
    photo.refresh_from_db()
    assert photo.state == PhotoState.PENDING
    assert photo.uploaded_by == resident
    assert (photo.content_type, photo.width, photo.height) == ("image/heic", 640, 480)
    assert photo.location is not None
    assert photo.captured_at is not None
    assert photo.original.name == f"{timezone.now():%Y/%m/%d}/{photo.pk}.heic"
    assert stored(media) == [f"originals/{photo.original.name}"]
    assert content(originals(), str(photo.original.name)) == data


def test_the_worker_is_woken_after_commit_and_makes_it_ready(
    resident: User, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    before, app.conf.task_always_eager = app.conf.task_always_eager, True
    try:
        with django_capture_on_commit_callbacks(execute=True):
            photo = received(resident)
            assert photo.state == PhotoState.PENDING
    finally:
        app.conf.task_always_eager = before
    photo.refresh_from_db()
    assert photo.state == PhotoState.READY


@pytest.mark.parametrize("data", [b"", b"GIF89a", photos.polyglots()["zip"], photos.png_bomb()])
def test_nothing_is_stored_of_what_is_refused(data: bytes, resident: User, media: Path) -> None:
    with pytest.raises(PhotoRefused), upload(data) as file:
        receive(file=file, by=resident)
    assert stored(media) == []
    assert not Photo.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_file_goes_again_if_the_row_cannot_be_written(media: Path) -> None:
    stranger = User(id=uuid4(), is_guest=True)  # not in the database: the foreign key breaks at COMMIT
    with pytest.raises(IntegrityError):
        received(stranger)
    assert stored(media) == []


# --- Processing --------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", sorted(photos.FORMATS))
def test_a_photo_becomes_ready(content_type: str, resident: User, media: Path) -> None:
    photo = received(resident, photos.photo(content_type))
    assert process(photo.pk) is PhotoState.READY
    photo.refresh_from_db()
    assert photo.state == PhotoState.READY
    assert photo.reason == ""
    assert photo.thumbnail.name == f"{photo.pk}/thumbnail.jpg"
    assert photo.large.name == f"{photo.pk}/large.jpg"
    assert stored(media / "variants") == [photo.large.name, photo.thumbnail.name]
    assert stored(media / "originals") == [photo.original.name]


def test_a_photo_that_cannot_be_decoded_is_rejected_with_a_reason(resident: User, media: Path) -> None:
    photo = received(resident, photos.hollowed(photos.photo(image=photos.corners(3000, 2000))))
    assert process(photo.pk) is PhotoState.REJECTED
    photo.refresh_from_db()
    assert photo.reason == REASONS["corrupt"]
    assert (photo.thumbnail.name, photo.large.name) == ("", "")
    assert stored(media / "variants") == []


def test_every_reason_fits_its_column() -> None:
    longest = Photo._meta.get_field("reason").max_length
    assert longest is not None
    assert max(map(len, REASONS.values())) <= longest


def test_a_settled_photo_is_left_alone(resident: User) -> None:
    photo = received(resident)
    for state, fields in (
        (PhotoState.REJECTED, {"reason": "by hand"}),
        (PhotoState.READY, {"thumbnail": "t", "large": "l"}),
    ):
        Photo.objects.filter(pk=photo.pk).update(state=state, **fields)
        assert process(photo.pk) is state
    photo.refresh_from_db()
    assert photo.large.name == "l"


def test_a_deleted_photo(db: None) -> None:
    with pytest.raises(Photo.DoesNotExist):
        process(uuid4())


# --- Faults ------------------------------------------------------------------------------------


def test_killed_after_storing_and_before_the_row(resident: User, media: Path) -> None:
    """What a killed worker leaves: a pending row, and variants of which one is half written, one stale."""
    photo = received(resident)
    variants().save(f"{photo.pk}/large.jpg", ContentFile(b"\xff\xd8 half"))
    variants().save(f"{photo.pk}/thumbnail.jpg", ContentFile(b"\xff\xd8 stale" * 100_000))
    assert process(photo.pk) is PhotoState.READY
    photo.refresh_from_db()
    assert stored(media / "variants") == [photo.large.name, photo.thumbnail.name]
    for name in stored(media / "variants"):
        data = content(variants(), name)
        assert data.endswith(b"\xff\xd9")
        assert b"stale" not in data


def test_a_storage_that_never_overwrites_leaves_no_mix_up_either(resident: User, media: Path, settings: Any) -> None:
    settings.STORAGES["variants"]["OPTIONS"]["allow_overwrite"] = False
    settings.STORAGES = dict(settings.STORAGES)
    photo = received(resident)
    variants().save(f"{photo.pk}/large.jpg", ContentFile(b"half"))
    assert process(photo.pk) is PhotoState.READY
    photo.refresh_from_db()
    assert content(variants(), str(photo.large.name)).endswith(b"\xff\xd9")


@pytest.mark.django_db(transaction=True)
def test_processed_by_two_workers_at_once(media: Path) -> None:
    photo = received(User.objects.create_guest())
    start, states = threading.Barrier(2), []

    def work() -> None:
        try:
            start.wait(30)
            states.append(process(photo.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert states == [PhotoState.READY, PhotoState.READY]
    assert len(stored(media / "variants")) == 2


def test_a_missing_original_is_tried_again_and_one_day_given_up(resident: User) -> None:
    photo = received(resident)
    originals().delete(str(photo.original.name))
    with pytest.raises(FileNotFoundError):
        process(photo.pk)
    photo.refresh_from_db()
    assert photo.state == PhotoState.PENDING
    Photo.objects.filter(pk=photo.pk).update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    assert process(photo.pk) is PhotoState.REJECTED
    photo.refresh_from_db()
    assert photo.reason == REASONS["given_up"]


def test_pending_ids_are_the_oldest_first(resident: User) -> None:
    def aged(minutes: int) -> UUID:
        photo = received(resident)
        Photo.objects.filter(pk=photo.pk).update(created_at=timezone.now() - timedelta(minutes=minutes))
        return photo.pk

    young, old, oldest, ready = (aged(minutes) for minutes in (0, 10, 20, 30))
    process(ready)
    assert pending_ids(timedelta(minutes=5), 10) == [oldest, old]
    assert pending_ids(timedelta(minutes=5), 1) == [oldest]
    assert young in pending_ids(timedelta(minutes=-1), 10)


def test_the_invariants_are_the_databases(resident: User) -> None:
    photo = received(resident)
    for broken in ({"state": "ready"}, {"state": "rejected"}, {"state": "lost"}):
        with pytest.raises(IntegrityError, match="photo_"), transaction.atomic():
            Photo.objects.filter(pk=photo.pk).update(**broken)


def test_a_renderer_that_is_killed_is_no_verdict() -> None:
    """SIGKILL is what operators and the kernel's memory killer send; a crash is what a decoder does."""
    from requests311.photos.variants import _CRASHES

    done = subprocess.run([sys.executable, "-c", "import os; os.abort()"], capture_output=True, check=False)
    assert -done.returncode in _CRASHES
    assert signal.SIGKILL not in _CRASHES
    assert signal.SIGTERM not in _CRASHES
