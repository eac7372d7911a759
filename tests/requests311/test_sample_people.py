"""`manage.py sample_people`: only where everybody may know the password."""

from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from accounts.models import User
from requests311.models import Membership, Team
from tests.factories.cities import load_riverbend, person, small_city

PASSWORD = "sample-password-311"


def run(*options: str) -> str:
    out = StringIO()
    call_command("sample_people", *options, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """The sample file, for the town that loads in no time."""
    path = tmp_path / "people.yaml"
    path.write_text(
        "password: sample-password-311\n"
        "people:\n"
        "  - {email: resident@example.org, name: Rosa}\n"
        "  - {email: crew@example.org, memberships: [{jurisdiction: smallville, role: crew, department: roads}]}\n"
        "  - {email: admin@example.org, superuser: true, memberships: [{jurisdiction: smallville, role: admin}]}\n"
    )
    return path


@pytest.mark.django_db
class TestSamplePeople:
    def test_the_people_are_made_even_before_their_city(self) -> None:
        text = run()
        assert "not crew of dot, because nyc is not loaded (manage.py load_city)" in text
        assert "not in the team dot-brooklyn.asphalt-north, because nyc has none" in text
        assert not Membership.objects.exists()
        people = {user.email: user for user in User.objects.all()}
        assert set(people) == {
            "resident@example.org",
            "crew.dot@example.org",
            "crew2.dot@example.org",
            "lead.dot@example.org",
            "manager.dot@example.org",
            "auditor@example.org",
            "dispatcher@example.org",
            "admin@example.org",
        }
        assert all(user.check_password(PASSWORD) for user in people.values())
        assert [user.email for user in people.values() if user.is_superuser and user.is_staff] == ["admin@example.org"]

    def test_they_work_for_a_loaded_city(self, people: Path) -> None:
        city = small_city()
        run("--file", str(people))
        found = {(row.user.email, row.role, row.department) for row in Membership.objects.all()}
        assert found == {
            ("crew@example.org", "crew", city.departments["roads"]),
            ("admin@example.org", "admin", None),
        }

    def test_a_second_run_ends_no_session(self, people: Path) -> None:
        small_city()
        run("--file", str(people))
        before = {(user.email, user.password, user.session_epoch) for user in User.objects.all()}
        assert "crew@example.org: there already" in run("--file", str(people))
        assert {(user.email, user.password, user.session_epoch) for user in User.objects.all()} == before
        assert Membership.objects.count() == 2

    def test_a_password_is_set_only_where_there_is_none(self, people: Path) -> None:
        own = person("resident@example.org", password="their own, long enough")
        none = person("crew@example.org")
        run("--file", str(people))
        own.refresh_from_db()
        none.refresh_from_db()
        assert own.check_password("their own, long enough")
        assert none.check_password(PASSWORD)

    def test_they_are_in_a_team_and_one_leads_it(self, people: Path) -> None:
        city = small_city()
        team = Team.objects.create(department=city.departments["roads"], code="one", name="One")
        ref = "jurisdiction: smallville, department: roads, team: one"
        with people.open("a") as file:
            file.write(f"  - {{email: lead@example.org, teams: [{{{ref}, lead: true}}]}}\n")
            file.write(f"  - {{email: mate@example.org, teams: [{{{ref}}}]}}\n")
            file.write(f"  - {{email: late@example.org, teams: [{{{ref}, lead: true}}]}}\n")
        text = run("--file", str(people))
        assert "lead@example.org: made, in the team roads.one, lead of roads.one\n" in text
        assert "late@example.org: made, in the team roads.one\n" in text
        team.refresh_from_db()
        assert team.lead is not None
        assert team.lead.email == "lead@example.org"
        assert team.members.count() == 3
        assert "lead@example.org: there already" in run("--file", str(people))

    def test_an_unknown_department_is_said_and_not_guessed(self, people: Path) -> None:
        small_city()
        people.write_text(people.read_text().replace("department: roads", "department: rails"))
        assert "not crew of rails, because smallville has no such department" in run("--file", str(people))

    def test_another_city_gets_nobody(self) -> None:
        town = load_riverbend()
        run()
        assert not Membership.objects.filter(jurisdiction=town).exists()

    def test_production_refuses(self, settings: LazySettings) -> None:
        settings.ENVIRONMENT = "production"
        with pytest.raises(CommandError, match="here it is production"):
            run()
        assert not User.objects.exists()

    def test_a_broken_file_is_refused_with_its_line(self, people: Path) -> None:
        people.write_text(people.read_text().replace("role: crew", "role: chief"))
        with pytest.raises(CommandError, match=r"people.yaml:4: role: Input should be 'crew'"):
            run("--file", str(people))
        assert not User.objects.exists()
