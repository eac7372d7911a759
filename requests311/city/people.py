"""Sample people: made for developers and demonstrations, never in production."""

from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from accounts.models import User
from requests311.city.documents import Document
from requests311.city.format import DepartmentCode, Part, TeamCode
from requests311.city.problems import Problems
from requests311.city.reading import parse
from requests311.city.values import Email, Slug
from requests311.models import Department, Jurisdiction, Membership, Team
from requests311.policies import Role


class MembershipEntry(Part):
    jurisdiction: Slug
    role: Role
    department: DepartmentCode | None = None


class TeamRef(Part):
    jurisdiction: Slug
    department: DepartmentCode
    team: TeamCode
    lead: bool = False


class PersonEntry(Part):
    email: Email
    name: str = ""
    superuser: bool = False
    memberships: list[MembershipEntry] = []
    teams: list[TeamRef] = []


class PeopleFile(Part):
    password: str
    people: list[PersonEntry]


def read_people(path: Path) -> PeopleFile:
    """The people of a file; raises BrokenCity with every problem."""
    problems = Problems()
    document = Document.read(path, problems)
    file = parse(document, PeopleFile)
    problems.refuse_if_any()
    assert file is not None
    return file


@transaction.atomic
def make_people(file: PeopleFile) -> list[str]:
    """Makes who is missing and says in words what was done; people who are there keep password and sessions."""
    said: list[str] = []
    for entry in file.people:
        user, is_new = _make(entry, file.password)
        news = ["made"] if is_new else []
        news += [*_join(user, entry), *_join_teams(user, entry)]
        said.append(f"{entry.email}: {', '.join(news) if news else 'there already'}")
    return said


def _make(entry: PersonEntry, password: str) -> tuple[User, bool]:
    user = User.objects.filter(email=entry.email.lower()).first()
    if user is None:
        flags = {"is_staff": entry.superuser, "is_superuser": entry.superuser}
        return User.objects.create_user(entry.email, password, name=entry.name, **flags), True
    if not user.has_usable_password():
        # Only then: a password that is set anew ends every session of this person.
        user.set_password(password)
        user.save(update_fields=["password", "session_epoch"])
    return user, False


def _join(user: User, entry: PersonEntry) -> Iterator[str]:
    for membership in entry.memberships:
        what = f"{membership.role} of {membership.department or membership.jurisdiction}"
        jurisdiction = Jurisdiction.objects.filter(code=membership.jurisdiction).first()
        if jurisdiction is None:
            yield f"not {what}, because {membership.jurisdiction} is not loaded (manage.py load_city)"
            continue
        department = None
        if membership.department is not None:
            department = Department.objects.filter(jurisdiction=jurisdiction, code=membership.department).first()
            if department is None:
                yield f"not {what}, because {membership.jurisdiction} has no such department"
                continue
        _, is_new = Membership.objects.get_or_create(
            user=user, jurisdiction=jurisdiction, department=department, role=membership.role.value
        )
        if is_new:
            yield what


def _join_teams(user: User, entry: PersonEntry) -> Iterator[str]:
    for ref in entry.teams:
        what = f"{ref.department}.{ref.team}"
        team = Team.objects.filter(
            department__jurisdiction__code=ref.jurisdiction, department__code=ref.department, code=ref.team
        ).first()
        if team is None:
            yield f"not in the team {what}, because {ref.jurisdiction} has none"
            continue
        if not team.members.filter(pk=user.pk).exists():
            team.members.add(user)
            yield f"in the team {what}"
        # Whoever leads it already was put there by somebody.
        if ref.lead and team.lead_id is None:
            team.lead = user
            team.save(update_fields=["lead"])
            yield f"lead of {what}"
