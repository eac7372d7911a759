import hashlib
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api import etags
from api.errors import InvalidInput
from api.fields import QueryInteger, StrictSerializer, checked_query
from api.map import tiling
from api.map.boxes import BBOX, MapBbox
from api.renderers import JSONRenderer, JSONText
from api.schema import answers, header, operation, query, text
from geo.drawings import drawn_for
from requests311.errors import InputError
from requests311.map.world import DEEPEST
from requests311.queries import boundaries

#: Boundaries change on a day; a browser or a proxy may be five minutes late with it.
_CACHE = "public, max-age=300"

_KIND = query("kind", text(40), "Kind of area: `jurisdiction`, `ward` …, as /locate names them.", required=True)
_JURISDICTION = query("jurisdiction", text(40), "Only those of this jurisdiction (its code).")
_IF_NONE_MATCH = header("If-None-Match", "ETag of what you have; 304 if it still holds.")
_EXAMPLE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "smallville/ward/west",
            "geometry": {
                "type": "MultiPolygon",
                "coordinates": [[[[-100.0, 40.0], [-99.9, 40.0], [-99.9, 40.2], [-100.0, 40.2], [-100.0, 40.0]]]],
            },
            "properties": {
                "jurisdiction": "smallville",
                "kind": "ward",
                "code": "west",
                "name": "West Ward",
                "square_metres": 189_000_000.0,
                "valid_from": None,
            },
        }
    ],
}


class AreaGeometry(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["MultiPolygon"])
    coordinates = serializers.ListField(
        child=serializers.ListField(
            child=serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
        ),
        help_text="Longitude, latitude in WGS 84 degrees.",
    )


class AreaProperties(serializers.Serializer[Any]):
    jurisdiction = serializers.CharField()
    kind = serializers.CharField()
    code = serializers.CharField()
    name = serializers.CharField()
    square_metres = serializers.FloatField(help_text="Of the true boundary, on the ellipsoid.")
    valid_from = serializers.DateField(allow_null=True, help_text="First day of this boundary; null: since ever.")


class AreaFeature(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["Feature"])
    id = serializers.CharField()
    geometry = AreaGeometry()
    properties = AreaProperties()


class AreaCollection(serializers.Serializer[Any]):
    """GeoJSON (RFC 7946)."""

    type = serializers.ChoiceField(["FeatureCollection"])
    features = AreaFeature(many=True)


class _Kind(StrictSerializer):
    kind = serializers.CharField(max_length=40)
    jurisdiction = serializers.CharField(required=False, max_length=40, default="")


class AreasQuery(_Kind):
    bbox = MapBbox()
    zoom = QueryInteger(min_value=0, max_value=DEEPEST)


class TileRenderer(JSONRenderer):
    """Lets a map ask for tiles only; the view answers with the tile itself, problems stay JSON."""

    media_type = "application/vnd.mapbox-vector-tile"
    format = "mvt"


class ProtobufRenderer(TileRenderer):
    media_type = "application/x-protobuf"
    format = "pbf"


class AreasView(APIView):
    authentication_classes = ()
    permission_classes = ()

    @operation(
        id="listMapAreas",
        tag="map",
        summary="Boundaries of a kind, drawn for a zoom",
        description=(
            "In force today, whole where they reach beyond the box. Neighbours share their border point by point at"
            " every zoom. An answer has at most 200,000"
            " points; for more there are the tiles. Cacheable; carries an ETag."
        ),
        parameters=[
            _KIND,
            BBOX,
            query(
                "zoom",
                {"type": "integer", "minimum": 0, "maximum": DEEPEST},
                "Zoom of the map, as of tiles with 256 pixels.",
                required=True,
            ),
            _JURISDICTION,
            _IF_NONE_MATCH,
        ],
        responses={200: answers(AreaCollection, "The boundaries, by code.", ("areas", _EXAMPLE)), 304: None},
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request) -> Response:
        values = checked_query(AreasQuery, request)
        try:
            body = boundaries.collection(
                values["kind"],
                values["bbox"],
                drawn=drawn_for(values["zoom"]),
                jurisdiction=values["jurisdiction"],
            )
        except boundaries.TooDetailed as error:
            detail = (
                f"These boundaries have {error.vertices:,} points at zoom {values['zoom']}, over the"
                f" {boundaries.VERTICES_AT_MOST:,} of one answer. Take a smaller box or a lower zoom, or the tiles at"
                " /map/areas/tiles/{z}/{x}/{y}.mvt."
            )
            raise InvalidInput([InputError("/bbox", "too_detailed", detail)]) from error
        headers = {"ETag": _tag(body.encode()), "Cache-Control": _CACHE}
        if etags.unchanged(request, headers["ETag"]):
            return Response(status=304, headers=headers)
        return Response(JSONText(body), headers=headers, content_type="application/json")


class AreaTilesView(APIView):
    authentication_classes = ()
    permission_classes = ()
    renderer_classes = (JSONRenderer, TileRenderer, ProtobufRenderer)

    @operation(
        id="getMapAreasTile",
        tag="map",
        summary="Boundaries of a kind as a vector tile",
        description=(
            "Mapbox vector tile with the layer `areas`: polygons with `jurisdiction`, `code` and `name`. Never over"
            " 100 kB: where it would be, the drawing is coarser and areas smaller than a few pixels are left out."
        ),
        parameters=[
            *tiling.TILE,
            _KIND,
            _JURISDICTION,
            _IF_NONE_MATCH,
        ],
        responses={
            (200, TileRenderer.media_type): OpenApiResponse(OpenApiTypes.BINARY, description="The tile."),
            204: OpenApiResponse(description="There is nothing here."),
            304: None,
        },
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request, z: str, x: str, y: str) -> HttpResponse:
        tile = tiling.tile(z, x, y)
        values = checked_query(_Kind, request)
        data = boundaries.tile(
            values["kind"],
            tile,
            drawn=drawn_for(tile.z),
            jurisdiction=values["jurisdiction"],
        )
        tag = _tag(data)
        if etags.unchanged(request, tag):
            response = HttpResponse(status=304)
        elif data:
            response = HttpResponse(data, content_type=TileRenderer.media_type)
        else:
            response = HttpResponse(status=204)
            del response["Content-Type"]  # Django says text/html of no content, too
        response["ETag"] = tag
        response["Cache-Control"] = _CACHE
        return response


def _tag(body: bytes) -> str:
    return f'"{hashlib.blake2s(body, digest_size=12).hexdigest()}"'
