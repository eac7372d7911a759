"""The web server: granian, with a drain before it stops.

    python -m config.serve --host 0.0.0.0 --port 8000

On SIGTERM `/readyz` fails first, while everything else is answered as before; after `--drain` seconds, in
which a load balancer takes this server out, no connection is accepted any more and running requests are
finished. A second SIGTERM ends the drain at once. The signal is for this process alone (systemd:
`KillMode=mixed`), which then stops its workers.
"""

import argparse
import contextlib
import ctypes
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces, RuntimeModes
from granian.log import LogLevels
from granian.server.mp import MPServer

STATIC_ROOT = Path(__file__).resolve().parent.parent / "var" / "static"
#: What a running request may still take once nothing new is accepted.
FINISH_SECONDS = 30
#: Connections of one worker. granian accepts no more than this many, and an idle kept-alive one counts: with
#: a low number new clients wait for old ones to hang up (granian #789). Threads bound the work, not this.
CONNECTIONS = 4096
#: mallopt(3) of glibc.
_M_ARENA_MAX = -8

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class DrainingServer(MPServer):
    """granian, which on SIGTERM tells the load balancer first."""

    def __init__(self, *, drain_file: Path, drain_seconds: float, **options: Any) -> None:
        super().__init__(**options)
        self.drain_file = drain_file
        self.drain_seconds = drain_seconds

    def shutdown(self, exit_code: int = 0) -> None:
        # Not after a crash loop of the workers: nobody is there to be drained.
        if self.interrupt_signal:
            self.drain_file.touch()
            self.main_loop_interrupt.clear()
            self.main_loop_interrupt.wait(self.drain_seconds)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]


def fork_deaf_to_no_signal() -> None:
    """No SIGTERM is lost on a worker that is being forked: it waits until the worker can die of it.

    A child inherits handlers that only tell its copy of the parent's state, and Python forgets in the child what
    arrived before it got going. granian sets the worker's own once the application is imported, seconds later. A
    SIGTERM in between would be swallowed, and the worker would go on serving until it is killed.
    """
    held = {signal.SIGTERM, signal.SIGINT}

    def hold() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, held)

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)

    def forget() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        let_through()

    os.register_at_fork(before=hold, after_in_parent=let_through, after_in_child=forget)


def load(_target: str) -> WSGI:
    """The application, in the worker. While draining, every answer closes its connection.

    A client that keeps a connection alive and busy would otherwise hold the worker until it is killed.
    """
    # A heap of its own for every thread keeps what each has freed: 20 MB a process for nothing. glibc only.
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
    # GeoDjango loads numpy wherever it finds it, for arrays that no call of ours makes: 20 MB a process.
    sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]

    from config.wsgi import application

    # What the first report of a process would otherwise wait for: the calendars of 250 countries take a second.
    for module in ("holidays.countries", "requests311.tasks"):
        import_module(module)
    # psycopg takes a numpy that is listed for one that is there, and fails at the first list of numbers.
    if sys.modules.get("numpy") is None:
        sys.modules.pop("numpy", None)

    # All that is loaded now stays: the garbage collector need not look through it again and again.
    gc.collect()
    gc.freeze()

    answer: WSGI = application
    drain_file = os.environ["DRAIN_FILE"]

    def draining(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def closing(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            return start_response(status, [*headers, ("Connection", "close")], *rest)

        return answer(environ, closing if os.path.exists(drain_file) else start_response)

    return draining


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    production = os.environ.get("ENVIRONMENT", "production") == "production"
    parser = argparse.ArgumentParser(prog="python -m config.serve", description="The web server of Requests311.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000)")
    # A process a core, since Python runs one thread at a time. Four threads, since a request waits for
    # PostgreSQL about as long as it computes, and one that sends a photo to S3 must not hold up the others.
    parser.add_argument("--workers", type=int, default=2, help="processes, one a core (default 2)")
    parser.add_argument("--threads", type=int, default=4, help="requests a process works on at a time (default 4)")
    parser.add_argument(
        "--drain",
        type=float,
        default=5.0 if production else 0.0,
        metavar="SECONDS",
        help="how long /readyz fails before connections are refused (default 5 in production, else 0)",
    )
    return parser.parse_args(arguments)


def main() -> None:
    arguments = options()
    # Once, in a process of its own, so that a wrong setting is told once and not by each worker,
    # and this process stays small and Django-free.
    checked = subprocess.run([sys.executable, "-c", "import config.settings"], check=False)
    if checked.returncode:
        sys.exit(checked.returncode)

    runtime = Path(tempfile.mkdtemp(prefix="requests311-web-"))
    drain_file = Path(os.environ.setdefault("DRAIN_FILE", str(runtime / "draining")))
    drain_file.unlink(missing_ok=True)
    # prometheus_client adds up the workers' numbers there; those of a former run would be counted again.
    metrics = runtime / "metrics"
    metrics.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics)
    os.environ.setdefault("DATABASE_KEEP_CONNECTIONS", "true")

    server = DrainingServer(
        drain_file=drain_file,
        drain_seconds=arguments.drain,
        target="config.wsgi:application",
        address=arguments.host,
        port=arguments.port,
        interface=Interfaces.WSGI,
        http=HTTPModes.http1,
        workers=arguments.workers,
        blocking_threads=arguments.threads,
        # A thread that ends takes its database connection with it.
        blocking_threads_idle_timeout=600,
        # One Rust thread a worker reads and writes sockets; it is never what 2 cores wait for.
        runtime_mode=RuntimeModes.mt,
        runtime_threads=1,
        backlog=1024,
        backpressure=CONNECTIONS,
        log_level=LogLevels.warning,
        log_access=False,
        respawn_failed_workers=True,
        workers_kill_timeout=FINISH_SECONDS,
        # The admin's and the docs' assets, without a Python thread.
        static_path_route=["/static"],
        static_path_mount=[STATIC_ROOT],
    )
    fork_deaf_to_no_signal()
    try:
        server.serve(target_loader=load)
    finally:
        drain_file.unlink(missing_ok=True)
        shutil.rmtree(runtime, ignore_errors=True)


if __name__ == "__main__":
    main()
