"""GET services, and GET services/{code} with the questions that a service asks."""

from typing import Any

from django.contrib.gis.geos import Point
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.open311.endpoint import Endpoint
from api.open311.parameters import Parameters, jurisdiction_named
from api.open311.refusals import Refused
from requests311.catalogue import Offer, catalogue_of
from requests311.errors import OutsideEveryJurisdiction
from requests311.models import Attribute, Jurisdiction, Visibility
from requests311.places import locate, offers_at

#: Seconds that a cache may keep the catalogue without asking.
_KEEP = 60


class ServicesView(Endpoint):
    def read(self, request: HttpRequest) -> HttpResponseBase:
        jurisdiction = jurisdiction_named(request)
        position = Parameters(request.GET, jurisdiction).position()
        offers = list(catalogue_of(jurisdiction).offers.values())
        if position is not None:
            here = _offered_at(position, jurisdiction)
            offers = [offer for offer in offers if offer.service.pk in here]
        return self.answer(request, "services", [_entry(offer) for offer in offers], seconds=_KEEP)


class DefinitionView(Endpoint):
    def read(self, request: HttpRequest, code: str) -> HttpResponseBase:
        offer = catalogue_of(jurisdiction_named(request)).offers.get(code)
        if offer is None:
            raise Refused(404, f"service_code {code} was not found")
        content = {
            "service_code": code,
            "attributes": [_question(attribute, at) for at, attribute in enumerate(offer.attributes, 1)],
        }
        return self.answer(request, "service_definition", content, seconds=_KEEP)


def _offered_at(position: tuple[float, float], jurisdiction: Jurisdiction) -> set[int]:
    """Ids of services; none where the place is nobody's or another's."""
    try:
        place = locate(Point(*position, srid=4326), sandbox=jurisdiction.sandbox)
    except OutsideEveryJurisdiction:
        return set()
    return {offer.service.pk for catalogue, offer in offers_at(place) if catalogue.jurisdiction.pk == jurisdiction.pk}


def _entry(offer: Offer) -> dict[str, Any]:
    service = offer.service
    # A client that knows the keyword does not show such reports to others (FixMyStreet).
    private = ["private"] if service.visibility == Visibility.PRIVATE else []
    return {
        "service_code": service.code,
        "service_name": service.name,
        "description": service.description,
        "metadata": bool(offer.attributes),
        "type": "realtime",
        "keywords": ",".join(dict.fromkeys([*service.keywords, *private])),
        "group": service.group,
    }


def _question(attribute: Attribute, order: int) -> dict[str, Any]:
    condition = attribute.depends_on
    hint = attribute.datatype_description
    if condition:
        # The standard knows no questions that depend on another; people can still be told.
        asked = f"Only where {condition['attribute']} is {condition['value']}."
        hint = f"{hint} {asked}".strip()
    return {
        "variable": True,
        "code": attribute.code,
        "datatype": attribute.datatype,
        "required": attribute.required and not condition,
        "datatype_description": hint,
        "order": order,
        "description": attribute.description,
        "values": [{"key": value["key"], "name": value["name"]} for value in attribute.values],
    }
