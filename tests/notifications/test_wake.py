"""The broker is only a hint: dead, hanging or alive, the caller does not notice."""

import base64
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from celery import Celery
from django.conf import settings as django_settings
from django.db import connection
from prometheus_client import REGISTRY

from notifications import wake as waking
from notifications.models import Delivery, Device
from notifications.wake import flush, reset, wake

ROOT = Path(__file__).resolve().parents[2]


def wakes(outcome: str) -> float:
    return REGISTRY.get_sample_value("requests311_wakes_total", {"outcome": outcome}) or 0.0


def celery_at(url: str, queue: str = "q", **options: Any) -> Any:
    app = Celery("test", broker=url, set_as_current=False)
    app.conf.update(
        task_default_queue=queue,
        task_publish_retry=False,
        broker_transport_options=django_settings.CELERY_BROKER_TRANSPORT_OPTIONS,
    )

    def hello(*_ids: str) -> None: ...

    task: Any = app.task
    return task(name="test.hello", **options)(hello)


@contextlib.contextmanager
def messages_of(queue: str) -> Iterator[Callable[[], list[list[str]]]]:
    """Reads the arguments of each message in a queue of the broker, the oldest first; removes the queue at the end."""
    client = redis.Redis.from_url(django_settings.BROKER_URL)

    def arguments() -> list[list[str]]:
        bodies = [base64.b64decode(json.loads(raw)["body"]) for raw in client.lrange(queue, 0, -1)]
        return [json.loads(body)[0] for body in reversed(bodies)]

    try:
        yield arguments
    finally:
        client.delete(queue)
        client.srem("_kombu.binding." + queue, "")
        client.close()


@pytest.fixture(autouse=True)
def _closed_breaker() -> Iterator[None]:
    assert flush(20)
    reset()
    yield
    assert flush(20)
    reset()


@pytest.fixture
def silent_broker() -> Iterator[str]:
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


needs_redis = pytest.mark.skipif(not django_settings.REDIS_URL, reason="the broker is no Redis")


@needs_redis
def test_the_task_reaches_the_broker() -> None:
    queue = f"test-{uuid4()}"
    task = celery_at(django_settings.BROKER_URL, queue)
    wake(task)
    wake(task, "0190")
    assert flush(5)
    with messages_of(queue) as messages:
        assert messages() == [[], ["0190"]]
    task.app.close()


@needs_redis
def test_many_ids_go_as_one_message_where_the_task_takes_many() -> None:
    queue = f"test-{uuid4()}"
    task = celery_at(django_settings.BROKER_URL, queue, ids_at_most=40)
    ids = [f"{number:03}" for number in range(100)]
    published = wakes("published")
    with waking._current().changed:  # so that the thread finds all of them, however slow this machine is
        waking._current().waiting.update(dict.fromkeys((task, (id,)) for id in ids))
    wake(task, ids[0])
    wake(task, "last")
    assert flush(10)
    with messages_of(queue) as messages:
        found = messages()
    assert sorted({id for message in found for id in message}) == [*ids, "last"]
    assert max(len(message) for message in found) == 40
    assert len(found) <= 4
    assert wakes("published") >= published + 101
    task.app.close()


def test_a_dead_broker_costs_nothing_and_is_left_alone_for_a_while(caplog: Any) -> None:
    task = celery_at("redis://127.0.0.1:9/0")
    failed, skipped = wakes("failed"), wakes("skipped")
    begun = time.monotonic()
    wake(task)
    assert time.monotonic() - begun < 0.5
    assert flush(10)
    assert wakes("failed") == failed + 1
    for number in range(1000):
        wake(task, str(number))
    assert time.monotonic() - begun < 5
    assert wakes("skipped") == skipped + 1000
    assert caplog.text.count("broker_unreachable") == 1
    task.app.close()


def test_a_hanging_broker_costs_nothing(silent_broker: str) -> None:
    task = celery_at(silent_broker)
    dropped = wakes("dropped")
    begun = time.monotonic()
    for number in range(waking.QUEUE_LENGTH + 100):
        wake(task, str(number))
    assert time.monotonic() - begun < 1
    assert wakes("dropped") >= dropped + 90
    assert flush(60)
    assert time.monotonic() - begun < 60
    task.app.close()


SUBMIT = """
import sys, time, uuid, datetime, django
django.setup()
from django.db import transaction
from notifications import outbox
begun = time.monotonic()
for _ in range(20):
    with transaction.atomic():
        outbox.enqueue([outbox.Notice(uuid.UUID(sys.argv[1]), uuid.uuid4(), "k", {}, {},
                                      datetime.timedelta(hours=1))])
sys.stdout.write(str(time.monotonic() - begun))
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["dead", "hanging"])
def test_what_was_enqueued_stays(kind: str, silent_broker: str, person: Any, phone: Any) -> None:
    owner = person()
    phone(owner)
    name = connection.settings_dict["NAME"]
    url = django_settings.DATABASE_URL.rpartition("/")[0] + f"/{name}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": url,
        "BROKER_URL": silent_broker if kind == "hanging" else "redis://127.0.0.1:9/0",
    }
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", SUBMIT, str(owner.pk)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2
    assert time.monotonic() - begun < 30
    assert Delivery.objects.filter(state="pending", device=Device.objects.get()).count() == 20
