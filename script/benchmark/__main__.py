"""`script/bench`."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from script.benchmark import options as asked
from script.machine import ROOT, VAR, locks, preparation
from script.machine.console import ScriptError, say

#: The locked packages of developers: psutil looks at the processes.
LOCK = "requirements-dev.lock"


def main() -> int:
    options = asked.options(sys.argv[1:])
    if options.draw or options.write_docs:
        return paint(options)
    with locks.exclusive(VAR / "run" / "bench.lock", "script/bench is already running here (process {pid})."):
        preparation.prepare("script.benchmark", sys.argv[1:], LOCK, own_servers=True, load_tool=True)
        return run(options)


def paint(options: argparse.Namespace) -> int:
    """Pictures and table from a file of an earlier run; nothing is measured."""
    from script.benchmark import pages, pictures

    file: Path = options.draw or options.write_docs
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise ScriptError(f"{file} cannot be read: {error}") from error
    for path in pictures.draw(found, pages.PICTURES):
        say(f"  drawn {path.relative_to(ROOT)}")
    if options.write_docs:
        pages.write(found, pages.PAGE)
        say(f"  written {pages.PAGE.relative_to(ROOT)}")
    return 0


def run(options: argparse.Namespace) -> int:
    """Everything that happens inside .venv."""
    from script import server
    from script.benchmark import cluster
    from script.benchmark.stack import Stack

    environment = dict(os.environ) | {"ENVIRONMENT": "development", "LOG_LEVEL": "WARNING"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    with cluster.servers(environment) as register:
        stack = Stack(environment, register)
        server.fill(environment)
        # This process is one more caller of the server's own code, with the server's own settings.
        os.environ.update(environment)
        import django

        django.setup()
        from script.benchmark.session import Session

        session = Session(options, environment, stack)
        try:
            session.run()
        finally:
            found = session.results.as_json()
            path = save(found)
    from script.benchmark import table

    for line in table.console(found):
        say(line)
    say(f"\nAll figures: {path.relative_to(ROOT)}")
    return verdict(found, strict=options.strict)


def save(found: dict[str, Any]) -> Path:
    path = VAR / "bench" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return path


def verdict(found: dict[str, Any], *, strict: bool) -> int:
    """The exit code: 1 where a measurement failed, and with `strict` where a target is not met."""
    for failure in found["failures"]:
        say(f"FAILED {failure['operation']} over {failure['size']:,} requests: {failure['why']}")
    if found["failures"]:
        return 1
    return 1 if strict and not found["targets_met"] else 0


if __name__ == "__main__":
    preparation.command(main)
