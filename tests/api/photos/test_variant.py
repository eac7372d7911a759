"""GET /photos/{id}/{variant}"""

import io
from typing import Any
from uuid import UUID

import pytest
from PIL import Image
from rest_framework.test import APIClient

from requests311.models import Photo, ServiceRequest
from requests311.models.photo import variants as storage
from requests311.photos import variants
from tests.api.asking import API, refused, submitted, uploaded
from tests.factories.cities import SmallCity
from tests.factories.photos import SECRET, corners, photo, talkative

pytestmark = pytest.mark.django_db


def get(client: APIClient, id_: str, variant: str = "large", **headers: str) -> Any:
    return client.get(f"{API}/photos/{id_}/{variant}", headers=headers)


def content(response: Any) -> bytes:
    assert response.status_code == 200
    return b"".join(response.streaming_content)


@pytest.fixture
def shown(phone: APIClient, city: SmallCity) -> str:
    """A photo of a public report, ready."""
    id_ = uploaded(phone, talkative("image/jpeg"))
    submitted(phone, city, photos=[id_])
    variants.process(UUID(id_))
    return id_


@pytest.mark.parametrize(("variant", "most"), [("thumbnail", 320), ("large", 1600)])
def test_everybody_sees_it(client: APIClient, phone: APIClient, variant: str, most: int, city: SmallCity) -> None:
    id_ = uploaded(phone, photo(image=corners(2400, 1800)))
    submitted(phone, city, photos=[id_])
    variants.process(UUID(id_))

    response = get(client, id_, variant)
    assert response["Content-Type"] == "image/jpeg"
    picture = Image.open(io.BytesIO(content(response)))
    assert max(picture.size) == most
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_it_says_nothing_of_its_sender(client: APIClient, shown: str) -> None:
    for variant in ("thumbnail", "large"):
        data = content(get(client, shown, variant))
        assert SECRET.encode() not in data
        picture = Image.open(io.BytesIO(data))
        assert not picture.getexif()
        assert not {"exif", "xmp", "photoshop", "comment"} & set(picture.info)


def test_a_proxy_may_not_keep_it(client: APIClient, shown: str) -> None:
    response = get(client, shown)
    assert "private" in response["Cache-Control"]
    assert "Authorization" in response["Vary"]
    content(response)


def test_it_is_gone_as_soon_as_it_is_hidden(client: APIClient, phone: APIClient, shown: str) -> None:
    content(get(client, shown))
    ServiceRequest.objects.update(visibility="private")
    refused(get(client, shown), 404, "not_found")
    content(get(phone, shown))
    Photo.objects.update(state="rejected", reason="Shows a face.")
    for anybody in (client, phone):
        refused(get(anybody, shown), 404, "not_found")


def test_not_before_it_is_ready(phone: APIClient) -> None:
    refused(get(phone, uploaded(phone)), 404, "not_found")


@pytest.mark.parametrize("variant", ["original", "raw", "THUMBNAIL", "thumbnail.jpg", "%2e%2e", "x"])
def test_no_other_variant(client: APIClient, shown: str, variant: str) -> None:
    refused(get(client, shown, variant), 404, "not_found")


def test_a_file_that_is_lost(client: APIClient, shown: str) -> None:
    storage().delete(Photo.objects.get().large.name or "")
    refused(get(client, shown), 404, "not_found")


@pytest.mark.parametrize("accept", ["image/jpeg", "image/*", "*/*", "image/avif,image/webp,*/*;q=0.8"])
def test_what_browsers_accept(client: APIClient, shown: str, accept: str) -> None:
    content(get(client, shown, Accept=accept))
    refused(get(client, "019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b", Accept=accept), 404, "not_found")
