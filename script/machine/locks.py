"""One run at a time. The kernel drops the lock with its process, so a kill -9 leaves none behind."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from script.machine.console import ScriptError, say


@contextlib.contextmanager
def exclusive(file: Path, refusal: str) -> Iterator[None]:
    """Holds the lock, or raises ScriptError with `refusal`, in which {pid} is the holder's process id."""
    with _opened(file) as descriptor:
        if not _take(descriptor):
            holder = os.pread(descriptor, 20, 0).decode().strip() or "unknown"
            raise ScriptError(refusal.format(pid=holder))
        yield


@contextlib.contextmanager
def patient(file: Path, waiting: str) -> Iterator[None]:
    """Holds the lock; says `waiting` and waits while another process has it."""
    with _opened(file) as descriptor:
        if not _take(descriptor):
            say(f"  {waiting}")
            fcntl.lockf(descriptor, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[int]:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    # lockf and not flock: a child made by fork does not inherit it, so none can outlive us as its holder.
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return True
