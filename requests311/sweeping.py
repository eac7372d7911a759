"""One thing after the other, none of which may stop the rest."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from notifications.alerts import alert

Id = TypeVar("Id")


def each(do: Callable[[Id], int], ids: Iterable[Id], *, reason: str) -> int:
    """The sum of the answers. One that fails is an alert, and is tried again with the next sweep."""
    done = 0
    for id in ids:
        try:
            done += do(id)
        except Exception as error:
            alert(reason, id=str(id), error=type(error).__name__)
    return done
