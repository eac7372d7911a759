"""The way every command of script/ begins: prepare the machine, start again inside .venv, stop in order."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import NoReturn

from script.machine import ROOT, VAR, locks, packages, processes, venv
from script.machine.console import ScriptError, say, step
from script.machine.postgres import Postgres
from script.machine.redis import Redis

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def command(body: Callable[[], int]) -> NoReturn:
    """Runs a command of script/: a ScriptError ends it with its words, a signal with 128 + its number."""
    for number in STOPPING:
        signal.signal(number, _stop)
    try:
        status = body()
    except ScriptError as problem:
        say(f"\n{problem}")
        status = 1
    sys.exit(status)


def _stop(number: int, _frame: FrameType | None) -> None:
    ignore_signals()
    say(f"\n{signal.Signals(number).name}: stopping …")
    raise SystemExit(128 + number)


def ignore_signals() -> None:
    """From here on we only clean up, and a second Ctrl-C must not leave half of it undone."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)


def prepare(
    module: str, arguments: Sequence[str], lock: str, *, own_servers: bool = False, load_tool: bool = False
) -> None:
    """Installs what is missing and goes on inside .venv. Returns at once when it is there already.

    With `own_servers` DATABASE_URL and BROKER_URL make no difference.
    """
    if venv.entered():
        return
    say("Requests311: looking at what this machine has")
    with locks.patient(VAR / "run" / "setup.lock", "Waiting for the other set-up in this checkout …"):
        packages.ensure(
            database=own_servers or "DATABASE_URL" not in os.environ,
            broker=own_servers or "BROKER_URL" not in os.environ,
            venv=not venv.complete(ROOT / lock),
            load_tool=load_tool,
        )
        venv.ensure(ROOT / lock)
    venv.enter(module, arguments)


@contextlib.contextmanager
def private_servers(name: str, environment: dict[str, str]) -> Iterator[processes.Register]:
    """PostgreSQL and Redis of our own, as far as the environment names no others; their URLs are added to it.

    `name` is "server" or "test": each has its own data and may run beside the other.
    """
    home = VAR if name == "server" else VAR / name
    register = processes.Register(VAR / "run" / f"{name}.json")
    register.stop_leftovers()
    with contextlib.ExitStack() as stack:
        if "DATABASE_URL" not in environment:
            server = Postgres(
                home / "postgres", VAR / "log" / f"{name}-postgres.log", register, durable=name == "server"
            )
            with step("Starting PostgreSQL"):
                environment["DATABASE_URL"] = stack.enter_context(server).url
        if "BROKER_URL" not in environment:
            with step("Starting Redis"):
                broker = stack.enter_context(Redis(home / "redis", VAR / "log" / f"{name}-redis.log", register))
                environment["BROKER_URL"] = broker.url
        yield register
