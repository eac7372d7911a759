"""`script/test`: every check and test. All of them run, whatever the first one says."""

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from script.machine import ROOT, VAR, locks, preparation, processes, venv
from script.machine.console import ScriptError, say, terminal

LOCK = "requirements-dev.lock"
BIN = venv.VENV / "bin"
#: The linter of openapi.yaml, where Node is present. Exact, so that a new rule does not turn a build red.
REDOCLY = "2.77.0"


class Check(NamedTuple):
    """One line of the summary: a command, and what it adds to the environment."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = {}


def main() -> int:
    if sys.argv[1:] in (["-h"], ["--help"]):
        say("usage: script/test [pytest arguments]")
        say("Without arguments: every check, then every test. With arguments: pytest alone, with those.")
        return 0
    refusal = "script/test is already running in this checkout (process {pid}); its databases are in use."
    with locks.exclusive(VAR / "run" / "test.lock", refusal):
        preparation.prepare("script.test", sys.argv[1:], LOCK)
        environment = dict(os.environ)
        # Tests never reach a real phone or a real bucket, whatever this shell is set up for.
        for name in ("FIREBASE_CREDENTIALS", "FCM_ENDPOINT"):
            environment.pop(name, None)
        environment["STORAGE_URL"] = (VAR / "test" / "media").as_uri()
        environment["ENVIRONMENT"] = "test"
        with preparation.private_servers("test", environment):
            return run(sys.argv[1:], environment)


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Runs the checks; the exit code is 0 when all passed, as pytest alone gives it with arguments."""
    pytest = [str(venv.PYTHON), "-m", "pytest"]
    if terminal.isatty():
        pytest.append("--color=yes")
    if arguments:
        return follow([*pytest, *arguments], environment)[0]

    failed: list[str] = []
    done = 0
    for check in checks():
        begun = time.monotonic()
        status, _ = follow(check.command, {**environment, **check.environment}, title=check.name)
        done += 1
        if status:
            failed.append(check.name)
        say(f"  {'ok' if status == 0 else 'FAILED':<7}{check.name} ({time.monotonic() - begun:.1f} s)")
    openapi_lint(failed, environment)

    say("\npytest")
    begun = time.monotonic()
    status, last = follow([*pytest, "-n", "2"], environment)
    tests_passed, tests_failed = counts(last)
    if status and not tests_failed:
        tests_failed = 1
    if status:
        failed.append("pytest")
    say(f"\n  pytest took {time.monotonic() - begun:.1f} s")
    for name in failed:
        say(f"  FAILED {name}")
    checks_failed = len(failed) - (1 if status else 0)
    say(f"{tests_passed + done - checks_failed} passed, {tests_failed + checks_failed} failed")
    return 1 if failed else 0


def checks() -> list[Check]:
    """Everything but pytest, quickest first."""
    manage = [str(venv.PYTHON), "manage.py"]
    return [
        Check("ruff check", [str(BIN / "ruff"), "check", "."]),
        Check("ruff format", [str(BIN / "ruff"), "format", "--check", "."]),
        Check("import-linter", [str(BIN / "lint-imports")]),
        Check("migrations are complete", [*manage, "makemigrations", "--check", "--dry-run"]),
        Check(
            "check --deploy",
            [*manage, "check", "--deploy", "--fail-level", "WARNING"],
            {
                "ENVIRONMENT": "production",
                "SECRET_KEY": secrets.token_urlsafe(60),
                "ALLOWED_HOSTS": "requests311.example",
                "PUBLIC_URL": "https://requests311.example",
                "FIREBASE_CREDENTIALS": "{}",
            },
        ),
        Check("mypy", [str(BIN / "mypy"), "."]),
    ]


def openapi_lint(failed: list[str], environment: Mapping[str, str]) -> None:
    """Redocly on openapi.yaml, where Node and its registry are there; else a word."""
    name = "openapi.yaml (Redocly)"
    prefix = VAR / "node"
    program = prefix / "node_modules" / ".bin" / "redocly"
    stamp = prefix / f"redocly-{REDOCLY}"
    if not shutil.which("npm"):
        say(f"  skipped {name}: no Node here")
        return
    begun = time.monotonic()
    if not stamp.exists():
        prefix.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--prefix", str(prefix), "--no-audit", "--no-fund", "--loglevel=error"]
        try:
            processes.run([*install, f"@redocly/cli@{REDOCLY}"], what="npm install", cwd=prefix)
        except ScriptError as error:
            say(f"  skipped {name}: {error}")
            return
        stamp.touch()
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    status, _ = follow([str(program), "lint", "openapi.yaml"], {**environment, **quiet}, title=name)
    if status:
        failed.append(name)
    say(f"  {'ok' if status == 0 else 'FAILED':<7}{name} ({time.monotonic() - begun:.1f} s)")


def follow(command: Sequence[str], environment: Mapping[str, str], title: str = "") -> tuple[int, str]:
    """Runs a program with its lines passed on, and gives its status and last line.

    With a title its lines are shown only when it fails: a green check needs no reader.
    """
    child = processes.start(command, output=subprocess.PIPE, env=environment, cwd=ROOT)
    assert child.stdout is not None
    last, held = "", []
    try:
        for raw in child.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            last = line or last
            if title:
                held.append(line)
            else:
                say(line)
        status = child.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            processes.stop(child.pid)
        child.wait()
        raise
    if status and title:
        say(f"\n{title}:\n" + "\n".join(held))
    return status, last


def counts(summary: str) -> tuple[int, int]:
    """Passed and failed tests out of pytest's last line; an error while setting up is a failure."""
    found = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?)\b", summary)}
    return found.get("passed", 0), found.get("failed", 0) + found.get("error", 0) + found.get("errors", 0)


if __name__ == "__main__":
    preparation.command(main)
