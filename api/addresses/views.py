from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.addresses.serializers import DEFAULT_LIMIT, GREATEST_LIMIT, AddressesQuery, AddressList
from api.fields import checked_query
from api.renderers import JSONText
from api.schema import answers, degrees, operation, query
from geo.geocoding.lookup import addresses_like, addresses_near

_LIST = {
    "results": [
        {
            "label": "12 Main St, Smallville, KS 66002",
            "number": "12",
            "street": "Main St",
            "unit": "",
            "city": "Smallville",
            "region": "KS",
            "postcode": "66002",
            "location": {"latitude": 40.1001, "longitude": -99.9501},
            "distance": 14.1,
            "source": "city",
        }
    ],
    "external": "not_needed",
    "attribution": None,
}


class AddressesView(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_scopes = {"GET": "geocode"}

    @operation(
        id="listAddresses",
        tag="catalogue",
        summary="The address of a place, or the place of an address",
        description=(
            "With a place alone: addresses within 500 metres, the nearest first. With `q`: addresses like the text, "
            "also while it is being typed and with typing errors; of equally like ones those nearer to the place "
            "first. They are the city's own; where those say too little and the city has named an external "
            "geocoder, that one's. When it does not answer, `external` is `unavailable` and nothing else changes."
        ),
        parameters=[
            query("q", {"type": "string", "minLength": 2, "maxLength": 200}, "What a person types: `12 mai`."),
            query("latitude", degrees(90), "Degrees north, WGS 84."),
            query("longitude", degrees(180), "Degrees east, WGS 84."),
            query(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": GREATEST_LIMIT, "default": DEFAULT_LIMIT},
                "Results, at most.",
            ),
        ],
        responses={200: answers(AddressList, "The addresses; an empty list where none is known.", ("found", _LIST))},
        refusals=[422],
        anonymous=True,
    )
    def get(self, request: Request) -> Response:
        values = checked_query(AddressesQuery, request)
        place, limit = values["place"], values["limit"]
        if values["q"]:
            body = addresses_like(values["q"], near=place, limit=limit)
        else:
            body = addresses_near(place, limit=limit)
        # Where somebody is, or looks, is for no shared cache.
        return Response(JSONText(body), headers={"Cache-Control": "private, max-age=60"})
