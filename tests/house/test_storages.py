"""STORAGE_URL: local files, or an S3."""

from collections.abc import Iterator
from io import BytesIO

import boto3
import httpx
import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from moto.server import ThreadedMotoServer
from PIL import Image
from rest_framework.test import APIClient

from config.storages import storage_settings
from requests311.models import Photo, PhotoState
from requests311.models.photo import originals
from requests311.photos.intake import receive
from requests311.photos.variants import process
from tests.factories import photos
from tests.factories.people import guest, signed_in


def test_files() -> None:
    found = storage_settings("file:///srv/photos%20of%20all")
    assert found["originals"]["OPTIONS"]["location"] == "/srv/photos of all/originals"
    assert found["variants"]["OPTIONS"]["location"] == "/srv/photos of all/variants"
    assert found["originals"]["OPTIONS"]["file_permissions_mode"] == 0o600


def test_only_variants_are_written_over() -> None:
    files = storage_settings("file:///srv")
    bucket = storage_settings("s3://bucket")
    assert files["variants"]["OPTIONS"]["allow_overwrite"]
    assert bucket["variants"]["OPTIONS"]["file_overwrite"]
    assert not files["originals"]["OPTIONS"]["allow_overwrite"]
    assert not bucket["originals"]["OPTIONS"]["file_overwrite"]


def test_s3() -> None:
    options = storage_settings("s3://key:se%2Fcret@bucket/in/here?region=eu-west-1&endpoint=https://s3.example")[
        "originals"
    ]["OPTIONS"]
    assert options["bucket_name"] == "bucket"
    assert options["location"] == "in/here/originals"
    assert (options["access_key"], options["secret_key"]) == ("key", "se/cret")
    assert (options["region_name"], options["endpoint_url"]) == ("eu-west-1", "https://s3.example")
    assert options["querystring_auth"]


@pytest.mark.parametrize("url", ["/srv", "file://host/srv", "file:relative", "s3://", "ftp://somewhere", "nonsense"])
def test_anything_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="neither file:///directory nor s3://bucket"):
        storage_settings(url)


@pytest.fixture
def bucket(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The settings point at an S3 on loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        endpoint = f"http://127.0.0.1:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        client.create_bucket(Bucket="photos")
        settings.STORAGE_URL = f"s3://key:secret@photos?region=us-east-1&endpoint={endpoint}"
        settings.STORAGES = storage_settings(settings.STORAGE_URL)
        yield endpoint
        client.close()
    finally:
        server.stop()


@pytest.mark.django_db
def test_a_photo_lives_in_a_bucket(bucket: str) -> None:
    user = guest()
    photo = receive(file=SimpleUploadedFile("p.jpg", photos.photo("image/jpeg")), by=user)
    assert process(photo.pk) == PhotoState.READY
    photo = Photo.objects.get(pk=photo.pk)
    with originals().open(str(photo.original.name)) as original:
        assert original.read() == photos.photo("image/jpeg")
    client: APIClient = signed_in(user)
    response = client.get(f"/api/v1/photos/{photo.pk}/thumbnail")
    assert response.status_code == 302
    assert response.headers["Location"].startswith(bucket)
    assert "X-Amz-Signature" in response.headers["Location"] or "Signature" in response.headers["Location"]
    picture = httpx.get(response.headers["Location"], trust_env=False)
    assert max(Image.open(BytesIO(picture.content)).size) <= 320


@pytest.mark.django_db
def test_processing_again_leaves_one_file_a_variant(bucket: str) -> None:
    photo = receive(file=SimpleUploadedFile("p.jpg", photos.photo("image/jpeg")), by=guest())
    process(photo.pk)
    first = Photo.objects.get(pk=photo.pk)
    Photo.objects.filter(pk=photo.pk).update(state=PhotoState.PENDING)
    process(photo.pk)
    again = Photo.objects.get(pk=photo.pk)
    assert (again.thumbnail.name, again.large.name) == (first.thumbnail.name, first.large.name)
