"""What the newcomer reads: one plain line for each step."""

import contextlib
import sys
import time
from collections.abc import Iterator
from typing import TextIO


class ScriptError(Exception):
    """Something that the newcomer can mend. The message says what is wrong and what to type."""


class Terminal:
    """A stream that may go away: after a hang-up or `| head`, stopping in order matters more than words."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.stream.flush()

    def isatty(self) -> bool:
        return self.stream.isatty()


terminal = Terminal(sys.stdout)


def say(text: str = "", end: str = "\n") -> None:
    """Writes a line for a person, at once."""
    terminal.write(text + end)
    terminal.flush()


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Says what is being done, and how long it took once it is."""
    say(f"  {title} …", end="")
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        say(" stopped")
        raise
    say(f" {time.monotonic() - begun:.1f} s")
