from requests311.city.difference import Difference, save
from requests311.city.format import DepartmentsFile
from requests311.city.references import departments_of
from requests311.models import Department, Jurisdiction, Team


def store_departments(
    jurisdiction: Jurisdiction, file: DepartmentsFile, difference: Difference
) -> dict[str, Department]:
    """The departments of the files by code; others of this jurisdiction are no longer active."""
    there = {
        department.code: department
        for department in Department.objects.filter(jurisdiction=jurisdiction).select_related("parent")
    }
    wanted = [(entry, parent) for _, entry, parent in departments_of(file)]
    desk = next(entry.code for entry, _ in wanted if entry.dispatch_desk)
    _give_up_the_desk(there, desk, difference)
    _deactivate(there, {entry.code for entry, _ in wanted}, difference)
    stored: dict[str, Department] = {}
    for entry, parent in wanted:
        old = there.get(entry.code)
        row = old or Department(jurisdiction=jurisdiction, code=entry.code)
        values = {
            "name": entry.name,
            "parent": stored[parent.code] if parent else None,
            "email": entry.email,
            "phone": entry.phone,
            "is_dispatch_desk": entry.dispatch_desk,
            "active": True,
        }
        details = save(row, values)
        if old is None:
            difference.created(f"department {entry.code} {entry.name!r}")
        else:
            difference.changed(f"department {entry.code}", details)
        stored[entry.code] = row
    return stored


def _give_up_the_desk(there: dict[str, Department], desk: str, difference: Difference) -> None:
    """First of all, because the database allows one dispatch desk at any moment."""
    for department in there.values():
        if department.is_dispatch_desk and department.code != desk:
            difference.changed(f"department {department.code}", save(department, {"is_dispatch_desk": False}))


def _deactivate(there: dict[str, Department], wanted: set[str], difference: Difference) -> None:
    """Old requests still name it, so it stays, out of use."""
    for code, department in there.items():
        if code not in wanted and department.active:
            save(department, {"active": False})
            difference.removed(f"department {code}", "no longer active")


def store_teams(
    jurisdiction: Jurisdiction, file: DepartmentsFile, departments: dict[str, Department], difference: Difference
) -> None:
    """The teams of the files; others of this jurisdiction are no longer active. Who is in them is not the files'."""
    there = {
        (team.department.code, team.code): team
        for team in Team.objects.filter(department__jurisdiction=jurisdiction).select_related("department")
    }
    wanted = {(entry.code, team.code): team for _, entry, _ in departments_of(file) for team in entry.teams}
    for (department, code), row in there.items():
        if (department, code) not in wanted and row.active:
            save(row, {"active": False})
            difference.removed(f"team {department}.{code}", "no longer active")
    for (department, code), team in wanted.items():
        old = there.get((department, code))
        details = save(old or Team(department=departments[department], code=code), {"name": team.name, "active": True})
        if old is None:
            difference.created(f"team {department}.{code} {team.name!r}")
        else:
            difference.changed(f"team {department}.{code}", details)
