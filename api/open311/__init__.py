"""Open311 GeoReport v2 at /open311/v2: the same actions and queries as /api/v1, spoken as the standard has it.

docs/open311.md says what the endpoints are, what the standard leaves open, and what was chosen.

urls.py           the whole surface on one screen
endpoint.py       what every answer has in common: format, ETag, refusals
formats.py        a document as JSON and as XML
refusals.py       exception → errors of the standard
parameters.py     dates, numbers and lists as clients write them
keys.py           who may write
"""
