from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import tokens
from api.auth.serializers import Credentials, Nothing, RefreshToken, SignedIn, Tokens
from api.fields import checked
from api.schema import answers, operation
from api.throttling import check

_PAIR = {"access": "eyJhbGciOi…", "refresh": "eyJhbGciOi…"}
_GUEST = {**_PAIR, "user": {"id": "019f1c2e-7c1b-7d0a-a3d1-5a7c8e0f4b21", "is_guest": True}}
_RESIDENT = {**_PAIR, "user": {"id": "019f1c2e-7c1b-7d0a-a3d1-5a7c8e0f4b21", "is_guest": False}}


class GuestView(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_scopes = {"POST": "guest"}

    @operation(
        id="createGuest",
        tag="auth",
        summary="Begin as a guest",
        description="No name, no address: a phone can report at once. Keep both tokens.",
        request={"application/json": {"type": "object", "additionalProperties": False}},
        responses={201: answers(SignedIn, "A new guest, signed in.", ("guest", _GUEST))},
        refusals=[422],
        anonymous=True,
        examples=[OpenApiExample("nothing to say", value={}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        checked(Nothing, request.data)
        return Response(_signed_in(tokens.sign_in_guest()), status=201)


class SignInView(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_scopes = {"POST": "sign-in"}

    @operation(
        id="signIn",
        tag="auth",
        summary="Sign in with e-mail and password",
        description="A wrong password and an unknown address look the same.",
        request=Credentials,
        responses={200: answers(SignedIn, "Signed in.", ("resident", _RESIDENT))},
        refusals=[401, 422],
        anonymous=True,
        examples=[
            OpenApiExample(
                "sample resident",
                value={"email": "resident@example.org", "password": "sample-password-311"},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request) -> Response:
        data = checked(Credentials, request.data)
        # By account as well as by address: many addresses may guess at one account.
        check(request, "sign-in", f"account:{data['email'].strip().lower()}")
        return Response(_signed_in(tokens.sign_in(email=data["email"], password=data["password"])))


class RefreshView(APIView):
    authentication_classes = ()
    permission_classes = ()
    throttle_scopes = {"POST": "refresh"}

    @operation(
        id="refreshTokens",
        tag="auth",
        summary="Exchange a refresh token for a new pair",
        description=(
            "The old refresh token is dead from then on. One that comes twice ends the whole session, because "
            "it may be stolen: send one refresh at a time."
        ),
        request=RefreshToken,
        responses={200: answers(Tokens, "A new pair.", ("pair", _PAIR))},
        refusals=[401, 422],
        anonymous=True,
        examples=[OpenApiExample("exchange", value={"refresh": "eyJhbGciOi…"}, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        pair = tokens.rotate(checked(RefreshToken, request.data)["refresh"])
        return Response({"access": pair.access, "refresh": pair.refresh})


def _signed_in(pair: tokens.TokenPair) -> dict[str, Any]:
    return {
        "access": pair.access,
        "refresh": pair.refresh,
        "user": {"id": str(pair.user.pk), "is_guest": pair.user.is_guest},
    }
