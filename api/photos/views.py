from datetime import UTC
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.actors import caller, signed_in
from api.errors import HttpError, InvalidInput
from api.links import base_url
from api.photos.serializers import PhotoDocument, PhotoUpload
from api.renderers import BinaryRenderer, JSONRenderer
from api.schema import answers, operation, query, text
from requests311.errors import InputError, NotFound
from requests311.models import Photo, PhotoAudience, PhotoState
from requests311.models.photo import PhotoQuerySet, variants
from requests311.photos.intake import receive
from requests311.queries.links import read_handover

#: Bytes of a multipart envelope around the file, generously.
_ENVELOPE = 64 * 1024

_VARIANTS = ("thumbnail", "large")
_VARIANT = OpenApiParameter("variant", str, OpenApiParameter.PATH, enum=_VARIANTS)

_PENDING = {
    "id": "019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b",
    "state": "pending",
    "reason": None,
    "captured_at": "2026-11-21T14:01:55+00:00",
    "location": {"latitude": 40.05, "longitude": -74.95},
    "width": 3000,
    "height": 4000,
    "variants": None,
}
_READY = _PENDING | {
    "state": "ready",
    "variants": {
        "thumbnail": "https://city.example/api/v1/photos/019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b/thumbnail",
        "large": "https://city.example/api/v1/photos/019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b/large",
    },
}


class PhotosView(APIView):
    parser_classes = (MultiPartParser,)
    permission_classes = (IsAuthenticated,)
    throttle_scopes = {"POST": "photo"}

    @operation(
        id="uploadPhoto",
        tag="photos",
        summary="Upload a photo before the report that names it",
        description=(
            "The original is kept privately as received; place and time are read from its EXIF. What others "
            "see is made from it within seconds: upright, smaller, and without any metadata."
        ),
        request={"multipart/form-data": PhotoUpload},
        responses={201: answers(PhotoDocument, "Received.", ("pending", _PENDING))},
        refusals=[401, 422],
    )
    def post(self, request: Request) -> Response:
        user = signed_in(request)
        _check_length(request)
        files = request.FILES.getlist("file")
        if len(files) != 1 or set(request.data) != {"file"}:
            raise InvalidInput([InputError("/file", "required", "Send exactly one file, in the field `file`.")])
        photo = receive(file=files[0], by=user)
        headers = {"Location": f"{base_url(request)}/api/v1/photos/{photo.pk}"}
        return Response(_document(photo, base_url(request), private=True), status=201, headers=headers)


class PhotoView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="getPhoto",
        tag="photos",
        summary="State of a photo, and where its variants are",
        responses={200: answers(PhotoDocument, "The photo.", ("ready", _READY))},
        refusals=[401, 404],
    )
    def get(self, request: Request, photo_id: UUID) -> Response:
        actor = caller(request)
        photo = Photo.objects.visible_to(actor).select_related("request__department").filter(pk=photo_id).first()
        if photo is None:
            raise NotFound
        private = actor.sees_origin_of(photo)
        headers = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}
        return Response(_document(photo, base_url(request), private=private), headers=headers)


class PhotoVariantView(APIView):
    """The picture itself; access is decided at every call, so that a hidden one is gone at once."""

    permission_classes = (AllowAny,)
    renderer_classes = (BinaryRenderer, JSONRenderer)

    @operation(
        id="getPhotoVariant",
        tag="photos",
        summary="A variant of a photo: upright, without metadata",
        description="`thumbnail` has 320 px at most, `large` 1600 px. 404 until the photo is ready.",
        parameters=[_VARIANT, query("link", text(200), "A contractor's token, for the photos of what it is about.")],
        responses={
            (200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, description="The picture."),
            302: OpenApiResponse(description="The picture lies in the file store, at `Location`, for five minutes."),
        },
        refusals=[401, 404, 410],
    )
    def get(self, request: Request, photo_id: UUID, variant: str) -> HttpResponseBase:
        if variant not in _VARIANTS:
            raise NotFound
        photo = _visible(request).filter(pk=photo_id, state=PhotoState.READY).first()
        if photo is None:
            raise NotFound
        name = (photo.thumbnail if variant == "thumbnail" else photo.large).name or ""
        response: HttpResponseBase
        if settings.STORAGE_URL.startswith("s3:"):
            response = HttpResponseRedirect(variants().url(name))
        else:
            try:
                response = FileResponse(variants().open(name), content_type="image/jpeg")
            except FileNotFoundError as error:
                raise NotFound from error
        # `private`: a proxy that kept it would show it after it was hidden.
        response["Cache-Control"] = "private, max-age=60"
        response["Vary"] = "Authorization"
        response["Content-Security-Policy"] = "default-src 'none'; sandbox"
        return response


def _visible(request: Request) -> "PhotoQuerySet":
    """What the caller may see, or what was handed over to whoever holds the link."""
    token = request.query_params.get("link")
    if not token:
        return Photo.objects.visible_to(caller(request))
    return Photo.objects.filter(request=read_handover(token).request_id, audience=PhotoAudience.PUBLIC)


def _check_length(request: Request) -> None:
    """Refuses before a byte is read: the length is announced, and Django reads no further than that."""
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError as error:
        raise ParseError("Content-Length is not a number.") from error
    if length > settings.PHOTO_MAX_BYTES + _ENVELOPE:
        raise HttpError(413, "too_large", f"A photo has at most {settings.PHOTO_MAX_BYTES // 2**20} MB.")


def _document(photo: Photo, base: str, *, private: bool) -> dict[str, Any]:
    location = photo.location if private else None
    own = f"{base}/api/v1/photos/{photo.pk}"
    return {
        "id": str(photo.pk),
        "state": photo.state,
        "reason": photo.reason or None,
        "captured_at": photo.captured_at.astimezone(UTC).isoformat() if private and photo.captured_at else None,
        "location": {"latitude": location.y, "longitude": location.x} if location else None,
        "width": photo.width,
        "height": photo.height,
        "variants": {"thumbnail": f"{own}/thumbnail", "large": f"{own}/large"}
        if photo.state == PhotoState.READY
        else None,
    }
