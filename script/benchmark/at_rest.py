"""How long from a change of status until the reporter's phone shows it, with nothing else going on."""

import secrets
import statistics
import time
from collections.abc import Sequence
from typing import Any

from script.benchmark.calls import Call
from script.benchmark.load import MeasurementFailed
from script.benchmark.people import People
from script.benchmark.stack import Stack

ROUNDS = 20


def measure(stack: Stack, people: People, reports: Sequence[Call], rounds: int = ROUNDS) -> dict[str, Any]:
    """Web must run; worker and phones run for this alone. `reports` are submits, of which the bodies are taken."""
    import httpx

    people.renew()
    token = f"bench-{secrets.token_hex(16)}"
    web = f"http://127.0.0.1:{stack.port}/api/v1"
    with (
        stack.emulator(),
        stack.worker(),
        httpx.Client(base_url=web, trust_env=False, timeout=30) as phone,
        httpx.Client(base_url=web, trust_env=False, timeout=30) as crew,
        httpx.Client(base_url=stack.environment["FCM_ENDPOINT"], trust_env=False, timeout=40) as screen,
    ):
        phone.headers["Authorization"] = f"Bearer {people.guest_tokens[0]}"
        crew.headers["Authorization"] = f"Bearer {people.dispatcher_token}"
        device = {"fcm": {"kind": "token", "value": token}, "platform": "android", "locale": "en", "app_version": "1"}
        _answered(phone.put(f"/me/devices/{token}", json=device))
        seconds = [_one(phone, crew, screen, token, reports[at % len(reports)]) for at in range(rounds)]
        _answered(phone.delete(f"/me/devices/{token}"))
    ordered = sorted(seconds)
    return {
        "operation": "push_at_rest",
        "title": "From a change of status to the phone, at rest",
        "rounds": rounds,
        "median_seconds": round(statistics.median(ordered), 3),
        "p95_seconds": round(ordered[int(0.95 * (len(ordered) - 1))], 3),
        "max_seconds": round(ordered[-1], 3),
    }


def _one(phone: Any, crew: Any, screen: Any, token: str, report: Call) -> float:
    made = _answered(phone.post("/requests", json=report.body, headers={"Idempotency-Key": secrets.token_hex(16)}))
    request_id = made.json()["id"]
    _wait_for_push(screen, token, request_id, "submitted")
    begun = time.perf_counter()
    path = f"/requests/{request_id}/transitions"
    _answered(crew.post(path, json={"to": "acknowledged"}, headers={"If-Match": made.headers["ETag"]}))
    _wait_for_push(screen, token, request_id, "acknowledged")
    return time.perf_counter() - begun


def _wait_for_push(screen: Any, token: str, request_id: str, status: str) -> None:
    until = time.monotonic() + 40
    seen = 0
    while time.monotonic() < until:
        for found in _answered(screen.get("/messages", params={"token": token, "since": seen, "wait": 5})).json():
            seen = found["sequence"]
            data = found["message"]["data"]
            if data["request_id"] == request_id and data["status"] == status:
                return
    raise MeasurementFailed(f"no push about {status} within 40 s; var/log/bench.log says why")


def _answered(answer: Any) -> Any:
    if not answer.is_success:
        method, url = answer.request.method, answer.request.url
        raise MeasurementFailed(f"{method} {url} answered {answer.status_code}: {answer.text}")
    return answer
