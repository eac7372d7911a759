"""POST /photos"""

from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from requests311.models import Photo
from tests.api.asking import API, refused, upload
from tests.factories.photos import LATITUDE, LONGITUDE, exif, photo, png_bomb

pytestmark = pytest.mark.django_db

URL = f"{API}/photos"


def file(data: bytes | None = None, name: str = "a.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, photo() if data is None else data, content_type="image/jpeg")


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp", "image/heic"])
def test_a_photo_is_taken(phone: APIClient, content_type: str) -> None:
    # What the sender calls it plays no part.
    response = upload(phone, photo(content_type), name="x.bin", kind="application/octet-stream")

    assert response.status_code == 201, response.content
    body = response.json()
    kept = Photo.objects.get()
    assert response["Location"] == f"http://testserver{URL}/{kept.pk}"
    assert kept.content_type == content_type
    assert body == {
        "id": str(kept.pk),
        "state": "pending",
        "reason": None,
        "captured_at": "2026-03-14T19:09:26+00:00",
        "location": {
            "latitude": pytest.approx(LATITUDE, abs=1e-5),
            "longitude": pytest.approx(LONGITUDE, abs=1e-5),
        },
        "width": 640,
        "height": 480,
        "variants": None,
    }


def test_what_the_file_does_not_say_is_null(phone: APIClient) -> None:
    body = upload(phone, photo(metadata=exif(place=None, taken=None))).json()
    assert (body["captured_at"], body["location"]) == (None, None)


def test_sizes_are_those_of_the_upright_picture(phone: APIClient) -> None:
    body = upload(phone, photo(orientation=6)).json()
    assert (body["width"], body["height"]) == (640, 480)


def test_nobody_in_particular_uploads_nothing(client: APIClient) -> None:
    refused(upload(client), 401, "not_authenticated")
    assert not Photo.objects.exists()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (dict, "no file"),
        (lambda: {"file": "text"}, "a text field"),
        (lambda: {"photo": file()}, "another name"),
        (lambda: {"file": [file(), file()]}, "two files"),
        (lambda: {"file": file(), "caption": "x"}, "a field besides"),
        (lambda: {"file": file(), "other": file()}, "a file besides"),
        (lambda: {"file": file(), "captured_at": "2026-01-01"}, "a time of the sender's own"),
    ],
)
def test_exactly_one_file(phone: APIClient, fields: Any, why: str) -> None:
    refused(phone.post(URL, fields(), format="multipart"), 422, "invalid", "/file")
    assert not Photo.objects.exists(), why


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"a pothole", "unsupported_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_type"),
        (b"\xff\xd8\xff\xe0", "corrupt"),
    ],
)
def test_what_is_no_photo(phone: APIClient, data: bytes, code: str) -> None:
    body = refused(upload(phone, data), 422, "photo_refused", "/file")
    assert body["errors"][0]["code"] == code
    assert not Photo.objects.exists()


def test_nine_hundred_megapixels_in_a_hundred_kilobytes(phone: APIClient) -> None:
    body = refused(upload(phone, png_bomb()), 422, "photo_refused", "/file")
    assert body["errors"][0]["code"] == "too_many_pixels"


def test_a_photo_that_is_a_page_too(phone: APIClient) -> None:
    body = refused(upload(phone, photo() + b"\n<!DOCTYPE html><p>hello"), 422, "photo_refused", "/file")
    assert body["errors"][0]["code"] == "polyglot"


def test_too_large_by_its_announcement_alone(phone: APIClient, settings: LazySettings) -> None:
    """The body is not read: its parser is never reached."""
    response = phone.generic(
        "POST",
        URL,
        "not even multipart",
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(settings.PHOTO_MAX_BYTES + 64 * 1024 + 1),
    )
    refused(response, 413, "too_large")


def test_too_large_when_it_is_there(phone: APIClient, settings: LazySettings) -> None:
    settings.PHOTO_MAX_BYTES = 1000
    refused(upload(phone), 413, "too_large", "/file")
    assert not Photo.objects.exists()


@pytest.mark.parametrize("content_type", ["application/json", "image/jpeg", "application/x-www-form-urlencoded"])
def test_another_content_type(phone: APIClient, content_type: str) -> None:
    refused(phone.generic("POST", URL, "a photo", content_type=content_type), 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=" + "\u00e9"])
def test_a_multipart_body_that_is_none(phone: APIClient, content_type: str) -> None:
    refused(phone.generic("POST", URL, "--x\r\n\r\n", content_type=content_type), 400)


def test_a_name_that_is_a_path_goes_nowhere(phone: APIClient) -> None:
    assert upload(phone, name="../../etc/passwd\u202e.jpg").status_code == 201
    name = Photo.objects.get().original.name or ""
    assert name.endswith(".jpg")
    assert ".." not in name
    assert "passwd" not in name
