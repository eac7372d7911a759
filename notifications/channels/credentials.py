"""Google's service account credentials, with every wait bounded. Imported by workers only (memory)."""

import threading
import time
from typing import Any

from google.auth.exceptions import RefreshError
from google.oauth2 import _client, service_account

#: The one scope that sending needs. Source: "Authorize HTTP v1 send requests", Firebase documentation.
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
#: A token that is refused this soon (seconds) after it was issued was not just worn out.
FRESH_SECONDS = 60.0


class BoundedCredentials(service_account.Credentials):
    """As google-auth's own (2.62), but a refresh is one HTTP request at a time, and never sleeps.

    google-auth itself asks up to three times with sleeps between (`_exponential_backoff`), once for every
    thread that finds the token expired.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self._refreshing = threading.Lock()
        self._issued_at = 0.0
        self._refused: tuple[str, bool] = ("", False)

    def refresh(self, request: Any) -> None:
        """One request to the token endpoint; nothing where another thread has just done it.

        Raises google.auth.exceptions.RefreshError (refused) or TransportError (no answer).
        """
        with self._refreshing:
            if self.valid:
                return
            try:
                assertion = self._make_authorization_grant_assertion()  # type: ignore[no-untyped-call]
                self.token, self.expiry, _ = _client.jwt_grant(  # type: ignore[no-untyped-call]
                    request, self._token_uri, assertion, can_retry=False
                )
            except (KeyError, TypeError, AttributeError) as error:
                # A gateway between us and Google may answer with JSON that is no OAuth answer at all.
                message = "the token endpoint's answer cannot be read"
                raise RefreshError(message, retryable=True) from error  # type: ignore[no-untyped-call]
            self._issued_at = time.monotonic()

    def refuse(self, token: str) -> bool:
        """FCM said 401 to this token: the next send asks for a new one. True if the token was new, so that
        a new one will not help either."""
        with self._refreshing:
            if token and token == self.token:
                fresh = time.monotonic() - self._issued_at < FRESH_SECONDS
                self._refused = (token, fresh)
                self.token = None
            return self._refused == (token, True)

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        # Otherwise google-auth asks another Google host in a thread of its own, with retries. FCM is global.
        return False
