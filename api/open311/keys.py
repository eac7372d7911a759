"""Keys of clients that write through Open311: made and revoked by an operator, recognised by their digest."""

import hashlib
import secrets

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from api.models import ApiKey


def make(*, name: str, is_test: bool = False) -> str:
    """A key, which nobody can read again. The name must be free."""
    text = secrets.token_urlsafe(32)
    with transaction.atomic():
        ApiKey.objects.create(
            name=name,
            user=User.objects.create_guest(),
            kind=ApiKey.Kind.TEST if is_test else ApiKey.Kind.PRODUCTION,
            prefix=text[:8],
            digest=_digest(text),
        )
    return text


def key_of(text: str) -> ApiKey | None:
    """Whose key this is; None for an unknown one and for one that was revoked. One statement, and one more a day."""
    key = ApiKey.objects.select_related("user").filter(digest=_digest(text), revoked_at=None).first()
    today = timezone.now().date()
    if key is not None and key.last_used_on != today:
        ApiKey.objects.filter(pk=key.pk).update(last_used_on=today)
    return key


def revoke(key: ApiKey) -> None:
    """It is good for nothing from now on; what was reported with it stays."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
