"""What the system's package manager has to bring: PostgreSQL with PostGIS, Redis, venv on Debian, wrk for the bench."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from script.machine import postgres, processes, redis
from script.machine.console import ScriptError, say, step


class Need(NamedTuple):
    """One thing that is missing, and what each package manager calls it."""

    title: str
    apt: tuple[str, ...]
    dnf: tuple[str, ...] = ()
    brew: tuple[str, ...] = ()


def missing(*, database: bool, broker: bool, venv: bool, load_tool: bool = False) -> list[Need]:
    """What this machine lacks, out of what is wanted."""
    needs = []
    if venv and importlib.util.find_spec("ensurepip") is None:
        needs.append(Need("Python's venv", (f"python{sys.version_info.major}.{sys.version_info.minor}-venv",)))
    if database and not postgres.installations():
        needs.append(
            Need(
                "PostgreSQL with PostGIS",
                ("postgresql", _postgis_of_apt()),
                ("postgresql-server", "postgis"),
                ("postgresql@17", "postgis"),
            )
        )
    if broker and redis.program() is None:
        needs.append(Need("Redis", ("redis-server",), ("redis",), ("redis",)))
    if load_tool and shutil.which("wrk") is None:
        needs.append(Need("the load tool wrk", ("wrk",), ("wrk",), ("wrk",)))
    return needs


def _postgis_of_apt() -> str:
    """PostGIS for the PostgreSQL that this distribution's `postgresql` stands for."""
    if shutil.which("apt-cache"):
        answer = subprocess.run(["apt-cache", "depends", "postgresql"], capture_output=True, text=True)  # noqa: S607
        match = re.search(r"Depends: postgresql-(\d+)", answer.stdout)
        if match:
            return f"postgresql-{match[1]}-postgis-3"
    return "postgresql-postgis"


def ensure(*, database: bool, broker: bool, venv: bool, load_tool: bool = False) -> None:
    """Installs what is missing with apt; elsewhere raises ScriptError with the lines that would."""
    needs = missing(database=database, broker=broker, venv=venv, load_tool=load_tool)
    if not needs:
        return
    titles = ", ".join(need.title for need in needs)
    if not shutil.which("apt-get"):
        raise ScriptError(_advice(needs, "this machine has no apt-get"))
    root = _root()
    if root is None:
        raise ScriptError(_advice(needs, "that takes root, and sudo would ask for a password nobody can type here"))
    script = Path(__file__).with_name("apt-install.sh")
    with step(f"Installing {titles} with apt (a minute or two, once)"):
        try:
            # PostGIS's package is named after PostgreSQL's version, which a machine without package
            # lists does not know yet.
            processes.run([*root, "sh", str(script), "update"], what="apt-get update", own_group=not root)
            left = missing(database=database, broker=broker, venv=venv, load_tool=load_tool)
            names = [name for need in left for name in need.apt]
            processes.run([*root, "sh", str(script), "install", *names], what="apt-get install", own_group=not root)
        except ScriptError as problem:
            raise ScriptError(f"{problem}\n\n{_advice(needs, 'apt-get failed')}") from problem
    still = missing(database=database, broker=broker, venv=venv, load_tool=load_tool)
    if still:
        raise ScriptError(_advice(still, "apt-get brought no version that fits"))
    say("  (no system service was started; Requests311 runs its own below var/)")


def _root() -> list[str] | None:
    """What to put before a command that takes root; None where nothing helps."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        quiet = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)  # noqa: S607
        if quiet.returncode == 0:
            return ["sudo"]
        if sys.stdin.isatty():
            say("  Installing system packages takes root; sudo asks for your password.")
            if subprocess.run(["sudo", "-v"], check=False).returncode == 0:  # noqa: S607
                return ["sudo"]
    return None


def _advice(needs: Sequence[Need], why: str) -> str:
    titles = ", ".join(need.title for need in needs)
    lines = [f"Missing: {titles}. It could not be installed: {why}.", "One of these lines installs it:"]
    managers = (
        (
            "Debian, Ubuntu:",
            "sudo apt-get install -y --no-install-recommends",
            [n for x in needs for n in x.apt],
        ),
        ("Fedora:", "sudo dnf install -y", [n for x in needs for n in x.dnf]),
        ("macOS:", "brew install", [n for x in needs for n in x.brew]),
    )
    lines += [f"  {system:<16} {command} {' '.join(names)}" for system, command, names in managers if names]
    lines.append("Or use servers you have: set DATABASE_URL (with PostGIS) and BROKER_URL.")
    return "\n".join(lines)
