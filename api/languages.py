from collections.abc import Sequence

from django.utils.translation.trans_real import parse_accept_lang_header
from rest_framework.request import Request


def wanted(request: Request, offered: Sequence[str]) -> str:
    """The offered language (BCP 47 tag) that Accept-Language ranks first, or the first offered one."""
    by_lower = {tag.lower(): tag for tag in offered}
    for tag, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "").lower()):
        found = by_lower.get(tag) or by_lower.get(tag.split("-")[0])
        if found:
            return found
    return offered[0]
