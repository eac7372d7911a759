"""For machines: is the process alive, may it get traffic, what does it measure."""

import os
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from kombu.connection import Connection
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest, multiprocess
from prometheus_client import REGISTRY as PROCESS_REGISTRY

from api.figures import WaitingWork


def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Nothing else: a dead database is no reason to restart a web server."""
    return JsonResponse({"status": "alive"})


def readyz(request: HttpRequest) -> HttpResponse:
    """200 where this server may get traffic, else 503 and what is missing. Fails first on SIGTERM."""
    checks = {name: _outcome(check) for name, check in CHECKS.items()}
    ready = all(outcome == "ok" for outcome in checks.values())
    return JsonResponse({"status": "ready" if ready else "not ready", "checks": checks}, status=200 if ready else 503)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, summed over the web processes of this machine."""
    registry = PROCESS_REGISTRY
    if _runs_in_several_processes():
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    waiting = CollectorRegistry()
    waiting.register(WaitingWork())
    return HttpResponse(generate_latest(registry) + generate_latest(waiting), content_type=CONTENT_TYPE_LATEST)


def _runs_in_several_processes() -> bool:
    return "PROMETHEUS_MULTIPROC_DIR" in os.environ


def _not_draining() -> None:
    if settings.DRAIN_FILE and Path(settings.DRAIN_FILE).exists():
        raise RuntimeError("shutting down")


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    with Connection(settings.BROKER_URL, connect_timeout=1, transport_options={"socket_timeout": 1}) as broker:
        broker.ensure_connection(max_retries=1, interval_start=0, timeout=2)


def _migrations() -> None:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise RuntimeError("not all applied; run manage.py migrate")


CHECKS: dict[str, Callable[[], None]] = {
    "serving": _not_draining,
    "database": _database,
    "broker": _broker,
    "migrations": _migrations,
}


def _outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except RuntimeError as error:
        return str(error)
    except Exception as error:
        # The name only: messages of drivers hold host names and users.
        return f"failed ({type(error).__name__})"
    return "ok"
