"""Running other programs: to their end, or in the background with a note of what has to be stopped."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from script.machine import files
from script.machine.accounts import Account
from script.machine.console import ScriptError, say


def start(
    command: Sequence[str],
    *,
    output: IO[Any] | int | None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    own_group: bool = True,
) -> subprocess.Popen[bytes]:
    """Starts a program in a process group of its own, so that Ctrl-C reaches us and we stop it in order.

    `output` None leaves its lines to the terminal.
    """
    drop: dict[str, Any] = {}
    if account is not None:
        drop = {"user": account.uid, "group": account.gid, "extra_groups": []}
    return subprocess.Popen(  # noqa: S603 - every command is ours
        list(command),
        stdin=subprocess.DEVNULL if own_group else None,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=env,
        cwd=cwd,
        start_new_session=own_group,
        **drop,
    )


def run(
    command: Sequence[str],
    *,
    what: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    own_group: bool = True,
) -> str:
    """Runs a program to its end and returns what it wrote.

    Raises ScriptError with `what` and the last lines when it fails. Ctrl-C stops it and its children.
    """
    with tempfile.TemporaryFile() as output:
        child = start(command, output=output, env=env, cwd=cwd, account=account, own_group=own_group)
        try:
            status = child.wait()
        except BaseException:
            stop(child.pid)
            child.wait()
            raise
        output.seek(0)
        text = output.read().decode(errors="replace")
    if status:
        raise ScriptError(f"{what} failed (exit {status}):\n{tail(text)}")
    return text


def tail(text: str, lines: int = 25) -> str:
    """The last lines, indented, for a message."""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-lines:])


def birth(pid: int) -> str | None:
    """When a process began, as text that no later process with the same id has; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    else:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return None if fields[0] == "Z" else f"{boot} {fields[19]}"
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S603, S607
    return answer.stdout.strip() or None


def stop(pid: int, number: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """Asks a process to stop; after `patience` seconds kills it and its group."""
    born = birth(pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
    end = time.monotonic() + patience
    while born is not None and time.monotonic() < end:
        if birth(pid) != born:
            break
        with contextlib.suppress(ChildProcessError):
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
        time.sleep(0.02)
    # Also after an orderly end: what it left in its group (a build that pip had begun) goes too.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


#: PostgreSQL: disconnect everybody and stop, without waiting for clients to leave by themselves.
FAST = signal.SIGINT


class Register:
    """A file with a run's processes, so that the next run can stop what a kill -9 left behind."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.running: dict[str, tuple[int, str, int]] = {}

    def add(self, name: str, pid: int, number: signal.Signals = signal.SIGTERM) -> None:
        """Notes a process and the signal that stops it in order."""
        born = birth(pid)
        if born is not None:
            self.running[name] = (pid, born, int(number))
            self._save()

    def remove(self, name: str) -> None:
        self.running.pop(name, None)
        self._save()

    def stop_leftovers(self) -> None:
        """Stops what an earlier run could not, last started first; never a process that only took the id."""
        try:
            left = json.loads(self.path.read_text())
        except (OSError, ValueError):
            return
        for name, (pid, born, number) in reversed(left.items()):
            if birth(pid) == born:
                say(f"  Stopping {name}, left over from a run that was killed (process {pid})")
                stop(pid, signal.Signals(number))
        self.path.unlink(missing_ok=True)

    def _save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.running:
            self.path.unlink(missing_ok=True)
            return
        files.write(self.path, json.dumps(self.running))
