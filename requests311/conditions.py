"""A condition on requests as SQL text: one rule for statements written by hand and for QuerySets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, F, Func
from django.db.models.sql.compiler import SQLCompiler

from requests311 import numbers


class Condition:
    """`text` is SQL in which `{r}` stands for the request's row; `params` are its `%s`, in order.

    `sql()` gives it to a statement of our own whose requests are called `r`, `expression()` to a QuerySet of
    requests. Putting the same together from `Q` takes a millisecond of Python at every call, which is longer
    than PostgreSQL needs to answer.
    """

    __slots__ = ("params", "text")

    def __init__(self, text: str, *params: Any) -> None:
        self.text = text
        self.params = params

    def __or__(self, other: "Condition") -> "Condition":
        if NOTHING in (self, other):
            return other if self is NOTHING else self
        return Condition(f"({self.text} OR {other.text})", *self.params, *other.params)

    def sql(self) -> str:
        return self.text.format(r="r")

    def expression(self) -> "ConditionExpression":
        return ConditionExpression(self)


class ConditionExpression(Func):
    """A condition within a QuerySet of requests."""

    def __init__(self, condition: Condition) -> None:
        super().__init__(F("pk"), output_field=BooleanField())
        self.condition = condition

    def as_sql(self, compiler: SQLCompiler, connection: Any, **_: Any) -> tuple[str, Sequence[Any]]:  # type: ignore[override]
        # The primary key as this query calls it: its table's name or alias comes before the last dot.
        primary_key, _params = compiler.compile(self.source_expressions[0])
        return self.condition.text.format(r=primary_key.rpartition(".")[0]), self.condition.params


#: No request at all.
NOTHING = Condition("false")


def by_id_or_number(key: str) -> Condition:
    """The request with this UUID, or with this number as people write it; none for anything else."""
    try:
        return Condition("{r}.id = %s", UUID(key))
    except ValueError:
        number = numbers.normalise(key)
        return Condition("{r}.number = %s", number) if number else NOTHING
