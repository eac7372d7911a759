"""What loading a city changes, row by row, in words."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Model


@dataclass(frozen=True)
class Change:
    """One row: '+' made, '~' changed, '-' taken out of use or deleted; `details` are 'field: old → new'."""

    sign: str
    what: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "".join(f"{line}\n" for line in (f"{self.sign} {self.what}", *(f"    {d}" for d in self.details)))[:-1]


@dataclass
class Difference:
    """Everything that one loading changed, in the order it was done."""

    changes: list[Change] = field(default_factory=list)

    def created(self, what: str) -> None:
        self.changes.append(Change("+", what))

    def changed(self, what: str, details: list[str]) -> None:
        if details:
            self.changes.append(Change("~", what, tuple(details)))

    def removed(self, what: str, how: str) -> None:
        self.changes.append(Change("-", f"{what} ({how})"))

    def count(self, sign: str) -> int:
        return sum(change.sign == sign for change in self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)


def save(row: Model, values: dict[str, Any]) -> list[str]:
    """Writes the values that differ and nothing else; 'field: old → new' for each. A new row is inserted."""
    if row._state.adding:
        for name, value in values.items():
            setattr(row, name, value)
        row.save(force_insert=True)
        return []
    different = {name: value for name, value in values.items() if getattr(row, name) != value}
    details = [
        line
        for name, new in different.items()
        for line in _lines(name, _in_a_word(row, name, getattr(row, name)), _in_a_word(row, name, new))
    ]
    for name, value in different.items():
        setattr(row, name, value)
    if different:
        row.save(update_fields=list(different))
    return details


def _in_a_word(row: Model, name: str, value: Any) -> Any:
    """A number that stands for a word, as the files write it; anything else as it is."""
    choices = getattr(row._meta.get_field(name), "choices", None)
    return str(dict(choices)[value]).lower() if choices and isinstance(value, int) else value


def _lines(name: str, old: Any, new: Any) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) != new.get(key):
                yield from _lines(f"{name}.{key}", old.get(key), new.get(key))
    else:
        yield f"{name}: {_text(old)} → {_text(new)}"


def _text(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, GEOSGeometry):
        return f"{value.num_coords} vertices"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, Model):
        return str(getattr(value, "code", value))
    if isinstance(value, dict) and set(value) == {"key", "name"}:
        return f"{value['key']} {value['name']!r}"
    return repr(str(value)) if isinstance(value, str) else str(value)
