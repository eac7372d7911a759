"""TCP ports on loopback: chosen once, remembered, and never one that a system service is expected on."""

import random
import socket
from pathlib import Path

from script.machine import files

#: Where PostgreSQL and Redis of the system listen. Ours never take them, even where they are free.
SYSTEM = frozenset({5432, 5433, 6379})
#: Below the ephemeral ports of Linux (32768) and macOS (49152), so that no outgoing connection sits on one.
RANGE = range(20_000, 32_000)


def free(port: int) -> bool:
    """Whether nobody listens on 127.0.0.1:port."""
    with socket.socket() as trial:
        # As servers do: a connection of the last run that lingers in TIME_WAIT is no obstacle.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def next_free(first: int) -> int:
    """The first free port from `first` on."""
    return next(port for port in range(first, 65_536) if port not in SYSTEM and free(port))


def remembered(file: Path) -> int:
    """The port noted in `file` if it is still free, else a new one, noted."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        port = 0
    if port in RANGE and port not in SYSTEM and free(port):
        return port
    port = next(port for port in random.sample(RANGE, len(RANGE)) if port not in SYSTEM and free(port))
    files.write(file, f"{port}\n")
    return port
