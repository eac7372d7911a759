"""Handing over to a webhook: a signed POST of JSON.

`X-Requests311-Signature: t=<unix time>,v1=<hex>`, v1 being the HMAC-SHA256 of "<t>.<body>" with the shared secret, as
Stripe and others do it: the receiver refuses what is old or was changed on the way.
"""

import hashlib
import hmac
import time
from typing import Any

import orjson

from requests311.forwarding.calls import call, refusal
from requests311.forwarding.contents import contact, photo_urls, service_code
from requests311.forwarding.outcomes import Accepted, Failed, Outcome
from requests311.models import Forward


def post(forward: Forward) -> Outcome:
    """Any 2xx accepts; the body of the answer is not read."""
    body = orjson.dumps(_document(forward))
    answer = call(
        "POST",
        forward.connector.url,
        headers={
            "Content-Type": "application/json",
            "Idempotency-Key": str(forward.pk),
            "X-Requests311-Signature": signature(forward.connector.api_key, body, at=int(time.time())),
        },
        body=body,
    )
    if isinstance(answer, Failed):
        return answer
    return refusal(answer) or Accepted()


def signature(secret: str, body: bytes, *, at: int) -> str:
    """`at` is seconds since 1970."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def _document(forward: Forward) -> dict[str, Any]:
    connector, request = forward.connector, forward.request
    return {
        "forward_id": str(forward.pk),
        "request": {
            "id": str(request.pk),
            "number": request.number,
            "service_code": service_code(connector, request),
            "service_name": request.service.name,
            "department": request.department.name,
            "description": request.description,
            "address": request.address,
            "location": {"latitude": request.location.y, "longitude": request.location.x},
            "areas": request.areas,
            "attributes": request.attributes,
            "photos": photo_urls(request),
            "submitted_at": request.submitted_at.isoformat(),
            "due_at": request.due_at.isoformat() if request.due_at else None,
            "contact": contact(connector, request),
        },
    }
