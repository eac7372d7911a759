"""One report's news to 10,000 devices: by our worker process, and by bare firebase-admin from as many threads.

`python -m script.benchmark.push FILE` is the bare process.
"""

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from script.benchmark import clients
from script.benchmark.latencies import percentile
from script.benchmark.load import Load, MeasurementFailed

if TYPE_CHECKING:
    import psycopg

    from accounts.models import User
    from script.benchmark.stack import Stack

DEVICES = 10_000
_PATIENCE = 300
_COUNT = """
SELECT count(*) FILTER (WHERE d.state = 'sent'), count(*) FILTER (WHERE d.state NOT IN ('pending', 'sent')),
    extract(epoch FROM max(d.sent_at) - min(d.sent_at))
FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id WHERE m.recipient_id = %s
"""
_FIRST_BATCH = """
SELECT count(*) FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id
WHERE m.recipient_id = %(who)s AND d.sent_at = (
    SELECT min(d.sent_at) FROM notifications_delivery d JOIN notifications_message m ON m.id = d.message_id
    WHERE m.recipient_id = %(who)s)
"""


def measure(
    connection: "psycopg.Connection[Any]",
    stack: "Stack",
    owner: "User",
    submit: Callable[["User"], Any],
    *,
    devices: int,
    folder: Path,
) -> dict[str, Any]:
    """`submit` makes a report of the owner's. Half of the bare sending comes before ours, half after."""
    from django.conf import settings

    tokens = _register(connection, owner, devices)
    seconds = max(2.0, devices / 2000)
    with stack.emulator():
        bare = _bare(stack, tokens, settings.PUSH_THREADS, seconds, folder)
        sent, took = _ours(connection, stack, owner, submit, devices)
        again = _bare(stack, tokens, settings.PUSH_THREADS, seconds, folder)
    bare.latencies.update(again.latencies)
    rate = (bare.requests + again.requests) / (bare.seconds + again.seconds)
    return {
        "operation": "push",
        "title": f"Push fan-out to {devices:,} devices",
        "devices": devices,
        "processes": 1,
        "threads": settings.PUSH_THREADS,
        "ours": {"requests": sent, "seconds": round(took, 3), "per_second": round(sent / took, 1), "errors": 0},
        "bare": {
            "words": f"messaging.send of bare firebase-admin from {settings.PUSH_THREADS} threads of one process",
            "requests": bare.requests + again.requests,
            "per_second": round(rate, 1),
            "p50_ms": percentile(bare.latencies, 0.5),
            "p95_ms": percentile(bare.latencies, 0.95),
            "errors": 0,
        },
        "ratio": round(sent / took / rate, 3),
    }


def quiet(connection: "psycopg.Connection[Any]", broker_url: str) -> None:
    """What the load left to announce and to render is taken as done, so that a worker begins with nothing."""
    import redis

    connection.execute("UPDATE requests311_event SET announced_at = now() WHERE announced_at IS NULL")
    connection.execute(
        "UPDATE requests311_photo SET state = 'rejected', reason = 'its file was of the bench' WHERE state = 'pending'"
    )
    with redis.Redis.from_url(broker_url) as broker:
        broker.flushdb()


def _register(connection: "psycopg.Connection[Any]", owner: "User", count: int) -> list[str]:
    import numpy as np

    from notifications.models import Device
    from script.benchmark.data.columns import Columns
    from script.benchmark.data.identities import uuid7s

    columns = Columns(
        Device, ("id", "owner_id", "installation_id", "fcm_kind", "fcm_value", "platform", "locale", "app_version")
    )
    ids = uuid7s(np.full(count, int(time.time() * 1000)), np.random.default_rng())
    tokens = [f"bench-{device}" for device in ids]
    with connection.cursor() as cursor, cursor.copy(columns.copy.encode()) as copy:
        for device, token in zip(ids, tokens, strict=True):
            copy.write(f"{device}\t{owner.pk}\t{token}\ttoken\t{token}\tandroid\ten\t1{columns.end}")
    return tokens


def _ours(
    connection: "psycopg.Connection[Any]", stack: "Stack", owner: "User", submit: Callable[["User"], Any], devices: int
) -> tuple[int, float]:
    """Deliveries sent after the first batch, and the seconds that took by the database's clock."""
    submit(owner)
    with stack.worker(processes=1):
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            row = connection.execute(_COUNT, [owner.pk]).fetchone()
            sent, failed, seconds = row or (0, 0, None)
            if failed:
                raise MeasurementFailed(f"{failed} of {devices} deliveries were not sent")
            if sent == devices:
                first = connection.execute(_FIRST_BATCH, {"who": owner.pk}).fetchone()
                if not seconds or not first or first[0] == sent:
                    raise MeasurementFailed("too few devices to tell a rate")
                return sent - first[0], float(seconds)
            time.sleep(0.2)
    raise MeasurementFailed(
        f"only {sent} of {devices} deliveries were sent in {_PATIENCE} s; var/log/bench.log says why"
    )


def _bare(stack: "Stack", tokens: list[str], threads: int, seconds: float, folder: Path) -> Load:
    specification = {
        "credentials": stack.environment["FIREBASE_CREDENTIALS"],
        "endpoint": stack.environment["FCM_ENDPOINT"],
        "threads": threads,
        "seconds": seconds,
        "tokens": tokens,
    }
    return clients.run("script.benchmark.push", [specification], folder)


def main() -> None:
    import warnings

    import firebase_admin
    from firebase_admin import credentials, messaging

    # The kind of address that phones still have; ours are sent to the same kind.
    warnings.simplefilter("ignore", DeprecationWarning)
    specification = clients.specification()
    messaging._MessagingService.FCM_URL = specification["endpoint"] + "/v1/projects/{0}/messages:send"
    app = firebase_admin.initialize_app(
        credentials.Certificate(json.loads(Path(specification["credentials"]).read_text()))
    )
    tokens: list[str] = specification["tokens"]

    def make_step(thread: int) -> clients.Step:
        turn = itertools.count(thread, specification["threads"])

        def step() -> int:
            number = next(turn)
            message = messaging.Message(
                token=tokens[number % len(tokens)],
                notification=messaging.Notification(
                    title="Pothole 7K3F-9QTD",
                    body="Your report has arrived. It is with the Department of Transportation.",
                ),
                data={
                    "event_id": str(number),
                    "request_id": "019f1c2e-8a10-7c33-b6d1-0f4c5d6e7a8b",
                    "status": "submitted",
                },
            )
            begun = time.perf_counter()
            messaging.send(message, app=app)
            return int((time.perf_counter() - begun) * 1e6)

        return step

    clients.serve(specification, make_step)


if __name__ == "__main__":
    main()
