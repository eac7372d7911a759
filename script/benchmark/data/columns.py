"""Columns of COPY: those the generator fills, then whatever else the model has, with its default."""

import json
from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models.fields import NOT_PROVIDED

from script.benchmark.data.city import escaped


class Columns:
    """The COPY statement of one table, and the end that each of its lines has."""

    def __init__(self, model: type[models.Model], filled: Sequence[str]) -> None:
        fields: dict[str, Any] = {
            field.column: field for field in model._meta.concrete_fields if not field.generated and field.column
        }
        others = [
            field for column, field in fields.items() if column not in filled and field.db_default is NOT_PROVIDED
        ]
        names = [*filled, *(field.column for field in others)]
        self.table = model._meta.db_table
        self.names = names
        quoted = ", ".join(f'"{name}"' for name in names)
        self.copy = f'COPY "{self.table}" ({quoted}) FROM STDIN'
        self.end = "".join(f"\t{_text(field.get_default())}" for field in others) + "\n"


def _text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list | dict):
        return escaped(json.dumps(value))
    return escaped(str(value))
