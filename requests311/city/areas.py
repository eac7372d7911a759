"""The areas of one kind of a jurisdiction from a file, for a day; what rules and services make of it is said."""

from collections.abc import Callable
from datetime import date

from django.db import connection, transaction

from geo import versions
from geo.area_files import AreaFile
from geo.versions import Outcome, Progress
from requests311.areas import today_in
from requests311.city.loading import wait_for_others
from requests311.city.store.jurisdiction import move_catalogue_version
from requests311.models import Jurisdiction, RoutingRule, ServiceArea


def load_areas(
    file: AreaFile,
    *,
    jurisdiction: Jurisdiction,
    kind: str,
    valid_from: date | None = None,
    allow_overlaps: bool = False,
    dry_run: bool = False,
    progress: Progress = lambda file: file,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """One transaction, under the lock of the city that load_city takes too; raises as `geo.versions.load` does.

    A dry run does all of it and rolls back, so what it reports is what would happen.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Waiting for another loading is no fault, and a large one takes longer than a row may be locked.
            cursor.execute("SET LOCAL lock_timeout = 0")
            wait_for_others(jurisdiction.code, say)
            cursor.execute("SET LOCAL lock_timeout = '5s'")
        outcome = versions.load(
            file,
            root=jurisdiction.boundary,
            kind=kind,
            today=today_in(jurisdiction),
            valid_from=valid_from,
            allow_overlaps=allow_overlaps,
            progress=progress,
            say=say,
        )
        outcome.warnings += _left_without_an_area(jurisdiction, kind, outcome.gone())
        if outcome.changes:
            # Names and sizes of areas are kept in memory beside the catalogue, and no trigger stands there.
            move_catalogue_version(jurisdiction)
        connection.check_constraints()
        if dry_run:
            transaction.set_rollback(True)
    return outcome


def _left_without_an_area(jurisdiction: Jurisdiction, kind: str, codes: list[str]) -> list[str]:
    """Rules and services that name an area which ends: nothing will be in it any more, so they fall silent."""
    where = {"area__parent": jurisdiction.boundary, "area__kind": kind, "area__code__in": codes}
    rules = RoutingRule.objects.filter(**where).select_related("area", "department").defer("area__boundary")
    services = ServiceArea.objects.filter(**where).select_related("area", "service").defer("area__boundary")
    return [
        f"{kind} {rule.area.code} ends, and rule {rule.pk} ({rule.department.name}) is about it alone"
        for rule in rules.order_by("area__code", "pk")
        if rule.area
    ] + [
        f"{kind} {row.area.code} ends, and {row.service.name} is offered there"
        for row in services.order_by("area__code", "service__code")
    ]
