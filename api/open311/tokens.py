"""GET tokens/{token}: the request that a token of an asynchronous system stands for."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from api.open311.endpoint import Endpoint
from api.open311.parameters import checked, jurisdiction_named
from api.open311.refusals import Refused
from api.open311.requests import visible
from requests311.queries.georeport import number_of_token


class TokenView(Endpoint):
    def read(self, request: HttpRequest, token: str) -> HttpResponseBase:
        jurisdiction = jurisdiction_named(request)
        number = number_of_token(checked("token", token), visible(jurisdiction))
        if number is None:
            raise Refused(404, f"token {token} was not found")
        return self.answer(request, "service_requests", [{"service_request_id": number, "token": token}])
