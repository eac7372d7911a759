"""One HTTP call to a department's own system, and what its refusals mean."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.conf import settings

from notifications.retries import retry_after
from requests311.forwarding.outcomes import Failed
from requests311.outbound import Answer, OutboundRefused, ask

#: Statuses below 500 that may be another one later. 409: a try with the same Idempotency-Key is still under way there.
_PASSING = frozenset({408, 409, 425, 429})
#: Nobody is at home, whatever was asked.
_DOWN = frozenset({429, 502, 503, 504})
#: An answer to a POST is a list of one.
ANSWER_BYTES = 256 * 1024


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    bytes_at_most: int = ANSWER_BYTES,
) -> Answer | Failed:
    """The answer, whatever its status; Failed where there is none."""
    try:
        return ask(
            method,
            url,
            seconds=settings.FORWARD_TIMEOUT_SECONDS,
            bytes_at_most=bytes_at_most,
            headers=headers,
            body=body,
        )
    except OutboundRefused as error:
        is_too_large = error.reason == "too_large"
        return Failed(error.detail, may_pass=error.may_pass, is_down=error.may_pass, is_too_large=is_too_large)


def refusal(answer: Answer, explained: str = "") -> Failed | None:
    """None for a success; else what the status means, with the other side's own words behind it."""
    status = answer.status
    if 200 <= status < 300:
        return None
    said = f"The other side answered {status}" + (f": {explained}" if explained else ".")
    if status in _PASSING or status >= 500:
        wait = retry_after({"Retry-After": answer.headers.get("retry-after", "")}) or timedelta()
        return Failed(said, may_pass=True, wait=wait, is_down=status in _DOWN)
    if 300 <= status < 400:
        said = f"The other side answered {status}: it is at another address, which the connector should name."
    return Failed(said, may_pass=False)


def without(text: str, secrets: Iterable[str], *, at_most: int = 300) -> str:
    """What another system wrote, on one line and clipped, without what it may have repeated of ours."""
    said = " ".join(text.split())
    for secret in sorted({secret.strip() for secret in secrets}, key=len, reverse=True):
        # A word of one or two letters gives nobody away, and blotting it out would leave nothing to read.
        if len(secret) > 2:
            said = said.replace(secret, "…")
    return said if len(said) <= at_most else f"{said[: at_most - 1]}…"
