"""One try: the signed POST, and what came of it."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from notifications.retries import retry_after
from requests311.forwarding.calls import call
from requests311.forwarding.outcomes import Failed
from requests311.models import Webhook, WebhookDelivery
from requests311.webhooks import contents, signing

#: Nobody is at home, whatever was sent.
_DOWN = frozenset({429, 502, 503, 504})
_GONE = 410
#: The answer's body is not read for anything; a receiver that sends more than this is a wrong address.
_ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True)
class Outcome:
    """`error` is a sentence for staff, empty where it was delivered; `wait` is what the other side asked for."""

    status: int | None
    error: str = ""
    wait: timedelta = timedelta()
    #: It is not this delivery: nothing gets through.
    is_down: bool = False

    @property
    def is_gone(self) -> bool:
        """The receiver wants no more of them."""
        return self.status == _GONE


def post(delivery: WebhookDelivery) -> Outcome:
    """Any 2xx is a success. Redirects are not followed: the address that was checked is the one that gets it."""
    body = contents.body(delivery)
    signed = signing.signed_headers(secrets_of(delivery.webhook), id=str(delivery.pk), body=body, at=int(time.time()))
    answer = call(
        "POST",
        delivery.webhook.url,
        headers={"Content-Type": "application/json", **signed},
        body=body,
        bytes_at_most=_ANSWER_BYTES,
    )
    if isinstance(answer, Failed):
        return Outcome(None, answer.error, is_down=not answer.is_too_large)
    status = answer.status
    if 200 <= status < 300:
        return Outcome(status)
    said = f"The receiver answered {status}."
    if status == _GONE:
        said = "The receiver answered 410: it wants no more."
    elif 300 <= status < 400:
        said = f"The receiver answered {status}: it is at another address, which the webhook should name."
    wait = retry_after({"Retry-After": answer.headers.get("retry-after", "")}) or timedelta()
    return Outcome(status, said, wait, is_down=status in _DOWN)


def secrets_of(webhook: Webhook) -> list[str]:
    """What signs now, the newest first."""
    until = webhook.previous_secret_until
    previous = [webhook.previous_secret] if until is not None and until > timezone.now() else []
    return [webhook.secret, *previous]
