"""Model instances from SQL as written, for the statements that every call makes.

Django puts a statement together from a QuerySet at every call, which takes it longer than PostgreSQL needs to
answer. Here the statement is text and only what comes back becomes a model.
"""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.contrib.gis.db.models import GeometryField
from django.db import connection
from django.db.models import Model

M = TypeVar("M", bound=Model)


class Columns(Generic[M]):
    """The columns of a model under a table's alias, and the instance that a row of them is.

    Geometries are left out: they are heavy, and read when somebody asks the instance for one.
    """

    def __init__(self, model: type[M], alias: str) -> None:
        self.model = model
        fields = [field for field in model._meta.concrete_fields if not isinstance(field, GeometryField)]
        self.names = [field.attname for field in fields]
        self.sql = ", ".join(f"{alias}.{field.column}" for field in fields)
        # What the driver leaves to the field, as JSON.
        self._converted = [(place, field) for place, field in enumerate(fields) if hasattr(field, "from_db_value")]

    def __len__(self) -> int:
        return len(self.names)

    def instance(self, row: Sequence[Any]) -> M:
        values = list(row)
        for place, field in self._converted:
            values[place] = field.from_db_value(values[place], None, connection)
        return self.model.from_db(connection.alias, self.names, values)

    def split(self, row: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """The values of this model, which stand first, and the others."""
        return row[: len(self)], row[len(self) :]
