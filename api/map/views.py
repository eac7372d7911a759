import hashlib
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from api import etags
from api.actors import caller
from api.fields import checked_query
from api.map import examples, tiling
from api.map.boxes import BBOX
from api.map.serializers import (
    CODES_AT_MOST,
    DAYS,
    GREATEST_DAYS,
    GREATEST_LIMIT,
    LIMIT,
    FeaturesQuery,
    FilterQuery,
    HeatMap,
    HeatQuery,
    HotSpotFeatures,
    HotSpotsQuery,
    RequestFeatures,
    filters,
)
from api.renderers import JSONRenderer
from api.schema import answers, header, operation, query, text
from requests311.map.features import collection
from requests311.map.heat import HEXAGONS, heat
from requests311.map.hexagons import RESOLUTIONS
from requests311.map.hotspots import HotSpots, hot_spots
from requests311.map.tiles import tile
from requests311.statuses import Status

_TILE = "application/vnd.mapbox-vector-tile"
_GEOJSON = "application/geo+json"

#: Short, because what is hidden now may be in no tile a minute later; shared, because all see the same.
_PUBLIC = "public, max-age=30"

_CODES = {"type": "array", "items": text(60), "minItems": 1, "maxItems": CODES_AT_MOST}
_SINCE = {"type": "string", "minLength": 10}
_SERVICE = query("service", _CODES, "Codes of services, comma-separated.", explode=False)
_FILTERS = [
    query("status", str, "One or more, comma-separated.", many=True, explode=False, enum=Status.values),
    _SERVICE,
    query("group", text(80), "Name of a group of services, in the jurisdiction's first language."),
    query("since", _SINCE, "Submitted since: an ISO 8601 time with zone, or a date, which begins at 00:00 UTC."),
]
_IF_NONE_MATCH = header("If-None-Match", "ETag you have; 304 if it still holds.")


class MapRenderer(JSONRenderer):
    """Lets every `Accept` that a map library sends through; answers are written already, problems are JSON."""

    media_type = "application/*"
    format = "map"


class PublicMapView(APIView):
    """The same for everybody, so that whoever asks need not be known and any cache may keep it for a moment."""

    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (MapRenderer,)
    throttle_scopes = {"GET": "map", "HEAD": "map"}


class TileView(PublicMapView):
    @operation(
        id="getMapTile",
        tag="map",
        summary="A vector tile of public reports",
        description=(
            "Mapbox Vector Tile 2.1, extent 4096. Below zoom 14 one layer, `clusters`: points with `count`, `open`, "
            "`closed`, the dominant `group` and its `group_count`. From zoom 14 the layer `requests`: points with "
            "`id`, `number`, `status`, `service`, `group` and `age` in days. Where a tile holds more than it can "
            "show, the newest are points and `clusters` has the rest; its presence says so. At most 100 kB."
        ),
        parameters=[
            *tiling.TILE,
            *_FILTERS,
            _IF_NONE_MATCH,
        ],
        responses={
            (200, _TILE): OpenApiResponse(OpenApiTypes.BINARY, description="The tile."),
            204: OpenApiResponse(description="Nothing public lies there."),
            304: None,
        },
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request, z: str, x: str, y: str) -> HttpResponse:
        place = tiling.tile(z, x, y)
        return _shared(request, tile(place, filters(checked_query(FilterQuery, request))), _TILE)


class MapRequestsView(PublicMapView):
    @operation(
        id="listMapRequests",
        tag="map",
        summary="Public reports in a box, as GeoJSON",
        description="Newest first. `truncated` says that there are more than `limit`.",
        parameters=[
            BBOX,
            *_FILTERS,
            query("limit", {"type": "integer", "minimum": 1, "maximum": GREATEST_LIMIT, "default": LIMIT}, "At most."),
            _IF_NONE_MATCH,
        ],
        responses={
            (200, _GEOJSON): answers(RequestFeatures, "The reports.", ("requests", examples.REQUESTS)),
            304: None,
        },
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request) -> HttpResponse:
        values = checked_query(FeaturesQuery, request)
        body = collection(values["bbox"], filters(values), values["limit"])
        return _shared(request, body.encode(), _GEOJSON)


class HeatView(PublicMapView):
    @operation(
        id="getHeatMap",
        tag="map",
        summary="Public reports per hexagon",
        description=(
            "Hexagons on the plane of Web Mercator; an edge has 12,800 / 2^resolution of its metres. One that holds "
            "fewer reports than the jurisdiction asks for is left out, and `withheld` counts those. There are no "
            "filters: the difference of two maps would tell what each leaves out."
        ),
        parameters=[
            BBOX,
            query(
                "resolution",
                {"type": "integer", "minimum": RESOLUTIONS[0], "maximum": RESOLUTIONS[-1]},
                f"0 is the coarsest; by default what fits the box. At most {HEXAGONS} hexagons.",
            ),
            _IF_NONE_MATCH,
        ],
        responses={(200, _GEOJSON): answers(HeatMap, "The hexagons.", ("heat", examples.HEAT)), 304: None},
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request) -> HttpResponse:
        values = checked_query(HeatQuery, request)
        return _shared(request, heat(values["bbox"], values["resolution"]).encode(), _GEOJSON)


class HotSpotsView(APIView):
    permission_classes = (IsAuthenticated,)
    renderer_classes = (MapRenderer,)
    throttle_scopes = {"GET": "map", "HEAD": "map"}

    @operation(
        id="listHotSpots",
        tag="map",
        summary="Where reports of one service pile up",
        description=(
            "For dispatchers: many reports of the same service, little distance, short time, private ones "
            "included, in the jurisdictions that they work for. The largest first."
        ),
        parameters=[
            query(
                "since",
                _SINCE,
                f"ISO 8601 time with zone, or date; by default {DAYS} days ago, at most {GREATEST_DAYS}.",
            ),
            _SERVICE,
            query(
                "distance",
                {"type": "integer", "minimum": 10, "maximum": 1000, "default": 100},
                "Metres from one report to the next.",
            ),
            query(
                "reports",
                {"type": "integer", "minimum": 3, "maximum": 1000, "default": 5},
                "Reports that make a hot spot.",
            ),
            query(
                "pause",
                {"type": "integer", "minimum": 1, "maximum": 24 * GREATEST_DAYS, "default": 24},
                "Hours without a report that end one.",
            ),
        ],
        responses={(200, _GEOJSON): answers(HotSpotFeatures, "The hot spots.", ("hot spots", examples.HOT_SPOTS))},
        refusals=[401, 403, 422],
    )
    def get(self, request: Request) -> HttpResponse:
        values = checked_query(HotSpotsQuery, request)
        wanted = HotSpots(
            since=values["since"],
            metres=values["distance"],
            hours=values["pause"],
            reports=values["reports"],
            service=values.get("service"),
        )
        response = HttpResponse(hot_spots(caller(request), wanted).encode(), content_type=_GEOJSON)
        response["Vary"] = "Authorization"
        response["Cache-Control"] = "private, no-cache"
        return response


def _shared(request: Request, body: bytes, content_type: str) -> HttpResponse:
    headers: dict[str, Any] = {"Cache-Control": _PUBLIC}
    if not body:
        nothing = HttpResponse(status=204, headers=headers)
        del nothing["Content-Type"]  # Django says text/html of no content, too
        return nothing
    headers["ETag"] = f'"{hashlib.blake2s(body, digest_size=16).hexdigest()}"'
    if etags.unchanged(request, headers["ETag"]):
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(body, content_type=content_type, headers=headers)
