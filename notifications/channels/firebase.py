"""The process's Firebase app: made at the first push, in workers only, from FIREBASE_CREDENTIALS.

firebase-admin 7.7 is used as it is, save for what would make a thread wait: its HTTP client retries 500 and
503 four times and sleeps for as long as `Retry-After` says (urllib3), and google-auth renews a refused token
twice. All of that is switched off here; the outbox holds the times.
"""

import json
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from notifications.errors import PushNotConfigured

if TYPE_CHECKING:
    from firebase_admin import App
    from google.auth.transport.requests import AuthorizedSession

    from notifications.channels.credentials import BoundedCredentials

APP_NAME = "requests311"


@dataclass(frozen=True)
class Firebase:
    pid: int
    configured: tuple[str, str, float, int]
    app: "App"
    credentials: "BoundedCredentials"
    session: "AuthorizedSession"


_lock = threading.Lock()
_firebase: Firebase | None = None


def firebase() -> Firebase:
    """This process's app; made anew in a forked child, and when the settings have changed (tests).

    Raises PushNotConfigured.
    """
    global _firebase
    wanted = (
        settings.FIREBASE_CREDENTIALS,
        settings.FCM_ENDPOINT,
        settings.PUSH_TIMEOUT_SECONDS,
        settings.PUSH_THREADS,
    )
    with _lock:
        current = _firebase
        if current is None or current.pid != os.getpid() or current.configured != wanted:
            _close()
            _firebase = current = _make(wanted)
        return current


def reset() -> None:
    """Forgets the app, its token and its connections. For tests and for forks."""
    with _lock:
        _close()


def _close() -> None:
    global _firebase
    old, _firebase = _firebase, None
    if old is None:
        return
    import firebase_admin

    if old.pid != os.getpid():
        # The parent's connections: closing them here would end its TLS sessions.
        firebase_admin._apps.pop(APP_NAME, None)
        return
    old.session.close()  # type: ignore[no-untyped-call]
    old.session._auth_request_session.close()
    firebase_admin.delete_app(old.app)


def _make(configured: tuple[str, str, float, int]) -> Firebase:
    import firebase_admin
    from firebase_admin import messaging
    from urllib3.util import Timeout

    from notifications.channels.credentials import SCOPE, BoundedCredentials

    _, endpoint, timeout, threads = configured
    account = _service_account()
    try:
        credentials = BoundedCredentials.from_service_account_info(  # type: ignore[no-untyped-call]
            account, scopes=[SCOPE]
        )
        project = str(account["project_id"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # The error's own text may hold a piece of the key.
        raise PushNotConfigured("FIREBASE_CREDENTIALS is no service account's JSON") from error
    # `total` makes one limit of connecting and answering; a plain number would be one for each.
    options = {"projectId": project, "httpTimeout": Timeout(total=timeout)}
    app = firebase_admin.initialize_app(credentials, options, name=APP_NAME)
    service = messaging._get_messaging_service(app)
    if endpoint:
        service._fcm_url = f"{endpoint}/v1/projects/{project}/messages:send"
    session = service._client.session
    _never_wait(session, threads)
    return Firebase(os.getpid(), configured, app, credentials, session)


def _service_account() -> dict[str, Any]:
    """The JSON in FIREBASE_CREDENTIALS, or in the file that it names."""
    value = settings.FIREBASE_CREDENTIALS
    if not value:
        raise PushNotConfigured
    try:
        if value.lstrip().startswith("{"):
            account = json.loads(value)
        else:
            with open(value, encoding="utf-8") as file:
                account = json.load(file)
    except (OSError, ValueError) as error:
        raise PushNotConfigured("FIREBASE_CREDENTIALS cannot be read") from error
    if not isinstance(account, dict):
        raise PushNotConfigured("FIREBASE_CREDENTIALS is no service account's JSON")
    return account


def _never_wait(session: "AuthorizedSession", threads: int) -> None:
    """No retries, no sleeping on Retry-After, no second round after a 401, no redirects; one connection a
    thread is kept open."""
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    never = Retry(total=0, read=False, status=0, redirect=0, respect_retry_after_header=False, raise_on_status=False)
    for mounted in (session, session._auth_request_session):
        # Every prefix that the libraries mount: a longer one left alone would win.
        for prefix in {*mounted.adapters, "https://", "http://"}:
            mounted.mount(prefix, HTTPAdapter(pool_maxsize=threads, max_retries=never))
        mounted.max_redirects = 0
    session._refresh_status_codes = ()
