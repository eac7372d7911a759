import hashlib
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib.gis.geos import Point
from django.utils import timezone
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import etags
from api.actors import signed_in
from api.fields import QueryPlace, checked_query
from api.languages import wanted
from api.schema import answers, degrees, header, operation, query, text
from api.services.serializers import Located, LocatePhotoQuery, LocateQuery, ServiceList
from requests311.catalogue import Offer
from requests311.models import AssetPolicy, Attribute, Photo
from requests311.places import Place, locate, offer_at, offers_at
from requests311.routing import route

_PLACE = [
    query("latitude", degrees(90), "Degrees north, WGS 84.", required=True),
    query("longitude", degrees(180), "Degrees east, WGS 84.", required=True),
]
_LANGUAGE = header("Accept-Language", "Language of names and questions (RFC 9110), as far as there is a translation.")

_POTHOLE = {
    "code": "pothole",
    "name": "Pothole",
    "description": "A hole in the roadway.",
    "group": "Streets",
    "keywords": ["road", "asphalt"],
    "photo": "optional",
    "asset": None,
    "jurisdiction": "smallville",
    "attributes": [
        {
            "code": "position",
            "order": 1,
            "datatype": "singlevaluelist",
            "required": False,
            "description": "Where on the street is it?",
            "datatype_description": "",
            "values": [{"key": "lane", "name": "In a lane"}, {"key": "curb", "name": "At the kerb"}],
            "depends_on": None,
        }
    ],
}
_LOCATED = {
    "location": {"latitude": 40.05, "longitude": -74.95},
    "jurisdiction": {"code": "smallville", "name": "Smallville"},
    "areas": [{"kind": "ward", "code": "west", "name": "West Ward"}],
    "department": {"code": "roads-west", "name": "Roads – West"},
    "reason": "Pothole reports in West Ward are theirs (rule 3)",
}


class ServicesView(APIView):
    authentication_classes = ()
    permission_classes = ()

    @operation(
        id="listServices",
        tag="catalogue",
        summary="What can be reported at a place",
        description="Every service offered there with its questions. Cacheable; carries an ETag.",
        parameters=[
            *_PLACE,
            _LANGUAGE,
            header("If-None-Match", "ETag of the list you have; 304 if it still holds."),
        ],
        responses={
            200: answers(ServiceList, "The services, by group and name.", ("services", {"results": [_POTHOLE]})),
            304: None,
        },
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request) -> Response:
        place = locate(_point(checked_query(QueryPlace, request)))
        language = wanted(request, place.jurisdictions[0].languages)
        offers = offers_at(place)
        tag = _catalogue_tag(place, [offer.service.pk for _, offer in offers], language)
        headers = {
            "ETag": tag,
            "Cache-Control": "public, max-age=60",
            "Content-Language": language,
            "Vary": "Accept-Language",
        }
        if etags.unchanged(request, tag):
            return Response(status=304, headers=headers)
        body = [_entry(offer, catalogue.jurisdiction.code, language) for catalogue, offer in offers]
        return Response({"results": body}, headers=headers)


class LocateView(APIView):
    """Anybody may ask of a place; of a photo, whoever took it."""

    def get_authenticators(self) -> list[Any]:
        # A place is nobody's: an old token must not refuse it, nor a good one cost a statement.
        return super().get_authenticators() if self._of_photo() else []

    def get_permissions(self) -> list[Any]:
        return [IsAuthenticated()] if self._of_photo() else [AllowAny()]

    def _of_photo(self) -> bool:
        # There is no request while openapi.yaml is made.
        return self.request is not None and "photo" in self.request.GET

    @operation(
        id="locate",
        tag="catalogue",
        summary="Who would get a report from this place, and why",
        description=(
            "A report decides anew: answers to questions, photos and the asset it names may send it elsewhere. "
            "Ask by `latitude` and `longitude`, or by `photo`: the id of a photo that the caller has uploaded and "
            "that knows where it was taken, which needs the access token of who took it."
        ),
        parameters=[
            query("latitude", degrees(90), "Degrees north, WGS 84. Needed without `photo`."),
            query("longitude", degrees(180), "Degrees east, WGS 84. Needed without `photo`."),
            query("photo", UUID, "Id of the caller's own photo, instead of a place."),
            query("service", text(60), "Code of a service offered there."),
        ],
        responses={200: answers(Located, "The answer.", ("located", _LOCATED))},
        refusals=[401, 404, 422],
        optional_token=True,
    )
    def get(self, request: Request) -> Response:
        if self._of_photo():
            values = checked_query(LocatePhotoQuery, request)
            point = Photo.objects.place_of(values["photo"], taken_by=signed_in(request).pk)
            headers = {"Vary": "Authorization", "Cache-Control": "private, no-store"}
        else:
            values = checked_query(LocateQuery, request)
            point, headers = _point(values), {}
        return Response(_answer(locate(point), values.get("service")), headers=headers)


def _point(values: dict[str, Any]) -> Point:
    return Point(values["longitude"], values["latitude"], srid=4326)


def _answer(place: Place, service: str | None) -> dict[str, Any]:
    """Who would get a report of this service from there, and why."""
    if service is None:
        return _located(place, place.jurisdictions[0].pk) | {"department": None, "reason": None}
    catalogue, offer = offer_at(place, service)
    jurisdiction = catalogue.jurisdiction
    decision = route(
        catalogue,
        offer.service,
        area_ids=place.area_ids(jurisdiction),
        answers={},
        on=timezone.now().astimezone(ZoneInfo(jurisdiction.time_zone)).date(),
    )
    department = {"code": decision.department.code, "name": decision.department.name}
    return _located(place, jurisdiction.pk) | {"department": department, "reason": decision.reason}


def _located(place: Place, jurisdiction_id: int) -> dict[str, Any]:
    jurisdiction = next(j for j in place.jurisdictions if j.pk == jurisdiction_id)
    return {
        "location": {"latitude": place.point.y, "longitude": place.point.x},
        "jurisdiction": {"code": jurisdiction.code, "name": jurisdiction.name},
        "areas": [{"kind": a.kind, "code": a.code, "name": a.name} for a in place.areas[jurisdiction_id]],
    }


def _catalogue_tag(place: Place, service_ids: list[int], language: str) -> str:
    """Changes with any catalogue there, with what is offered at this very place, and with the language."""
    versions = [(j.code, j.catalogue_version) for j in place.jurisdictions]
    digest = hashlib.blake2s(repr((versions, service_ids, language)).encode(), digest_size=12)
    return f'"{digest.hexdigest()}"'


def _entry(offer: Offer, jurisdiction: str, language: str) -> dict[str, Any]:
    service = offer.service
    words = service.translations.get(language, {})
    return {
        "code": service.code,
        "name": words.get("name", service.name),
        "description": words.get("description", service.description),
        "group": words.get("group", service.group),
        "keywords": service.keywords,
        "photo": service.photo,
        "asset": {"kind": service.asset_kind, "required": service.asset == AssetPolicy.REQUIRED}
        if service.asset != AssetPolicy.NONE
        else None,
        "jurisdiction": jurisdiction,
        "attributes": [_question(attribute, language) for attribute in offer.attributes],
    }


def _question(attribute: Attribute, language: str) -> dict[str, Any]:
    words = attribute.translations.get(language, {})
    names = words.get("values", {})
    return {
        "code": attribute.code,
        "order": attribute.order,
        "datatype": attribute.datatype,
        "required": attribute.required,
        "description": words.get("description", attribute.description),
        "datatype_description": words.get("datatype_description", attribute.datatype_description),
        "values": [{"key": v["key"], "name": names.get(v["key"], v["name"])} for v in attribute.values],
        "depends_on": attribute.depends_on,
    }
