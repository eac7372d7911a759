"""Which addresses a webhook may have. Asked when it is saved, for whoever types it; every send checks again."""

from urllib.parse import urlsplit

from requests311.errors import InputError, Invalid
from requests311.outbound import OutboundRefused, check_target, is_excepted

#: Seconds for the name server; a person is waiting.
_SECONDS = 3.0


def check(url: str) -> None:
    """Looks the host up, so call it outside of a transaction.

    Raises Invalid at `/url`: `https_required`, `bad_url`, `forbidden_address`, `unreachable`, `timed_out`.
    """
    try:
        # First what no s can repair.
        check_target(url, seconds=_SECONDS)
        if urlsplit(url).scheme != "https" and not is_excepted(url):
            raise OutboundRefused("https_required", "A webhook's address begins with https://.")
    except OutboundRefused as refused:
        raise Invalid(errors=[InputError("/url", refused.reason, refused.detail)]) from refused
