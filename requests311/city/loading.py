"""A folder of files → a jurisdiction in the database, in one transaction or not at all."""

from collections.abc import Callable
from pathlib import Path

from django.db import connection, transaction

from requests311.city.difference import Difference
from requests311.city.format import AreaRef
from requests311.city.problems import BrokenCity, Problems
from requests311.city.reading import City, Progress, read_city, silently
from requests311.city.store.areas import (
    delete_other_areas,
    draw_outlines,
    store_areas,
    store_root,
    tell_the_planner,
)
from requests311.city.store.catalogue import store_services
from requests311.city.store.departments import store_departments, store_teams
from requests311.city.store.jurisdiction import (
    move_catalogue_version,
    store_escalation,
    store_jurisdiction,
    store_rejection_reasons,
)
from requests311.city.store.rules import store_rules
from requests311.models import Jurisdiction


def load_city(
    folder: Path,
    *,
    dry_run: bool = False,
    progress: Progress = silently,
    say: Callable[[str], None] = lambda text: None,
) -> Difference:
    """Makes the database say what the files say; returns what that changed.

    A dry run does all of it and rolls back, so what it reports is what would happen. Raises BrokenCity,
    with nothing written, where the files do not hold together.
    """
    city = read_city(folder, progress)
    with transaction.atomic():
        wait_for_others(city.jurisdiction.code, say)
        difference = _store(city, progress)
        if difference:
            tell_the_planner()
        # What is deferred to COMMIT would otherwise go unnoticed by a dry run.
        connection.check_constraints()
        if dry_run:
            transaction.set_rollback(True)
    return difference


def wait_for_others(code: str, say: Callable[[str], None]) -> None:
    """One loading of a city at a time; the lock is the transaction's and ends with it, whatever happens."""
    key = f"requests311.load_city.{code}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [key])
        if not cursor.fetchone()[0]:
            say(f"Another load_city of {code} is running; waiting for it to end …")
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])


def _store(city: City, progress: Progress) -> Difference:
    difference = Difference()
    parent = _parent(city)
    root_ref = AreaRef(kind="jurisdiction", code=city.jurisdiction.code)
    root = store_root(city.areas[root_ref], difference)
    jurisdiction = store_jurisdiction(city.jurisdiction, root, parent, difference)
    areas = store_areas(root, city.areas, difference, progress)
    in_memory_elsewhere = bool(difference)
    store_escalation(jurisdiction, city.jurisdiction, difference)
    store_rejection_reasons(jurisdiction, city.jurisdiction, difference)
    departments = store_departments(jurisdiction, city.departments, difference)
    store_teams(jurisdiction, city.departments, departments, difference)
    services = store_services(jurisdiction, city.services, areas, difference)
    store_rules(jurisdiction, city.rules, services, departments, areas, difference)
    delete_other_areas(root, areas, difference)
    draw_outlines(root, progress)
    if in_memory_elsewhere:
        move_catalogue_version(jurisdiction)
    return difference


def _parent(city: City) -> Jurisdiction | None:
    """Loaded before, and not itself within this city; raises BrokenCity."""
    code = city.jurisdiction.parent
    if code is None:
        return None
    parent = Jurisdiction.objects.filter(code=code).first()
    above = parent
    while above is not None and above.code != city.jurisdiction.code:
        above = above.parent
    if parent is None or above is not None:
        reason = (
            f"no jurisdiction {code!r} is loaded; load it first" if parent is None else f"{code!r} lies within this one"
        )
        problems = Problems()
        document = city.jurisdiction_document
        problems.add(document.name, document.line_of(("parent",)), reason)
        raise BrokenCity(problems)
    return parent
