"""`.venv`, filled from a hash-checked lock file. A stamp of the lock makes the next start skip it."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from script.machine import ROOT, files, processes
from script.machine.console import ScriptError, step

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
#: Set while a command starts itself again inside .venv, so that it prepares the machine once.
ENTERED = "REQUESTS311_INSIDE_VENV"


def complete(lock: Path) -> bool:
    """Whether .venv runs and has what this lock says."""
    return _stamp(lock).is_file() and _stamp(lock).read_text() == _digest(lock) and _runs("import django")


def ensure(lock: Path) -> None:
    """Makes .venv or brings it up to the lock."""
    if complete(lock):
        return
    if not _runs("import pip"):
        with step("Making .venv"):
            # The interpreter below, should this one be .venv's own.
            python = getattr(sys, "_base_executable", sys.executable)
            processes.run([python, "-m", "venv", "--clear", str(VENV)], what="Making .venv")
    with step(f"Installing Python packages from {lock.name} (about a minute, once)"):
        # No stamp while it is under way: Ctrl-C now, and the next start goes on from here.
        _forget_stale(lock)
        pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        try:
            # The lock names every package, so that there is nothing left to resolve.
            processes.run(
                [*pip, "--require-hashes", "--no-deps", "--requirement", str(lock)],
                what="pip install",
                cwd=ROOT,
            )
        except ScriptError as problem:
            raise ScriptError(
                f"{problem}\n\nThe Python packages are not complete. Once that is mended, start again, or:\n"
                f"  {PYTHON} -m pip install --require-hashes --no-deps -r {lock.name}"
            ) from problem
        files.write(_stamp(lock), _digest(lock))


def enter(module: str, arguments: Sequence[str]) -> None:
    """Replaces this process with the same command inside .venv."""
    os.environ[ENTERED] = "1"
    os.execv(PYTHON, [str(PYTHON), "-m", module, *arguments])  # noqa: S606


def entered() -> bool:
    """Whether this is the second life, inside .venv. Asked once: what we start must not inherit it."""
    return os.environ.pop(ENTERED, "") == "1"


def _digest(lock: Path) -> str:
    return hashlib.sha256(lock.read_bytes()).hexdigest() + "\n"


def _stamp(lock: Path) -> Path:
    return VENV / f".installed-{lock.name}"


def _forget_stale(lock: Path) -> None:
    # Another lock's stamp stays only if it is of the same commit; else this one moves packages under it.
    for stamp in VENV.glob(".installed-*"):
        other = ROOT / stamp.name.removeprefix(".installed-")
        if other == lock or not other.is_file() or stamp.read_text() != _digest(other):
            stamp.unlink()


def _runs(code: str) -> bool:
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", code], capture_output=True, check=False).returncode == 0  # noqa: S603
