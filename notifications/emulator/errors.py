"""Google's error answers, as firebase-admin parses them.

Shapes: https://cloud.google.com/apis/design/errors (google.rpc.Status) and
https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode (the FcmError detail).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"

_CREDENTIAL_HELP = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


class GoogleError(Exception):
    """An answer of a Google API that is not 200: HTTP status, canonical status, message and details."""

    def __init__(
        self,
        code: int,
        status: str,
        message: str,
        details: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.details = list(details)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The JSON body: `{"error": {code, message, status, details?}}`."""
        error: dict[str, Any] = {"code": self.code, "message": str(self), "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


@dataclass(frozen=True, slots=True)
class Violation:
    """One wrong field: its path from the body's root, and what is wrong with it."""

    field: str
    description: str


def fcm_detail(error_code: str) -> dict[str, str]:
    """The detail that firebase-admin turns into UnregisteredError, QuotaExceededError and the like."""
    return {"@type": FCM_ERROR, "errorCode": error_code}


def bad_request(violations: Sequence[Violation], *, fcm_code: str | None = None) -> GoogleError:
    """400 INVALID_ARGUMENT naming every wrong field.

    Google's JSON parser answers with BadRequest alone; FCM itself (fcm_code) adds its own detail.
    """
    details: list[dict[str, Any]] = [
        {
            "@type": BAD_REQUEST,
            "fieldViolations": [{"field": v.field, "description": v.description} for v in violations],
        }
    ]
    if fcm_code:
        details.append(fcm_detail(fcm_code))
    return GoogleError(400, "INVALID_ARGUMENT", "\n".join(v.description for v in violations), details)


def unreadable(reason: str) -> GoogleError:
    """400 for a body that is not a JSON object."""
    return GoogleError(400, "INVALID_ARGUMENT", f"Invalid JSON payload received. {reason}")


def unauthenticated(reason: str) -> GoogleError:
    """401 for a missing, expired or forged bearer; reason as in google.rpc.ErrorInfo."""
    missing = reason == "CREDENTIALS_MISSING"
    opening = (
        "Request is missing required authentication credential."
        if missing
        else "Request had invalid authentication credentials."
    )
    challenge = 'Bearer realm="https://accounts.google.com/"'
    return GoogleError(
        401,
        "UNAUTHENTICATED",
        f"{opening} {_CREDENTIAL_HELP}",
        [_error_info(reason)],
        {"WWW-Authenticate": challenge if missing else f'{challenge}, error="invalid_token"'},
    )


def scope_insufficient() -> GoogleError:
    """403 for a token without a scope that may send messages."""
    return GoogleError(
        403,
        "PERMISSION_DENIED",
        "Request had insufficient authentication scopes.",
        [_error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT")],
    )


def wrong_project(project: str) -> GoogleError:
    """403 for a project of somebody else's; Google does not say whether it exists."""
    resource = f"//cloudresourcemanager.googleapis.com/projects/{project}"
    return GoogleError(
        403,
        "PERMISSION_DENIED",
        f"Permission 'cloudmessaging.messages.create' denied on resource '{resource}' (or it may not exist).",
        [
            {
                "@type": ERROR_INFO,
                "reason": "IAM_PERMISSION_DENIED",
                "domain": "cloudresourcemanager.googleapis.com",
                "metadata": {
                    "permission": "cloudmessaging.messages.create",
                    "resource": f"projects/{project}",
                },
            }
        ],
    )


def _error_info(reason: str) -> dict[str, Any]:
    return {
        "@type": ERROR_INFO,
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {
            "service": "fcm.googleapis.com",
            "method": "google.firebase.fcm.v1.FcmService.SendMessage",
        },
    }


class OAuthError(Exception):
    """A refusal of the token endpoint (RFC 6749 §5.2): HTTP status, `error` and `error_description`."""

    def __init__(self, code: int, error: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.error = error

    def body(self) -> dict[str, str]:
        return {"error": self.error, "error_description": str(self)}


class RequestError(Exception):
    """A refusal of the emulator's own endpoints, with a sentence for the person who typed the request."""

    def __init__(self, code: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, str]:
        return {"error": str(self)}


def refuse(code: int, message: str) -> NoReturn:
    """Raises RequestError."""
    raise RequestError(code, message)
