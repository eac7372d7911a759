"""The SQL that the server itself runs for a call, with its parameters: taken from the running code, never copied."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

from django.db import connection
from django.test import Client

from script.benchmark.calls import Call

_OF_THE_CALLER = ("accounts_", "requests311_membership")


@dataclass(frozen=True)
class Executed:
    """A statement: as the code wrote it, and as the database got it."""

    shape: str
    text: str
    seconds: float


@contextmanager
def recording() -> Iterator[list[Executed]]:
    """What this thread's connection executes meanwhile."""
    found: list[Executed] = []

    def record(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        begun = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            seconds = time.perf_counter() - begun
            compose: Any = connection.ops
            text = str(sql) if many or params is None else compose.compose_sql(sql, params)
            found.append(Executed(str(sql), text, seconds))

    with connection.execute_wrapper(record):
        yield found


def client() -> Client:
    """A caller inside this process."""
    return Client(SERVER_NAME="127.0.0.1")


def perform(call: Call, caller: Client) -> tuple[int, list[Executed]]:
    """The answer's status, and every statement it took."""
    with recording() as found:
        response = call.in_process(caller)
        # A streamed answer runs its statements while it is read.
        _ = b"".join(response.streaming_content) if response.streaming else response.content
    return response.status_code, found


def _does_work(shape: str) -> bool:
    """A read that is not only about who calls: over a small table that may take as long as the answer itself."""
    if not shape.lstrip().upper().startswith(("SELECT", "WITH")):
        return False
    return not any(table in shape for table in _OF_THE_CALLER) or "requests311_servicerequest" in shape


def dearest(calls: Sequence[Call]) -> list[str]:
    """Of each call the statement that does the work: the read whose kind takes longest on average.

    An endpoint may write its statement in several shapes, by the filters asked for; of each call it is the dearest.
    """
    caller = client()
    for call in calls[:3]:
        perform(call, caller)  # they fill what the process keeps: the catalogue
    performed = [[found for found in perform(call, caller)[1] if _does_work(found.shape)] for call in calls]
    seconds: dict[str, list[float]] = defaultdict(list)
    for statements in performed:
        for statement in statements:
            seconds[statement.shape].append(statement.seconds)
    typical = {shape: median(times) for shape, times in seconds.items()}
    return [max(found, key=lambda one: typical[one.shape]).text for found in performed if found]
