"""`script/server`: sets everything up, runs the main job, plays one story as a smoke check, and stays up."""

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from script.machine import ROOT, VAR, locks, ports, preparation, processes, venv
from script.machine.console import ScriptError, say, step

LOCK = "requirements.lock"
READY_SECONDS = 60
FCM_CREDENTIALS = VAR / "fcm" / "service-account.json"
PEOPLE = ("resident@example.org", "crew.dot@example.org", "dispatcher@example.org", "admin@example.org")
PASSWORD = "sample-password-311"  # noqa: S105 - of people who exist in development only


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/server",
        description="Sets up what is missing, then runs web, worker, beat and the FCM emulator."
        " Ctrl-C stops everything.",
        epilog="DATABASE_URL, BROKER_URL, FIREBASE_CREDENTIALS and STORAGE_URL, where set, are used"
        " instead of private servers below var/. ENVIRONMENT is development unless set.",
    )
    parser.add_argument("--port", type=_port, default=8000, metavar="N", help="the web server's port (default 8000)")
    parser.add_argument(
        "--lan",
        metavar="ADDRESS",
        help="also answer phones in this network, at this address of this machine (192.168.1.20)",
    )
    parser.add_argument("--no-story", action="store_true", help="start without the smoke check")
    parser.add_argument("--keep-going", action="store_true", help="stay up even when the smoke check fails")
    parser.add_argument("--once", action="store_true", help="stop after the smoke check; its result is the exit code")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65_000:
        raise argparse.ArgumentTypeError("a port is between 1 and 65000")
    return number


def main() -> int:
    arguments = options(sys.argv[1:])
    refusal = (
        "script/server is already running in this checkout (process {pid}).\n"
        "Stop it with Ctrl-C there, or run a second one from another clone."
    )
    with locks.exclusive(VAR / "run" / "server.lock", refusal):
        preparation.prepare("script.server", sys.argv[1:], LOCK)
        return run(arguments)


def run(arguments: argparse.Namespace) -> int:
    """Everything that happens inside .venv."""
    environment = dict(os.environ)
    environment.setdefault("ENVIRONMENT", "development")
    environment["PYTHONUNBUFFERED"] = "1"
    development = environment["ENVIRONMENT"] == "development"
    if arguments.lan:
        environment.setdefault("ALLOWED_HOSTS", f"localhost,127.0.0.1,[::1],10.0.2.2,{arguments.lan}")
    if development:
        # Whoever restarts often is one guest more each time.
        environment.setdefault("RATE_LIMIT_GUEST", "1000/hour")
        # What a contractor would find in the mailbox.
        environment.setdefault("EMAIL_URL", (VAR / "mail").as_uri())
    with preparation.private_servers("server", environment) as register:
        if not ports.free(arguments.port):
            raise ScriptError(
                f"Port {arguments.port} is in use by another program.\n"
                f"Choose another one: script/server --port {ports.next_free(arguments.port + 1)}"
            )
        emulator = None
        if development and not environment.get("FIREBASE_CREDENTIALS"):
            emulator = ports.next_free(arguments.port + 1)
            environment["FIREBASE_CREDENTIALS"] = str(FCM_CREDENTIALS)
            environment["FCM_ENDPOINT"] = f"http://127.0.0.1:{emulator}"
        fill(environment)
        return supervise(arguments, environment, register, emulator)


def fill(environment: dict[str, str]) -> None:
    """The database's tables and, in development, the sample city and its people. It shows its own steps."""
    child = processes.start([str(venv.PYTHON), "-m", "script.fill"], output=None, env=environment, cwd=ROOT)
    try:
        status = child.wait()
    except BaseException:
        processes.stop(child.pid)
        child.wait()
        raise
    if status:
        raise ScriptError("The database is not ready, so nothing was started.")


def supervise(
    arguments: argparse.Namespace,
    environment: dict[str, str],
    register: processes.Register,
    emulator: int | None,
) -> int:
    """Runs the processes until one ends or somebody stops them; returns the exit code."""
    from script.supervisor import Supervisor

    outcome: dict[str, Any] = {"up": False, "failed": False}

    def once_up() -> None:
        try:
            with step("Starting " + ", ".join(started)):
                wait_ready(f"http://127.0.0.1:{arguments.port}/readyz", supervisor.stopping)
                if emulator:
                    wait_ready(f"http://127.0.0.1:{emulator}/", supervisor.stopping)
            outcome["up"] = True
            smoke_check(arguments, environment, emulator)
            addresses(arguments.port, emulator, arguments.lan)
        except ScriptError as problem:
            if supervisor.stopping.is_set():
                return
            supervisor.scribe.release(show=True)
            say(f"\n{problem}\n")
            outcome["failed"] = True
            if arguments.keep_going and outcome["up"]:
                addresses(arguments.port, emulator, arguments.lan)
                return
            supervisor.stop()
        else:
            supervisor.scribe.release(show=False)
            if arguments.once:
                supervisor.stop()

    started = commands(arguments.port, emulator, everywhere=bool(arguments.lan))
    supervisor = Supervisor(register, VAR / "log" / "server.log", once_up)
    for name, command in started.items():
        own = dict(environment)
        if name in {"worker", "beat"}:
            # As root Celery warns about pickle, which is off.
            own["PYTHONWARNINGS"] = "ignore::RuntimeWarning:celery.platforms"
        supervisor.add(name, shlex.join(command), own)
    signal.signal(signal.SIGHUP, lambda *_: supervisor.stop())
    os.chdir(ROOT)
    try:
        supervisor.loop()
    finally:
        preparation.ignore_signals()
        supervisor.kill()
        for name in started:
            register.remove(name)
    if supervisor.died:
        say(f"\n{supervisor.died} ended on its own; everything else was stopped. Its last lines are above.")
        return 1
    if outcome["failed"]:
        return 1
    return 0 if outcome["up"] else supervisor.returncode


def commands(port: int, emulator: int | None, *, everywhere: bool = False) -> dict[str, list[str]]:
    """The processes of the main job, by the name that stands before their lines."""
    python = str(venv.PYTHON)
    celery = [python, "-m", "celery", "-q", "-A", "config"]
    schedule = str(VAR / "run" / "celerybeat-schedule")
    found = {
        "web": [python, "-m", "config.serve", "--port", str(port)],
        "worker": [*celery, "worker", "-Q", "default,notifications,photos", "-c", "2", "-l", "warning"],
        "beat": [*celery, "beat", "-l", "warning", "-s", schedule, "--pidfile="],
    }
    if everywhere:
        found["web"] += ["--host", "0.0.0.0"]  # noqa: S104 - asked for with --lan
    # Workers of one laptop have nothing to tell each other, and the greeting takes a second.
    found["worker"] += ["--without-gossip", "--without-mingle"]
    if emulator:
        found["phones"] = [python, "manage.py", "fcm_emulator", "--port", str(emulator)]
        found["phones"] += ["--credentials", str(FCM_CREDENTIALS)]
    return found


def wait_ready(url: str, stopping: threading.Event) -> None:
    """Until the address answers 200; raises ScriptError with its last answer when it does not in a minute."""
    import httpx

    last = "none"
    end = time.monotonic() + READY_SECONDS
    with httpx.Client(trust_env=False, timeout=5) as client:
        while time.monotonic() < end and not stopping.wait(0.1):
            with contextlib.suppress(httpx.HTTPError):
                answer = client.get(url)
                if answer.status_code == 200:
                    return
                last = f"{answer.status_code} {_pretty(answer.text)}"
    raise ScriptError(f"{url} was not green after {READY_SECONDS} s. Its last answer: {last}")


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text[:2000]


def smoke_check(arguments: argparse.Namespace, environment: dict[str, str], emulator: int | None) -> None:
    """Plays the story, where nobody real would hear of it."""
    if arguments.no_story:
        return
    if emulator is None:
        say("No story is played: that is for ENVIRONMENT=development without Firebase credentials.")
        return
    from script.story import play

    say("\nThe story, over HTTP:")
    begun = time.monotonic()
    play(f"http://127.0.0.1:{arguments.port}", environment["FCM_ENDPOINT"], PEOPLE[1], PASSWORD)
    say(f"  The main job works ({time.monotonic() - begun:.1f} s).")


def addresses(port: int, emulator: int | None, lan: str | None) -> None:
    web = f"http://127.0.0.1:{port}"
    say("\nRequests311 is up:")
    say(f"  API        {web}/api/v1/services?latitude=40.7128&longitude=-74.0060")
    if lan:
        say(f"  Phone      http://{lan}:{port}/api/v1/ (anybody in this network may call it)")
    say(f"  Docs       {web}/api/docs")
    say(f"  OpenAPI    {web}/api/openapi.yaml")
    say(f"  Admin      {web}/admin/")
    if emulator:
        say(f"  Phones     http://127.0.0.1:{emulator}/")
        say(f"  People     {', '.join(PEOPLE)}")
        say(f"  Password   {PASSWORD}")
    say("  Logs       var/log/server.log, and below as they come")
    say("Ctrl-C stops everything.\n")


if __name__ == "__main__":
    preparation.command(main)
