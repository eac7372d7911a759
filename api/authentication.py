"""Authorization: Bearer <access token> → the person."""

import structlog
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts.errors import TokenRejected
from accounts.models import User
from accounts.tokens import authenticate


class BearerAuthentication(BaseAuthentication):
    """RFC 6750. A wrong token is 401 even where none is needed: the caller thinks they are signed in."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        try:
            user = authenticate(token.decode("ascii").strip())
        except (TokenRejected, UnicodeDecodeError) as error:
            raise exceptions.AuthenticationFailed(
                "The access token is expired, revoked or not one of ours. Refresh it or sign in again."
            ) from error
        structlog.contextvars.bind_contextvars(actor_id=str(user.pk))
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="requests311"'


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registered by its metaclass
    target_class = "api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
