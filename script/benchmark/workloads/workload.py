"""What every operation is to the bench."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from django.db import connection

from script.benchmark.bare import Bare
from script.benchmark.calls import Call
from script.benchmark.capture import dearest
from script.benchmark.data.rows import Generator

#: Different calls that a load cycles through.
CALLS = 5000
#: Of these the bare client cycles through the statements of so many, evenly taken.
CAPTURED = 300
#: First row of those that bare inserts write; far from every row of the past.
_ARRIVING = 1 << 33


@dataclass
class World:
    """A filled database and the people who call: what calls are made of."""

    generator: Generator
    #: Access tokens.
    guests: Sequence[str]
    dispatcher: str
    size: int
    seed: int = 1
    arrived: int = field(init=False)

    def __post_init__(self) -> None:
        # Other rows at every size: those of the smaller one are in the table still.
        self.arrived = _ARRIVING + 64 * self.size

    def rng(self, name: str) -> np.random.Generator:
        """The same for the same operation, whatever else was drawn before."""
        return np.random.default_rng([self.seed, *name.encode()])

    def places(self, name: str, count: int) -> list[tuple[float, float]]:
        """(longitude, latitude) of addresses, as reports come from them; whatever the size the same."""
        x, y = self.generator.places.draw(count, self.rng(name))
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def services(self, name: str, count: int, *, plain: bool = False) -> list[str]:
        """Codes of services by their popularity; `plain`: those that ask for nothing and are offered everywhere."""
        offers = self.generator.city.offers
        shares = self.generator.city.popularity.copy()
        if plain:
            shares[[at for at in range(len(offers)) if at not in self._plain]] = 0
        drawn = self.rng(f"{name} services").choice(len(offers), count, p=shares / shares.sum())
        return [offers[at].service.code for at in drawn]

    @cached_property
    def _plain(self) -> set[int]:
        return {
            at
            for at, offer in enumerate(self.generator.city.offers)
            if offer.service.photo == "optional"
            and not offer.area_ids
            and not any(question.required and question.depends_on is None for question in offer.attributes)
        }

    def arrivals(self, count: int) -> list[str]:
        """INSERT statements of requests that come in now; others at every call."""
        columns = self.generator.request_columns
        lines = self.generator.arriving(self.arrived, count)
        self.arrived += count
        names = ", ".join(f'"{name}"' for name in columns.names)
        insert = f"INSERT INTO {columns.table} ({names}) VALUES "  # noqa: S608 - generated rows, no caller's
        return [f"{insert}({_values(line)})" for line in lines]

    def sampled(self, sql: str, count: int) -> list[tuple[Any, ...]]:
        """Rows of `sql`, which holds {sample} after the requests' table: `count` or so out of all of it."""
        percent = min(100.0, 100 * 3 * count / max(1, self.size))
        with connection.cursor() as cursor:
            cursor.execute(sql.format(sample=f"TABLESAMPLE BERNOULLI ({percent}) REPEATABLE ({self.seed})"))
            return list(cursor.fetchmany(count))


def _values(line: str) -> str:
    """A line of COPY as the values of an INSERT."""
    parts = line.rstrip("\n").split("\t")
    return ", ".join("NULL" if part == "\\N" else _literal(part) for part in parts)


def _literal(part: str) -> str:
    text = part.replace("\\t", "\t").replace("\\n", "\n").replace("\\\\", "\\").replace("'", "''")
    return f"'{text}'"


class Workload(ABC):
    """One operation."""

    name: str
    title: str
    #: Statuses of a good answer.
    expected: frozenset[int] = frozenset({200})
    #: Each call can be made once only, so they are prepared anew for every slice.
    once: bool = False
    #: More than one call, the second with what the first answered: a client of ours and not wrk.
    photo: bool = False

    @abstractmethod
    def calls(self, world: World, count: int) -> list[Call]:
        """Different calls, in the order in which they are made."""

    def bare(self, world: World, calls: Sequence[Call], count: int) -> Bare:
        """For reads: the very statement of the endpoint. Writes say their own; `count` is how many at most."""
        chosen = calls[:: max(1, len(calls) // CAPTURED)][:CAPTURED]
        return Bare("the endpoint's own statement", dearest(chosen))
