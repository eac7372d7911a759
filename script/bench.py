"""`script/bench`: how long each call of the main job takes, and how long until the phone hears of a change.

On a server of its own below var/bench, one caller at a time ("at rest"). Writes var/bench/<time>.json.
"""

import contextlib
import json
import os
import secrets
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from script.machine import ROOT, VAR, locks, ports, preparation, processes
from script.machine.console import ScriptError, say

ROUNDS = 20
CALLS = 200
#: Median seconds from a change of status to the push on the phone's screen.
PUSH_TARGET = 2.0
CREW, PASSWORD = "crew.dot@example.org", "sample-password-311"


def main() -> int:
    with locks.exclusive(VAR / "run" / "bench.lock", "script/bench is already running here (process {pid})."):
        preparation.prepare("script.bench", sys.argv[1:], "requirements.lock")
        return run()


def run() -> int:
    environment = dict(os.environ) | {"ENVIRONMENT": "development", "LOG_LEVEL": "WARNING"}
    environment |= {f"RATE_LIMIT_{scope}": "1000000/hour" for scope in ("GUEST", "SUBMIT", "WRITE", "READ")}
    with preparation.private_servers("bench", environment), running(environment) as (web, emulator):
        figures = measure(web, emulator)
    met = figures["push_seconds"]["median"] <= PUSH_TARGET
    report = {"measured_at": datetime.now(UTC).isoformat(), "cores": os.cpu_count(), "figures": figures}
    report |= {"targets": {"push_seconds.median": PUSH_TARGET}, "targets_met": met}
    path = VAR / "bench" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n")
    show(figures)
    say(f"\n{'Targets met' if met else 'TARGET MISSED: push over 2 s'}. All figures: {path.relative_to(ROOT)}")
    return 0 if met else 1


@contextlib.contextmanager
def running(environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Web, worker, beat and emulator on free ports; their addresses."""
    from script import server

    port = ports.next_free(8100)
    emulator = ports.next_free(port + 1)
    environment["FIREBASE_CREDENTIALS"] = str(VAR / "bench" / "service-account.json")
    environment["FCM_ENDPOINT"] = f"http://127.0.0.1:{emulator}"
    server.fill(environment)
    started = []
    log = VAR / "log" / "bench.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        try:
            for name, command in server.commands(port, emulator).items():
                words = [
                    environment["FIREBASE_CREDENTIALS"] if part == str(server.FCM_CREDENTIALS) else part
                    for part in command
                ]
                words = [
                    str(VAR / "bench" / "beat") if part.endswith("celerybeat-schedule") else part for part in words
                ]
                started.append((name, processes.start(words, output=output, env=environment, cwd=ROOT)))
            for url in (f"http://127.0.0.1:{port}/readyz", f"http://127.0.0.1:{emulator}/"):
                server.wait_ready(url, threading.Event())
            yield f"http://127.0.0.1:{port}/api/v1", f"http://127.0.0.1:{emulator}"
        finally:
            for _, child in reversed(started):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)
            for _, child in started:
                child.wait()


def measure(web: str, emulator: str) -> dict[str, Any]:
    import httpx

    with (
        httpx.Client(base_url=web, trust_env=False, timeout=30) as phone,
        httpx.Client(base_url=web, trust_env=False, timeout=30) as crew,
        httpx.Client(base_url=emulator, trust_env=False, timeout=40) as screen,
    ):
        token = f"bench-{secrets.token_hex(16)}"
        sign_in(phone, crew, token)
        say(f"Measuring the push, {ROUNDS} changes of status …")
        seconds = [push_seconds(phone, crew, screen, token) for _ in range(ROUNDS)]
        figures: dict[str, Any] = {"push_seconds": spread(seconds)}
        # Nobody's phone: the calls alone are measured.
        answered(phone.delete(f"/me/devices/{token}"))
        for name, call in calls(phone, crew).items():
            say(f"Measuring {name}, {CALLS} calls …")
            figures[f"{name}_milliseconds"] = spread([1000 * timed(call) for _ in range(CALLS)])
    return figures


def sign_in(phone: Any, crew: Any, token: str) -> None:
    guest = answered(phone.post("/auth/guest", json={})).json()
    phone.headers["Authorization"] = f"Bearer {guest['access']}"
    device = {"fcm": {"kind": "token", "value": token}, "platform": "android", "locale": "en", "app_version": "1"}
    answered(phone.put(f"/me/devices/{token}", json=device))
    worker = answered(crew.post("/auth/token", json={"email": CREW, "password": PASSWORD})).json()
    crew.headers["Authorization"] = f"Bearer {worker['access']}"


def push_seconds(phone: Any, crew: Any, screen: Any, token: str) -> float:
    """From sending the change of status to reading the push on the phone's screen."""
    made = report(phone)
    wait_for_push(screen, token, made.json()["id"], "submitted")
    begun = time.perf_counter()
    acknowledge(crew, made)
    wait_for_push(screen, token, made.json()["id"], "acknowledged")
    return time.perf_counter() - begun


def wait_for_push(screen: Any, token: str, request_id: str, status: str) -> None:
    until = time.monotonic() + 30
    seen = 0
    while time.monotonic() < until:
        for found in answered(screen.get("/messages", params={"token": token, "since": seen, "wait": 5})).json():
            seen = found["sequence"]
            if found["message"]["data"]["request_id"] == request_id and found["message"]["data"]["status"] == status:
                return
    raise ScriptError(f"No push about {status} within 30 s; var/log/bench.log says why.")


def calls(phone: Any, crew: Any) -> dict[str, Callable[[], Any]]:
    """The calls of the main job, each as its client makes it."""
    here = {"latitude": 40.7081, "longitude": -73.9571}
    one = report(phone).json()["id"]
    fresh = [report(phone) for _ in range(CALLS)]
    return {
        "submit": lambda: report(phone),
        "transition": lambda: acknowledge(crew, fresh.pop()),
        "detail": lambda: answered(phone.get(f"/requests/{one}")),
        "list_of_50": lambda: answered(phone.get("/requests", params={"limit": 50, "service": "pothole"})),
        "locate": lambda: answered(phone.get("/locate", params={**here, "service": "pothole"})),
    }


def report(phone: Any) -> Any:
    body = {"service": "pothole", "location": {"latitude": 40.7081, "longitude": -73.9571}, "description": "Deep."}
    return answered(phone.post("/requests", json=body, headers={"Idempotency-Key": secrets.token_hex(16)}))


def acknowledge(crew: Any, made: Any) -> Any:
    path = f"/requests/{made.json()['id']}/transitions"
    return answered(crew.post(path, json={"to": "acknowledged"}, headers={"If-Match": made.headers["ETag"]}))


def answered(answer: Any) -> Any:
    if not answer.is_success:
        raise ScriptError(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text}")
    return answer


def timed(call: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "min": round(ordered[0], 4),
        "median": round(statistics.median(ordered), 4),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 4),
        "max": round(ordered[-1], 4),
        "count": len(ordered),
    }


def show(figures: dict[str, Any]) -> None:
    say(f"\n{'':28}{'min':>10}{'median':>10}{'p95':>10}{'max':>10}")
    for name, row in figures.items():
        say(f"{name:28}{row['min']:>10}{row['median']:>10}{row['p95']:>10}{row['max']:>10}")


if __name__ == "__main__":
    preparation.command(main)
