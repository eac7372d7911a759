"""What firebase-admin sends to Google, made by hand: signed assertions, bearers, the address of sending."""

import base64
import json
import time
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from notifications.emulator.oauth import GOOGLE_AUDIENCE, GRANT_TYPE, PROJECT_ID, ServiceAccount
from tests.notifications.emulator import RunningEmulator

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
SEND_PATH = f"/v1/projects/{PROJECT_ID}/messages:send"


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def signed(emulator: RunningEmulator, key: ServiceAccount | None = None, **claims: Any) -> str:
    """An assertion as google-auth makes it, with some claims replaced; None takes one out."""
    now = time.time()
    content = {
        "iss": emulator.credentials["client_email"],
        "aud": GOOGLE_AUDIENCE,
        "iat": now,
        "exp": now + 3600,
        "scope": CLOUD_PLATFORM,
    } | claims
    text = f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part({k: v for k, v in content.items() if v is not None})}"
    account = key or ServiceAccount.ensure(emulator.credentials_path, emulator.credentials["token_uri"])
    signature = account.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def granted(emulator: RunningEmulator, assertion: str, grant_type: str = GRANT_TYPE) -> httpx.Response:
    return emulator.client.post("/token", data={"grant_type": grant_type, "assertion": assertion})


def bearer(emulator: RunningEmulator, **claims: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {granted(emulator, signed(emulator, **claims)).json()['access_token']}"}
