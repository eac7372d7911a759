from django.db import connection

from geo.models import Area
from requests311.city.difference import Difference, save
from requests311.city.format import JurisdictionFile
from requests311.city.values import WEEKDAYS
from requests311.models import EscalationStep, Jurisdiction, RejectionReason
from requests311.models.jurisdiction import CLOSES_AT, OPENS_AT


def store_jurisdiction(
    file: JurisdictionFile, boundary: Area, parent: Jurisdiction | None, difference: Difference
) -> Jurisdiction:
    old = Jurisdiction.objects.filter(code=file.code).select_related("parent").first()
    row = old or Jurisdiction(code=file.code, boundary=boundary)
    values = {
        "name": file.name,
        "parent": parent,
        "time_zone": file.time_zone,
        "languages": list(file.languages),
        "working_days": sorted(WEEKDAYS.index(day) + 1 for day in file.working_days),
        "opens_at": file.opening_hours.opens if file.opening_hours else OPENS_AT,
        "closes_at": file.opening_hours.closes if file.opening_hours else CLOSES_AT,
        "holidays_country": file.holidays.country if file.holidays else "",
        "holidays_subdivision": file.holidays.subdivision if file.holidays else "",
        "closure_days": sorted(file.closure_days),
        "reopen_days": file.reopen_days,
        "keep_events_days": file.keep_events_days,
        "keep_messages_days": file.keep_messages_days,
        "heat_minimum": file.heat_minimum,
    }
    details = save(row, values)
    if old is None:
        difference.created(f"jurisdiction {row.code} {row.name!r}")
    else:
        difference.changed(f"jurisdiction {row.code}", details)
    return row


def store_escalation(jurisdiction: Jurisdiction, file: JurisdictionFile, difference: Difference) -> None:
    """The steps of the file and no others; a step is nothing but its percentage and whom it tells."""
    there = {(step.percent, step.tells): step for step in EscalationStep.objects.filter(jurisdiction=jurisdiction)}
    wanted = [(entry.percent, entry.tells.value) for entry in file.escalation]
    for key, step in there.items():
        if key not in wanted:
            step.delete()
            difference.removed(f"escalation step {step}", "deleted")
    for percent, tells in wanted:
        if (percent, tells) not in there:
            step = EscalationStep.objects.create(jurisdiction=jurisdiction, percent=percent, tells=tells)
            difference.created(f"escalation step {step}")


def store_rejection_reasons(jurisdiction: Jurisdiction, file: JurisdictionFile, difference: Difference) -> None:
    """The reasons of the file; others of this jurisdiction are no longer given."""
    there = {reason.code: reason for reason in RejectionReason.objects.filter(jurisdiction=jurisdiction)}
    wanted = {entry.code for entry in file.rejection_reasons}
    for code, reason in there.items():
        if code not in wanted and reason.active:
            save(reason, {"active": False})
            difference.removed(f"rejection reason {code}", "no longer given")
    for entry in file.rejection_reasons:
        old = there.get(entry.code)
        row = old or RejectionReason(jurisdiction=jurisdiction, code=entry.code)
        details = save(row, {**entry.model_dump(exclude={"code"}), "active": True})
        if old is None:
            difference.created(f"rejection reason {entry.code}")
        else:
            difference.changed(f"rejection reason {entry.code}", details)


def move_catalogue_version(jurisdiction: Jurisdiction) -> None:
    """Tells every process to read the catalogue anew.

    The database's triggers see services, rules and departments; the jurisdiction's own calendar and the
    sizes of its areas are kept in memory beside them, and no trigger stands there.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE requests311_jurisdiction SET catalogue_version = nextval('requests311_catalogue_version')"
            " WHERE id = %s",
            [jurisdiction.pk],
        )
