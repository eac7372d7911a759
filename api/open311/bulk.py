"""GeoReport Bulk: every public request as one CSV, streamed."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from api.links import base_url
from api.open311.endpoint import Endpoint
from api.open311.parameters import Parameters, jurisdiction_named
from api.open311.requests import visible
from requests311.conditions import Condition
from requests311.queries import georeport


class BulkView(Endpoint):
    def read(self, request: HttpRequest) -> HttpResponseBase:
        jurisdiction = jurisdiction_named(request)
        given = Parameters(request.GET, jurisdiction)
        conditions = visible(jurisdiction)
        if begin := given.moment("start_date"):
            conditions.append(Condition("{r}.submitted_at >= %s", begin))
        if end := given.moment("end_date", end_of_day=True):
            conditions.append(Condition("{r}.submitted_at <= %s", end))
        batches = georeport.request_rows(conditions, base_url=base_url(request))
        response = StreamingHttpResponse(_lines(batches), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{jurisdiction.code}-requests.csv"'
        response["Cache-Control"] = "public, no-cache"
        return response


def _lines(batches: Iterator[Sequence[tuple[Any, ...]]]) -> Iterator[bytes]:
    yield _written([georeport.FIELD_NAMES])
    for rows in batches:
        yield _written(rows)


def _written(rows: Sequence[Sequence[Any]]) -> bytes:
    """RFC 4180."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
