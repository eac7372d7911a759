"""Celery wakes work up. What is to be done is in the database: events, deliveries, pending photos."""

import os
from typing import Any

import structlog
from celery import Celery
from celery.signals import setup_logging, task_prerun, worker_init, worker_process_shutdown
from prometheus_client import CollectorRegistry, multiprocess, start_http_server

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("requests311")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**_kwargs: Any) -> None:
    """Celery would replace our handlers with its own; a connected receiver stops it."""


@task_prerun.connect
def name_the_task(task_id: str, task: Any, **_kwargs: Any) -> None:
    """Every log line of a task says which one it was."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@worker_init.connect
def serve_metrics(**_kwargs: Any) -> None:
    """Prometheus figures of this worker and its children on WORKER_METRICS_PORT, loopback unless told otherwise.

    Needs PROMETHEUS_MULTIPROC_DIR, an empty directory of this worker's own, because the children count.
    """
    port = os.environ.get("WORKER_METRICS_PORT")
    if not port:
        return
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    start_http_server(int(port), addr=os.environ.get("WORKER_METRICS_HOST", "127.0.0.1"), registry=registry)


@worker_process_shutdown.connect
def forget_child(pid: int, **_kwargs: Any) -> None:
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]
