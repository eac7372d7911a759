from uuid import UUID

from django.contrib.gis.geos import Point
from drf_spectacular.utils import OpenApiParameter
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.actors import caller
from api.assets.serializers import (
    DEFAULT_LIMIT,
    DEFAULT_RADIUS,
    GREATEST_LIMIT,
    GREATEST_RADIUS,
    AssetDocument,
    AssetList,
    AssetsQuery,
    EarlierRequests,
)
from api.fields import checked_query
from api.links import base_url
from api.renderers import JSONText
from api.requests import examples
from api.schema import answers, degrees, operation, query
from requests311.errors import NotFound
from requests311.queries.assets import asset_with_requests, assets_near, earlier_requests

_ID = "019f1c2e-7a00-7b11-9c22-5d6e7f8a9b0c"
_LIGHT = {
    "id": _ID,
    "jurisdiction": "smallville",
    "kind": "street_light",
    "code": "4711",
    "name": "Main Street / 3rd Avenue",
    "location": {"latitude": 40.05, "longitude": -74.95},
    "open_requests": 1,
}
_ON_LIGHT = examples.PUBLIC_DOCUMENT | {
    "asset": {key: _LIGHT[key] for key in ("id", "kind", "code", "name")},
    "reason": "Street light 4711 belongs to Roads – West",
}
#: A report may come at any moment, and the caller decides what of it is seen.
_PRIVATE = {"Vary": "Authorization", "Cache-Control": "private, no-cache"}


class AssetsView(APIView):
    authentication_classes = ()
    permission_classes = ()

    @operation(
        id="listAssets",
        tag="catalogue",
        summary="The city's things near a place",
        description=(
            "Street lights, hydrants, trees: nearest first. A service whose `asset` is not null takes the id of one "
            "of that kind. What is gone is not among them."
        ),
        parameters=[
            query("latitude", degrees(90), "Degrees north, WGS 84.", required=True),
            query("longitude", degrees(180), "Degrees east, WGS 84.", required=True),
            query(
                "kind",
                {"type": "string", "pattern": "^[-a-zA-Z0-9_]{1,40}$"},
                "Only things of this kind, as a service's `asset` names it.",
            ),
            query(
                "radius",
                {"type": "number", "minimum": 1, "maximum": GREATEST_RADIUS, "default": DEFAULT_RADIUS},
                "Metres.",
            ),
            query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": GREATEST_LIMIT, "default": DEFAULT_LIMIT},
                "At most so many.",
            ),
        ],
        responses={
            200: answers(AssetList, "Nearest first.", ("street lights", {"results": [_LIGHT | {"distance": 12.3}]}))
        },
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request) -> Response:
        values = checked_query(AssetsQuery, request)
        found = assets_near(
            Point(values["longitude"], values["latitude"], srid=4326),
            radius=values["radius"],
            limit=values["limit"],
            kind=values.get("kind", ""),
        )
        return Response(JSONText(f'{{"results":{found}}}'), headers={"Cache-Control": "public, max-age=30"})


class AssetView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="getAsset",
        tag="catalogue",
        summary="One of the city's things, with what was reported of it",
        description=(
            "Also when it is gone: reports name it. GET /requests?asset= pages through all of its reports. "
            "Reports that the caller may not see are not there and not counted."
        ),
        parameters=[OpenApiParameter("asset_id", UUID, OpenApiParameter.PATH)],
        responses={
            200: answers(
                AssetDocument,
                "The asset, its reports newest first.",
                ("street light", _LIGHT | {"retired_at": None, "requests": [_ON_LIGHT]}),
            )
        },
        refusals=[401, 404],
    )
    def get(self, request: Request, asset_id: UUID) -> Response:
        found = asset_with_requests(asset_id, actor=caller(request), base_url=base_url(request))
        if found is None:
            raise NotFound
        return Response(JSONText(found), headers=_PRIVATE)


class EarlierRequestsView(APIView):
    permission_classes = (AllowAny,)

    @operation(
        id="listEarlierRequests",
        tag="requests",
        summary="What was reported before of the same thing",
        description=(
            "The newest 20 earlier reports of the report's asset that the caller may see; none where it names no asset."
        ),
        parameters=[
            OpenApiParameter(
                "key", str, OpenApiParameter.PATH, description="The request's id, or its number as people write it."
            )
        ],
        responses={200: answers(EarlierRequests, "Newest first.", ("earlier", {"results": [_ON_LIGHT]}))},
        refusals=[401, 404],
    )
    def get(self, request: Request, key: str) -> Response:
        found = earlier_requests(key, actor=caller(request), base_url=base_url(request))
        if found is None:
            raise NotFound
        return Response(JSONText(f'{{"results":{found}}}'), headers=_PRIVATE)
