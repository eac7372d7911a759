"""What a webhook may be limited to: kinds of events, services, areas."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from geo.models import Area
from requests311.errors import InputError, Invalid
from requests311.models import EventKind, Jurisdiction, Service


class AreaName(NamedTuple):
    kind: str
    code: str

    def __str__(self) -> str:
        """As a webhook keeps it; a kind has no colon."""
        return f"{self.kind}:{self.code}"


def area_name(kept: str) -> AreaName:
    kind, _, code = kept.partition(":")
    return AreaName(kind, code)


def check(
    jurisdiction: Jurisdiction,
    *,
    event_kinds: Sequence[str] = (),
    services: Sequence[str] = (),
    areas: Sequence[AreaName] = (),
) -> None:
    """Raises Invalid with each value that the jurisdiction does not know."""
    errors = [
        *_unknown("event_kinds", event_kinds, set(EventKind.values), "There is no such kind of event."),
        *_unknown("services", services, _services(jurisdiction, services), "There is no such service here."),
        *_unknown("areas", areas, _areas(jurisdiction, areas), "There is no such area here."),
    ]
    if errors:
        raise Invalid(errors=errors)


def _unknown(name: str, given: Sequence[object], known: set[str], detail: str) -> Iterator[InputError]:
    for index, value in enumerate(given):
        if str(value) not in known:
            yield InputError(f"/{name}/{index}", "unknown_value", detail)


def _services(jurisdiction: Jurisdiction, codes: Sequence[str]) -> set[str]:
    if not codes:
        return set()
    found = Service.objects.filter(jurisdiction=jurisdiction.pk, code__in=codes)
    return set(found.values_list("code", flat=True))


def _areas(jurisdiction: Jurisdiction, areas: Sequence[AreaName]) -> set[str]:
    if not areas:
        return set()
    found = Area.objects.filter(parent=jurisdiction.boundary_id, code__in=[area.code for area in areas])
    return {str(AreaName(kind, code)) for kind, code in found.values_list("kind", "code")}
