"""The OAuth half: a service account's file, and the token endpoint that checks what is signed with it.

Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest (RFC 7523).
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from notifications.emulator.errors import OAuthError, unauthenticated

PROJECT_ID = "requests311-emulator"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: What google-auth writes into `aud`, whatever the file's token_uri says.
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
#: Either of these may send messages (projects.messages.send, "Authorization scopes").
SENDING_SCOPES = frozenset(
    {"https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/firebase.messaging"}
)
_SCOPE_PREFIX = "https://www.googleapis.com/auth/"

#: Seconds. Google's tokens and assertions live an hour; clocks may differ by five minutes.
TOKEN_LIFETIME = 3600
CLOCK_SKEW = 300


class CredentialsError(Exception):
    """The service-account file cannot be read, written, or is not the emulator's."""


@dataclass(frozen=True)
class ServiceAccount:
    """A service account as in Google's JSON file, with its key read."""

    content: dict[str, str]
    key: rsa.RSAPrivateKey

    @classmethod
    def generate(cls, token_uri: str) -> Self:
        """A new account of the emulator's project with a fresh 2048-bit RSA key."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        email = f"firebase-adminsdk@{PROJECT_ID}.iam.gserviceaccount.com"
        return cls(
            {
                "type": "service_account",
                "project_id": PROJECT_ID,
                "private_key_id": secrets.token_hex(20),
                "private_key": pem.decode(),
                "client_email": email,
                "client_id": "100000000000000000311",
                "auth_uri": "https://accounts.google.com/o/oauth2/auth",
                "token_uri": token_uri,
            },
            key,
        )

    @classmethod
    def ensure(cls, path: Path, token_uri: str) -> Self:
        """The account in the file; made if missing, pointed at token_uri if it names another address.

        A file that is not the emulator's (somebody's real key) is never touched: CredentialsError.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            account = cls.generate(token_uri)
            account.save(path)
            return account
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialsError(f"{path} cannot be read: {error}.") from error
        account = cls._parse(path, text)
        if account.content["token_uri"] != token_uri:
            account = cls({**account.content, "token_uri": token_uri}, account.key)
            account.save(path)
        return account

    @classmethod
    def _parse(cls, path: Path, text: str) -> Self:
        way_out = "Name another file with --credentials, or delete this one."
        try:
            content = json.loads(text)
            project = content["project_id"]
            pem, _email, _uri = content["private_key"], content["client_email"], content["token_uri"]
            key = serialization.load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise CredentialsError(f"{path} is not a service account's JSON file. {way_out}") from error
        if project != PROJECT_ID or not isinstance(key, rsa.RSAPrivateKey):
            raise CredentialsError(
                f"{path} is the service account of project {project!r}, not the emulator's; "
                f"it was left alone. {way_out}"
            )
        return cls(content, key)

    def save(self, path: Path) -> None:
        """Writes the file with mode 600, whole or not at all."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # mkstemp makes it 0600 from the first byte; a chmod afterwards would leave a moment to read it.
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(self.content, indent=2) + "\n")
            Path(temporary).replace(path)
        except OSError as error:
            raise CredentialsError(f"{path} cannot be written: {error}.") from error


class TokenEndpoint:
    """Trades a signed assertion for an access token, and knows its own tokens again.

    Tokens are signed, not stored: nothing grows, and they survive a restart of the emulator as
    Google's do, because the signing secret comes from the account's key.
    """

    def __init__(self, account: ServiceAccount) -> None:
        self._account = account
        self._public_key = account.key.public_key()
        self._secret = hashlib.sha256(account.content["private_key"].encode()).digest()

    def grant(self, form: dict[str, str]) -> dict[str, Any]:
        """The token endpoint: form fields in, `{access_token, expires_in, token_type}` out, or OAuthError."""
        grant_type = form.get("grant_type", "")
        if grant_type != GRANT_TYPE:
            raise OAuthError(400, "unsupported_grant_type", f"Invalid grant_type: {grant_type}")
        if not form.get("assertion"):
            raise OAuthError(400, "invalid_request", "Missing required parameter: assertion")
        claims = self._verified_claims(form["assertion"])
        scope = self._checked_scope(claims)
        return {
            "access_token": self._issue(scope, time.time() + TOKEN_LIFETIME),
            "expires_in": TOKEN_LIFETIME - 1,
            "token_type": "Bearer",
        }

    def scopes_of(self, authorization: str | None) -> frozenset[str]:
        """The scopes of an `Authorization` header's bearer; GoogleError 401 unless it is one of ours."""
        if not authorization:
            raise unauthenticated("CREDENTIALS_MISSING")
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not token.startswith("ya29."):
            raise unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED")
        payload, _, signature = token.removeprefix("ya29.").partition(".")
        if not hmac.compare_digest(signature.encode(), self._mac(payload).encode()):
            raise unauthenticated("ACCESS_TOKEN_TYPE_UNSUPPORTED")
        content = json.loads(_decoded(payload))
        if content["exp"] <= time.time():
            raise unauthenticated("ACCESS_TOKEN_EXPIRED")
        return frozenset(content["scope"].split())

    def _issue(self, scope: str, expires: float) -> str:
        payload = _encoded(json.dumps({"scope": scope, "exp": expires, "id": secrets.token_hex(8)}).encode())
        return f"ya29.{payload}.{self._mac(payload)}"

    def _mac(self, payload: str) -> str:
        return _encoded(hmac.digest(self._secret, payload.encode("utf-8", "surrogateescape"), "sha256"))

    def _verified_claims(self, assertion: str) -> dict[str, Any]:
        try:
            signed, _, signature_part = assertion.rpartition(".")
            header_part, payload_part = signed.split(".")
            header = json.loads(_decoded(header_part))
            claims = json.loads(_decoded(payload_part))
            signature = _decoded(signature_part)
            algorithm, issuer = header["alg"], claims["iss"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise OAuthError(400, "invalid_grant", "Invalid JWT: not a signed token with an issuer.") from error
        # Google looks the account up before it checks the signature, and says so.
        if issuer != self._account.content["client_email"]:
            raise OAuthError(400, "invalid_grant", "Invalid grant: account not found")
        if algorithm != "RS256":
            raise OAuthError(400, "invalid_grant", "Invalid JWT: only RS256 is accepted.")
        try:
            self._public_key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise OAuthError(400, "invalid_grant", "Invalid JWT Signature.") from None
        self._check_claims(claims)
        return dict(claims)

    def _check_claims(self, claims: dict[str, Any]) -> None:
        if claims.get("aud") not in (GOOGLE_AUDIENCE, self._account.content["token_uri"]):
            raise OAuthError(400, "invalid_grant", "Invalid JWT: Failed audience check.")
        now = time.time()
        issued, expires = claims.get("iat"), claims.get("exp")
        if (
            not isinstance(issued, int | float)
            or not isinstance(expires, int | float)
            or expires <= now
            or issued > now + CLOCK_SKEW
            or not 0 < expires - issued <= TOKEN_LIFETIME
        ):
            raise OAuthError(
                400,
                "invalid_grant",
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. "
                "Check your iat and exp values in the JWT claim.",
            )
        if claims.get("sub", claims["iss"]) != claims["iss"]:
            raise OAuthError(
                401,
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, "
                "or client not authorized for any of the scopes requested.",
            )

    def _checked_scope(self, claims: dict[str, Any]) -> str:
        scope = claims.get("scope")
        if not isinstance(scope, str) or not scope.strip():
            raise OAuthError(400, "invalid_scope", "Empty or missing scope not allowed.")
        if not all(name.startswith(_SCOPE_PREFIX) for name in scope.split()):
            raise OAuthError(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return scope


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    """Base64url without padding; ValueError for anything else."""
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
