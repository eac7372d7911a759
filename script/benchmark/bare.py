"""The bare work: statements through psycopg, with the server's own driver and settings and nothing around them.

`python -m script.benchmark.bare FILE` is one client process.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from script.benchmark import clients
from script.benchmark.load import Load


@dataclass(frozen=True)
class Bare:
    """The least that the same work takes: statements, each one round trip and its COMMIT."""

    words: str
    statements: Sequence[str]
    #: Each may run once only; else they are gone through again and again.
    once: bool = False
    #: Bytes of a file that is written before each statement.
    file_bytes: int = 0


def run(bare: Bare, *, url: str, options: str, connections: int, seconds: float, folder: Path) -> Load:
    """Goes through the statements from that many connections; autocommit, so each is its own transaction."""
    threads = clients.spread_over(connections)
    specifications = []
    for at, count in enumerate(threads):
        mine = list(bare.statements[at :: len(threads)])
        file = folder / f"statements-{at}.json"
        file.write_text(json.dumps(mine))
        specifications.append(
            {
                "url": url,
                "options": options,
                "threads": count,
                "seconds": seconds,
                "statements": str(file),
                "once": bare.once,
                "file_bytes": bare.file_bytes,
                "folder": str(folder / f"files-{at}"),
            }
        )
    return clients.run("script.benchmark.bare", specifications, folder)


def main() -> None:
    import psycopg

    specification = clients.specification()
    statements: list[str] = json.loads(Path(specification["statements"]).read_text())
    folder = Path(specification["folder"])
    folder.mkdir(exist_ok=True)
    payload = b"\xff" * specification["file_bytes"]

    def make_step(thread: int) -> clients.Step:
        connection: psycopg.Connection[Any] = psycopg.connect(
            specification["url"],
            autocommit=True,
            options=specification["options"],
            # Every statement stays prepared: the server's own are planned once too (prepare_threshold).
            prepare_threshold=None if specification["once"] else 0,
        )
        connection.prepared_max = None
        cursor = connection.cursor()
        mine = statements[thread :: specification["threads"]]
        left: Iterator[str] = iter(mine) if specification["once"] else chain.from_iterable(repeat(mine))
        numbers = iter(range(10**9))

        def step() -> int | None:
            statement = next(left, None)
            if statement is None:
                return None
            begun = time.perf_counter()
            if payload:
                (folder / f"{thread}-{next(numbers)}").write_bytes(payload)
            cursor.execute(statement.encode())
            if cursor.description is not None:
                cursor.fetchall()
            return int((time.perf_counter() - begun) * 1e6)

        return step

    clients.serve(specification, make_step)


if __name__ == "__main__":
    main()
