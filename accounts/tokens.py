"""Sessions and their tokens.

simplejwt signs and checks; what a token is worth is in our session row, because simplejwt alone lets
eight parallel uses of one refresh token succeed three times, and honours one after a password change.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth import authenticate as check_password
from django.db import connection, transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from uuid_utils.compat import uuid7

from accounts.errors import CredentialsRejected, TokenRejected
from accounts.models import Session, User

#: Whose session is good: the one rule for both kinds of token. Written out, because every call asks it and
#: putting it together from a QuerySet took longer than all the rest of reading a report.
_COLUMNS = [field.attname for field in User._meta.concrete_fields]
_OF_OPEN_SESSION = f"""
SELECT {", ".join(f"u.{column}" for column in _COLUMNS)}
FROM accounts_user u JOIN accounts_session s ON s.user_id = u.id
WHERE s.id = %s AND s.expires_at > %s AND s.revoked_at IS NULL AND s.epoch = u.session_epoch AND u.is_active
"""  # noqa: S608 (our own column names)


@dataclass(frozen=True)
class TokenPair:
    """What a client keeps: `access` for ten minutes, `refresh` for one exchange."""

    access: str
    refresh: str
    user: User


def sign_in_guest(*, language: str = "") -> TokenPair:
    """A new guest with a session of their own."""
    with transaction.atomic():
        return open_session(User.objects.create_guest(language=language))


def sign_in(*, email: str, password: str) -> TokenPair:
    """Raises CredentialsRejected, after the same work, for a wrong password and an unknown address alike."""
    # Django's backend hashes a password even where the user is unknown, so that time tells nothing.
    user = check_password(username=email.strip().lower(), password=password)
    if not isinstance(user, User):
        raise CredentialsRejected
    return open_session(user)


def open_session(user: User) -> TokenPair:
    """Begins a family of refresh tokens."""
    now = timezone.now()
    session = Session.objects.create(
        user=user,
        epoch=user.session_epoch,
        refresh_id=uuid7(),
        rotated_at=now,
        expires_at=now + settings.REFRESH_TOKEN_LIFETIME,
    )
    return _pair(session, user)


def rotate(refresh: str) -> TokenPair:
    """Exchanges a refresh token for a new pair; the old one is dead from now on.

    The session's row is locked, so that of parallel uses exactly one succeeds. A token that was exchanged
    before can only be a stolen one or its owner's: the whole family is revoked. Raises TokenRejected.
    """
    token = _read(RefreshToken, refresh)
    with transaction.atomic():
        session = Session.objects.select_for_update(of=("self",)).filter(pk=_uuid(token, "sid")).first()
        if session is None:
            raise TokenRejected
        user = _user_of_open(session.pk)
        reused = session.refresh_id != _uuid(token, "jti")
        if user is not None and not reused:
            session.refresh_id = uuid7()
            session.rotated_at = timezone.now()
            session.expires_at = session.rotated_at + settings.REFRESH_TOKEN_LIFETIME
            session.save(update_fields=["refresh_id", "rotated_at", "expires_at"])
            return _pair(session, user)
        if reused and session.revoked_at is None:
            _revoke(session, "refresh token used twice")
    # Outside the block: the revocation must be committed.
    raise TokenRejected


def authenticate(access: str) -> User:
    """The person a good access token stands for; one statement. Raises TokenRejected."""
    session_id, expires = _access_claims(access)
    user = _user_of_open(session_id) if timezone.now().timestamp() < expires else None
    if user is None:
        raise TokenRejected
    return user


@lru_cache(maxsize=4096)
def _access_claims(access: str) -> tuple[UUID, int]:
    """Session and end (Unix time) of an access token. Its signature, once good, stays good: a tenth of a call."""
    token = _read(AccessToken, access)
    return _uuid(token, "sid"), int(token["exp"])


def _user_of_open(session_id: UUID) -> User | None:
    """The session's person, if the session is neither over nor revoked nor older than their password."""
    with connection.cursor() as cursor:
        cursor.execute(_OF_OPEN_SESSION, [session_id, timezone.now()])
        row = cursor.fetchone()
    return User.from_db(connection.alias, _COLUMNS, row) if row else None


def _revoke(session: Session, reason: str) -> None:
    session.revoked_at = timezone.now()
    session.revoked_because = reason
    session.save(update_fields=["revoked_at", "revoked_because"])


def _pair(session: Session, user: User) -> TokenPair:
    access = _signed(AccessToken(), session, jti=uuid7())
    refresh = RefreshToken()
    refresh.set_exp(lifetime=settings.REFRESH_TOKEN_LIFETIME)
    return TokenPair(access, _signed(refresh, session, jti=session.refresh_id), user)


def _signed(token: Any, session: Session, *, jti: UUID) -> str:
    token["sid"] = session.pk.hex
    token["jti"] = jti.hex
    return str(token)


def _read(kind: type[Token], text: str) -> Token:
    try:
        return kind(text)  # type: ignore[arg-type]  # simplejwt's stub wants its own Token here
    except (TokenError, UnicodeError) as error:
        raise TokenRejected from error


def _uuid(token: Token, claim: str) -> UUID:
    try:
        return UUID(hex=token[claim])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TokenRejected from error
