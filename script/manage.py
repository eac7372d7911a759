"""`script/manage`: manage.py with what a running script/server has, which is written below var/.

A variable that is set already stays as it is, as for script/server itself.
"""

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from script.machine import ROOT, VAR, venv
from script.machine.console import ScriptError, say

#: EX_UNAVAILABLE of sysexits.h.
UNAVAILABLE = 69


def environment(given: Mapping[str, str], var: Path) -> dict[str, str]:
    """What manage.py needs; raises ScriptError where the servers of script/server do not run."""
    found = {"ENVIRONMENT": "development", **given}
    credentials = var / "fcm" / "service-account.json"
    if found["ENVIRONMENT"] == "development" and credentials.exists():
        found.setdefault("FIREBASE_CREDENTIALS", str(credentials))
    if "DATABASE_URL" not in found:
        port, password = _running(var / "postgres")
        found["DATABASE_URL"] = f"postgres://requests311:{password}@127.0.0.1:{port}/requests311"
    if "BROKER_URL" not in found:
        port, password = _running(var / "redis")
        found["BROKER_URL"] = f"redis://:{password}@127.0.0.1:{port}/0"
    return found


def _running(folder: Path) -> tuple[int, str]:
    try:
        port = int((folder / "port").read_text())
        password = (folder / "password").read_text().strip()
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except (OSError, ValueError) as error:
        raise ScriptError(
            f"{folder.name} of script/server does not run. Start script/server in another terminal first, or set"
            " DATABASE_URL and BROKER_URL."
        ) from error
    return port, password


def main(arguments: Sequence[str]) -> int:  # noqa: RET503 (execve does not come back)
    if not venv.PYTHON.exists():
        say("There is no .venv yet. Start script/server first; it makes one.")
        return UNAVAILABLE
    try:
        found = environment(os.environ, VAR)
    except ScriptError as problem:
        say(str(problem))
        return UNAVAILABLE
    os.chdir(ROOT)
    os.execve(venv.PYTHON, [str(venv.PYTHON), "manage.py", *arguments], found)  # noqa: S606


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
