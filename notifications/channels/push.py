"""Push by Firebase Cloud Messaging. Nothing here touches the database: it runs in sending threads."""

import hashlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from notifications.channels.firebase import firebase, reset
from notifications.errors import PushNotConfigured
from notifications.models import FcmKind, Platform
from notifications.outcomes import Outcome, Parcel, Verdict
from notifications.rendering import render
from notifications.retries import retry_after

if TYPE_CHECKING:
    from firebase_admin import exceptions, messaging

__all__ = ["build", "prepare", "reset", "send"]

#: APNs' bound for apns-collapse-id. Source: Apple, "Sending notification requests to APNs".
COLLAPSE_ID_BYTES = 64
#: Firebase: without a Retry-After, a 429 means a minute. Source: "Scale FCM", Firebase documentation.
QUOTA_WAIT = timedelta(seconds=60)


def prepare() -> Outcome | None:
    """Makes the app and fetches the access token, once for a batch; what went wrong for all of it, or None.

    Ends within PUSH_TIMEOUT_SECONDS.
    """
    try:
        made = firebase()
    except PushNotConfigured as error:
        return Outcome(Verdict.REFUSED, code=error.code, error=str(error), alert=error.code)
    from google.auth.exceptions import GoogleAuthError

    if made.credentials.valid:
        return None
    try:
        timeout = made.app.options.get("httpTimeout")
        made.credentials.refresh(partial(made.session._auth_request, timeout=timeout))
    except GoogleAuthError as error:
        return _of_token(error)
    return None


def send(parcel: Parcel) -> Outcome:
    """One attempt: at most one request for a token and one to FCM, each within PUSH_TIMEOUT_SECONDS."""
    now = datetime.now(UTC)
    if parcel.expires_at <= now:
        return Outcome(Verdict.EXPIRED)
    from firebase_admin import exceptions, messaging
    from google.auth.exceptions import GoogleAuthError

    try:
        message = build(parcel, now)
        str(message)  # firebase-admin's own validation, apart from what else may be a ValueError below
    except ValueError as error:
        return Outcome(Verdict.DEAD, code="INVALID_MESSAGE", error=_told(error, parcel))
    try:
        name = messaging.send(message, app=firebase().app)
    except exceptions.FirebaseError as error:
        return _of_fcm(error, parcel)
    except GoogleAuthError as error:
        return _of_token(error)
    except PushNotConfigured as error:
        return Outcome(Verdict.REFUSED, code=error.code, error=str(error), alert=error.code)
    return Outcome(Verdict.SENT, provider_id=name[:200])


def build(parcel: Parcel, now: datetime) -> "messaging.Message":
    """The message in the phone's language, with what is left of its time to live."""
    from firebase_admin import messaging

    title, body = render(parcel.kind, parcel.language, parcel.fallback_language, parcel.context)
    ttl = parcel.expires_at - now
    parts: dict[str, Any] = {
        "notification": messaging.Notification(title=title, body=body),
        "data": {**parcel.data, "event_id": str(parcel.event_id)},
        "android": _android(parcel, ttl),
        "apns": _apns(parcel),
    }
    if parcel.platform == Platform.WEB:
        headers = {"TTL": str(int(ttl.total_seconds())), "Urgency": "high"}
        parts["webpush"] = messaging.WebpushConfig(headers=headers)
    message = messaging.Message(**parts)
    if parcel.fcm_kind == FcmKind.FID:
        message.fid = parcel.fcm_value
    else:
        # As an attribute, since the constructor warns that tokens are deprecated in favour of installation
        # ids (FCM goes on serving them, and every app built before has nothing else), and
        # warnings.catch_warnings would change the filters of the other threads too.
        message.token = parcel.fcm_value
    return message


def _android(parcel: Parcel, ttl: timedelta) -> "messaging.AndroidConfig":
    from firebase_admin import messaging

    return messaging.AndroidConfig(
        priority="high",
        ttl=timedelta(seconds=int(ttl.total_seconds())),
        collapse_key=parcel.collapse_key or None,
        # The tag replaces the older notification of the same request on the screen.
        notification=messaging.AndroidNotification(tag=parcel.collapse_key or None),
    )


def _apns(parcel: Parcel) -> "messaging.APNSConfig":
    from firebase_admin import messaging

    headers = {
        "apns-priority": "10",
        "apns-push-type": "alert",
        "apns-expiration": str(int(parcel.expires_at.timestamp())),
    }
    if parcel.collapse_key:
        headers["apns-collapse-id"] = _collapse_id(parcel.collapse_key)
    aps = messaging.Aps(sound="default", thread_id=parcel.collapse_key or None)
    return messaging.APNSConfig(headers=headers, payload=messaging.APNSPayload(aps=aps))


def _collapse_id(key: str) -> str:
    if len(key.encode()) <= COLLAPSE_ID_BYTES:
        return key
    return hashlib.sha256(key.encode()).hexdigest()


def _of_fcm(error: "exceptions.FirebaseError", parcel: Parcel) -> Outcome:
    """What FCM's answer, or its absence, means for this delivery.

    Source: "FCM error codes", Firebase documentation; `_MessagingService.FCM_ERROR_TYPES` of firebase-admin.
    """
    from firebase_admin import messaging

    response = error.http_response
    status = response.status_code if response is not None else 0
    code, text = str(error.code), _told(error, parcel)
    if isinstance(error, messaging.UnregisteredError):
        return Outcome(Verdict.GONE, code="UNREGISTERED", error=text)
    if isinstance(error, messaging.SenderIdMismatchError):
        return Outcome(Verdict.REFUSED, code="SENDER_ID_MISMATCH", error=text, alert="push_sender_mismatch")
    if isinstance(error, messaging.ThirdPartyAuthError):
        return Outcome(Verdict.REFUSED, code="THIRD_PARTY_AUTH_ERROR", error=text, alert="push_third_party_auth")
    if status == 401:
        bearer = str(response.request.headers.get("Authorization", ""))
        if not firebase().credentials.refuse(bearer.removeprefix("Bearer ")):
            return Outcome(Verdict.RETRY, code=code, error=text)
        return Outcome(Verdict.REFUSED, code=code, error=text, alert="push_credentials_refused")
    if status in {403, 404}:
        # Not the phone's fault: the project is unknown, or the account may not send for it.
        return Outcome(Verdict.REFUSED, code=code, error=text, alert="push_forbidden")
    if status == 400:
        return Outcome(Verdict.DEAD, code=code, error=text)
    wait = retry_after(response.headers) if response is not None else None
    if wait is None:
        wait = QUOTA_WAIT if status == 429 else timedelta()
    return Outcome(Verdict.RETRY, code=code, error=text, wait=wait)


def _of_token(error: Exception) -> Outcome:
    """What the failure to get an access token means: ours to repair, or a passing trouble of the network."""
    from google.auth.exceptions import RefreshError

    # The answer of a token endpoint may quote our assertion: only its short code is kept.
    if isinstance(error, RefreshError) and not error.retryable:
        code = str(error.args[0]).split(":")[0][:40] if error.args else ""
        return Outcome(Verdict.REFUSED, code="OAUTH_REFUSED", error=code, alert="push_credentials_refused")
    return Outcome(Verdict.RETRY, code="OAUTH_UNAVAILABLE", error=type(error).__name__)


def _told(error: Exception, parcel: Parcel) -> str:
    """The error's text as it may be kept: without the address, at most 500 characters, one line."""
    text = " ".join(str(error).replace(parcel.fcm_value, "[address]").replace("\0", "").split())
    return text[:500]
