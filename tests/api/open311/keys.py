"""API keys, made and revoked as an operator does it."""

from typing import Any

from api.models import ApiKey
from api.open311 import keys


def make_key(name: str, *, test: bool = False) -> str:
    """The text that a client sends; it is shown this once."""
    return keys.make(name=name, is_test=test)


def revoke_key(text: str) -> None:
    found = keys.key_of(text)
    assert found is not None
    keys.revoke(found)


def stored_rows() -> list[dict[str, Any]]:
    """All that the database knows of keys."""
    return [dict(row) for row in ApiKey.objects.values()]
