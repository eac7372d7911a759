"""OAuth: who gets a bearer, and what a bearer opens."""

import time
from pathlib import Path
from typing import Any

import pytest
from firebase_admin import messaging
from google.auth.exceptions import RefreshError

from notifications.emulator.oauth import ServiceAccount, TokenEndpoint
from tests.notifications.emulator import RunningEmulator, firebase_app
from tests.notifications.fcm_emulator.by_hand import CLOUD_PLATFORM, SEND_PATH, bearer, granted, part, signed


def test_a_signed_assertion_gives_a_bearer_for_an_hour(emulator: RunningEmulator) -> None:
    answer = granted(emulator, signed(emulator))

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"
    assert 3590 <= answer.json()["expires_in"] <= 3600


@pytest.mark.parametrize(
    ("claims", "status", "error", "description"),
    [
        ({"iss": "somebody@else.org"}, 400, "invalid_grant", "account not found"),
        ({"aud": "https://example.org/token"}, 400, "invalid_grant", "audience"),
        ({"exp": 1, "iat": 0}, 400, "invalid_grant", "short-lived token"),
        ({"exp": time.time() + 90_000}, 400, "invalid_grant", "short-lived token"),
        ({"iat": time.time() + 3000, "exp": time.time() + 6000}, 400, "invalid_grant", "short-lived token"),
        ({"iat": None}, 400, "invalid_grant", "short-lived token"),
        ({"iat": "now"}, 400, "invalid_grant", "short-lived token"),
        ({"scope": None}, 400, "invalid_scope", "Empty or missing scope"),
        ({"scope": "everything"}, 400, "invalid_scope", "Invalid OAuth scope"),
        ({"sub": "mayor@example.org"}, 401, "unauthorized_client", "unauthorized"),
    ],
)
def test_a_wrong_claim_is_refused(
    emulator: RunningEmulator, claims: dict[str, Any], status: int, error: str, description: str
) -> None:
    answer = granted(emulator, signed(emulator, **claims))

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert description in answer.json()["error_description"]


@pytest.mark.parametrize(
    "assertion",
    ["", "x", "a.b", "a.b.c", "é.é.é", "e30.e30.e30", "WzFd.WzFd.WzFd", f"{'W1tb' * 10000}.W1tb.W1tb"],
)
def test_what_is_no_assertion_is_refused(emulator: RunningEmulator, assertion: str) -> None:
    answer = granted(emulator, assertion)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"invalid_grant", "invalid_request"}


def test_an_unsigned_assertion_is_refused(emulator: RunningEmulator) -> None:
    _, claims, _ = signed(emulator).split(".")
    answer = granted(emulator, f"{part({'alg': 'none'})}.{claims}.")

    assert answer.json()["error"] == "invalid_grant"


def test_another_grant_type_is_refused(emulator: RunningEmulator) -> None:
    assert granted(emulator, signed(emulator), "password").json()["error"] == "unsupported_grant_type"


def test_firebase_admin_with_a_stolen_name_but_another_key_gets_no_token(
    emulator: RunningEmulator, tmp_path: Path
) -> None:
    forged = tmp_path / "forged.json"
    ServiceAccount.generate(emulator.credentials["token_uri"]).save(forged)
    with firebase_app(RunningEmulator(emulator.url, forged)) as app, pytest.raises(RefreshError) as refused:
        messaging.send(messaging.Message(fid="x", data={"a": "b"}), app=app)

    assert refused.value.args[1] == {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "CREDENTIALS_MISSING"),
        ("Basic abc", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer nonsense", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer ya29.e30.AAAA", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        ("Bearer ya29.\xe9.\xe9", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
    ],
)
def test_sending_without_a_valid_bearer_is_401(emulator: RunningEmulator, header: str | None, reason: str) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    answer = emulator.client.post(SEND_PATH, json={"message": {"fid": "x"}}, headers=headers)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (401, 401, "UNAUTHENTICATED")
    assert error["details"][0]["reason"] == reason
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert emulator.messages() == []


def test_an_expired_bearer_is_401(emulator: RunningEmulator) -> None:
    account = ServiceAccount.ensure(emulator.credentials_path, emulator.credentials["token_uri"])
    header = f"Bearer {TokenEndpoint(account)._issue(CLOUD_PLATFORM, time.time() - 1)}"
    answer = emulator.client.post(SEND_PATH, json={}, headers={"Authorization": header})

    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"


def test_a_bearer_without_the_scope_is_403(emulator: RunningEmulator) -> None:
    headers = bearer(emulator, scope="https://www.googleapis.com/auth/datastore")
    answer = emulator.client.post(SEND_PATH, json={"message": {"fid": "x"}}, headers=headers)

    assert answer.status_code == 403
    assert answer.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_SCOPE_INSUFFICIENT"


def test_another_project_is_403(emulator: RunningEmulator) -> None:
    answer = emulator.client.post(
        "/v1/projects/another/messages:send", json={"message": {"fid": "x"}}, headers=bearer(emulator)
    )

    assert (answer.status_code, answer.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert "projects/another" in answer.json()["error"]["message"]
