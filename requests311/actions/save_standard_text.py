"""A manager writes a standard text, or writes it anew."""

from typing import TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from requests311.actors import Actor
from requests311.errors import InputError, Invalid, NotAllowed
from requests311.input_errors import input_errors
from requests311.models import Department, Jurisdiction, Service, StandardText
from requests311.policies import Permission
from requests311.queries.standard_texts import text_of

Part = TypeVar("Part", Department, Service)


@transaction.atomic
def save_standard_text(
    *,
    by: Actor,
    id: UUID | None = None,
    jurisdiction: str,
    department: str | None,
    service: str | None,
    status: str,
    language: str,
    title: str,
    text: str,
    active: bool = True,
) -> StandardText:
    """Makes a text, or with `id` replaces that one; jurisdiction, department and service are codes.

    Raises NotAllowed where the caller may not manage the texts of that department (of the jurisdiction, for a text
    of all departments) or of the one that has it now, NotFound for an `id` out of reach, and Invalid for an unknown
    code, for what the model refuses (`StandardText.clean`, its placeholders), and where there is such a text already.
    """
    if not by.has(Permission.MANAGE_TEMPLATES):
        raise NotAllowed
    row = StandardText() if id is None else text_of(by, id=id, lock=True)
    if id is not None:
        check_manager(by, row)
    row.jurisdiction = _jurisdiction(jurisdiction)
    row.department = _part(Department, "department", department, row.jurisdiction)
    check_manager(by, row)
    row.service = _part(Service, "service", service, row.jurisdiction)
    row.status, row.language, row.title, row.text, row.active = status, language, title, text, active
    row.updated_by = by.user
    _save(row)
    return row


def check_manager(by: Actor, text: StandardText) -> None:
    """Raises NotAllowed unless the caller manages the texts of its department, or of its whole jurisdiction."""
    department = text.department
    if not by.may_at(Permission.MANAGE_TEMPLATES, jurisdiction_id=text.jurisdiction_id, department=department):
        raise NotAllowed("You do not manage the standard texts of this department.")


def _jurisdiction(code: str) -> Jurisdiction:
    found = Jurisdiction.objects.filter(code=code).first()
    if found is None:
        raise Invalid(errors=[InputError("/jurisdiction", "unknown_value", f"There is no jurisdiction {code!r}.")])
    return found


def _part(model: type[Part], name: str, code: str | None, jurisdiction: Jurisdiction) -> Part | None:
    """The jurisdiction's own with this code. Raises Invalid for one that another jurisdiction has, or none."""
    if code is None:
        return None
    part = model.objects.filter(jurisdiction=jurisdiction, code=code).first()
    if part is None:
        detail = f"{jurisdiction.name} has no {name} {code!r}."
        raise Invalid(errors=[InputError(f"/{name}", "unknown_value", detail)])
    return part


def _save(row: StandardText) -> None:
    try:
        # The rows that it refers to were read just now, and the database itself looks for its like below.
        row.full_clean(exclude={"jurisdiction", "department", "service", "updated_by"}, validate_constraints=False)
    except ValidationError as error:
        raise Invalid(errors=input_errors(error)) from error
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        detail = "There is a text with this title for the same department, service, status and language."
        raise Invalid(errors=[InputError("/title", "taken", detail)]) from error
