"""Signed links: who holds one may do one thing with one row, without an account.

The token is the row's id and an HMAC-SHA256 of it (django.core.signing) for one purpose. It can be made again from the
row, so no secret is kept in the database nor in a message that waits there; whether it is still good is in the row.
"""

from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.core import signing

from requests311.errors import NotFound


class Purpose(StrEnum):
    ANSWER = "answer"
    HANDOVER = "handover"


def token_for(purpose: Purpose, id: UUID) -> str:
    """Made of letters, digits, `-`, `_` and one `.`."""
    return _signer(purpose).sign(id.hex)


def id_of(purpose: Purpose, token: str) -> UUID:
    """The row that a token is for. Raises NotFound for one that is not ours, or for another purpose."""
    try:
        return UUID(hex=_signer(purpose).unsign(token))
    except (signing.BadSignature, ValueError) as error:
        raise NotFound from error


def url_of(purpose: Purpose, id: UUID) -> str:
    """Where a person opens it; a path alone where this server does not know its public name."""
    page = {Purpose.ANSWER: "questions", Purpose.HANDOVER: "handovers"}[purpose]
    return f"{settings.PUBLIC_URL}/api/v1/{page}/{token_for(purpose, id)}"


def _signer(purpose: Purpose) -> signing.Signer:
    return signing.Signer(salt=f"requests311.{purpose}", sep=".")
