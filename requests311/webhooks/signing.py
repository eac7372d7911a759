"""Signatures as the Standard Webhooks specification has them, so that receivers may take a library of theirs.

`Webhook-Signature` is `v1,<base64 HMAC-SHA256 of "id.timestamp.body">`, several of them with spaces between. The key is
what follows `whsec_` in the secret, base64.
"""

import hashlib
import hmac
import secrets
import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Mapping

_PREFIX = "whsec_"
#: Seconds by which two clocks may differ, the way of the message included.
TOLERANCE = 300


def new_secret() -> str:
    return _PREFIX + b64encode(secrets.token_bytes(32)).decode()


def signed_headers(keys: Iterable[str], *, id: str, body: bytes, at: int) -> dict[str, str]:
    """The three headers; `keys` are secrets, each of which signs, and `at` is seconds since 1970."""
    return {
        "Webhook-Id": id,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": " ".join(f"v1,{_digest(key, id, str(at), body)}" for key in keys),
    }


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> bool:
    """Whether a message is ours, unchanged, and not older or newer than the tolerance; as a receiver asks."""
    found = {name.lower(): value for name, value in headers.items()}
    at = found.get("webhook-timestamp", "")
    if not (at.isascii() and at.isdigit()) or abs((time.time() if now is None else now) - int(at)) > TOLERANCE:
        return False
    expected = _digest(secret, found.get("webhook-id", ""), at, body)
    given = [part.removeprefix("v1,") for part in found.get("webhook-signature", "").split() if part.startswith("v1,")]
    return any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in given)


def _digest(secret: str, id: str, at: str, body: bytes) -> str:
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except Base64Error as error:
        raise ValueError("a secret is whsec_ and base64") from error
    return b64encode(hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()).decode()
