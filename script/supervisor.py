"""The processes of script/server under honcho: coloured logs, and when one goes, all go."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

from honcho.compat import ProcessManager
from honcho.manager import Manager
from honcho.printer import Message, Printer

from script.machine.console import terminal
from script.machine.processes import Register


class _Leaders(ProcessManager):  # type: ignore[misc]  # honcho has no types
    def terminate(self, pid: int) -> None:
        """SIGTERM to the process alone: web and worker stop their own children once they are done."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class Scribe(Printer):  # type: ignore[misc]  # honcho has no types
    """Every line goes into a file; the terminal gets them unless they are held back for a story to be read."""

    def __init__(self, file: Path) -> None:
        super().__init__(terminal)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("w", encoding="utf-8")
        self._copy = Printer(self._file)
        self._held: list[Message] | None = []

    def write(self, message: Message) -> None:
        self._copy.width = self.width
        self._copy.write(message)
        if self._held is None:
            super().write(message)
        else:
            self._held.append(message)

    def release(self, *, show: bool) -> None:
        """From here on lines are shown at once; those held so far too, if something went wrong."""
        held, self._held = self._held or [], None
        for message in held if show else ():
            super().write(message)


class Supervisor(Manager):  # type: ignore[misc]  # honcho has no types
    """honcho's manager, which also says who died, notes process ids, and runs `once_up` beside them."""

    def __init__(self, register: Register, log: Path, once_up: Callable[[], None]) -> None:
        self.scribe = Scribe(log)
        super().__init__(self.scribe)
        self._procmgr = _Leaders()
        self.register = register
        self.once_up = once_up
        #: The process that ended on its own, before anybody was asked to stop.
        self.died: str | None = None
        #: Set once the processes are being stopped, for whatever reason.
        self.stopping = threading.Event()

    def add(self, name: str, command: str, environment: dict[str, str]) -> None:
        """Adds a process; `exec`, so that its id is the program's and not a shell's."""
        self.add_process(name, f"exec {command}", env=environment)

    def stop(self) -> None:
        """Ends the run from another thread, with honcho's own way to stop."""
        os.kill(os.getpid(), signal.SIGTERM)

    def terminate(self) -> None:
        if not self.stopping.is_set():
            gone = [name for name, process in self._processes.items() if "returncode" in process]
            self.died = gone[0] if gone and self.returncode not in (130, 143) else None
            self.scribe.release(show=self.died is not None)
            self.stopping.set()
        super().terminate()

    def kill(self) -> None:
        """SIGKILL to the groups of those that are left."""
        for process in self._processes.values():
            if "pid" in process and "returncode" not in process:
                self._procmgr.kill(process["pid"])

    def _start(self) -> None:
        super()._start()
        # Only now: a thread that runs while honcho forks could leave a lock held in the child for ever.
        threading.Thread(target=self._accompany, name="once-up", daemon=True).start()

    def _accompany(self) -> None:
        while not self._all_started() and not self.stopping.wait(0.02):
            pass
        for name, process in list(self._processes.items()):
            if "pid" in process:
                self.register.add(name, process["pid"])
        self.once_up()
