"""GET discovery: where the endpoints are, and when what they offer changed last."""

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.links import base_url
from api.open311.endpoint import Endpoint
from api.open311.formats import Format
from api.open311.times import written
from requests311.models import Jurisdiction

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
PATH = "/open311/v2"


class DiscoveryView(Endpoint):
    def read(self, request: HttpRequest) -> HttpResponseBase:
        jurisdictions = list(Jurisdiction.objects.order_by("code"))
        names = " and ".join(j.name for j in jurisdictions if not j.sandbox) or "this server's operator"
        endpoints = [
            {
                "specification": SPECIFICATION,
                "url": f"{base_url(request)}{PATH}",
                "changeset": written(max(j.catalogue_changed_at for j in found)),
                "type": kind,
                "formats": [format.media_type.partition(";")[0] for format in Format],
            }
            for kind, found in (
                ("production", [j for j in jurisdictions if not j.sandbox]),
                ("test", [j for j in jurisdictions if j.sandbox]),
            )
            if found
        ]
        content = {
            "changeset": max((str(endpoint["changeset"]) for endpoint in endpoints), default=""),
            "contact": settings.OPEN311_CONTACT or f"Ask {names}.",
            "key_service": settings.OPEN311_KEY_SERVICE or f"Keys are given by {names}.",
            "endpoints": endpoints,
        }
        return self.answer(request, "discovery", content, seconds=60)
