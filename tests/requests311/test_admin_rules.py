"""The admin's pages that try the routing rules and show what a change would do, through HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from accounts.models import User
from requests311.areas import today_in
from requests311.models import Department, RoutingRule
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import report

pytestmark = pytest.mark.django_db

TRY = "admin:requests311_routingrule_try"
ADD, CHANGE, DELETE = (f"admin:requests311_routingrule_{name}" for name in ("preview_add", "preview", "preview_delete"))


@pytest.fixture
def city() -> SmallCity:
    return small_city()


@pytest.fixture
def boss() -> Client:
    return browser(User.objects.create_superuser("boss@example.org"))


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def staff(*permissions: str) -> Client:
    """Somebody who may enter the admin, with these permissions on routing rules."""
    user = User.objects.create_user("clerk@example.org")
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=[f"{permission}_routingrule" for permission in permissions])
    )
    return browser(User.objects.get(pk=user.pk))


def question(city: SmallCity, **more: Any) -> dict[str, Any]:
    latitude, longitude = city.point_in("west")
    asked = {
        "jurisdiction": city.jurisdiction.pk,
        "service": city.services["pothole"].pk,
        "place": f"{latitude}, {longitude}",
    }
    return {**asked, **more}


def entry(city: SmallCity, department: str = "parks", **more: Any) -> dict[str, Any]:
    """What the form of a rule posts; by default one that takes the potholes of the west ward."""
    fields = {
        "jurisdiction": city.jurisdiction.pk,
        "service": city.services["pothole"].pk,
        "group": "",
        "area": city.areas["west"].pk,
        "asset_kind": "",
        "attribute": "",
        "value": "",
        "department": city.departments[department].pk,
        "rank": 1,
        "valid_from": "",
        "valid_to": "",
    }
    return {**fields, **more}


def west_rule(city: SmallCity) -> RoutingRule:
    return RoutingRule.objects.get(department=city.departments["roads-west"])


@pytest.fixture
def nothing_is_written(city: SmallCity, boss: Client) -> Iterator[None]:
    """Of all statements of a test that this stands around, none writes."""
    with CaptureQueriesContext(connection) as statements:
        yield
    verbs = {statement["sql"].split(None, 1)[0].upper() for statement in statements}
    # The model's constraints are checked in savepoints of Django's, each closed at once.
    assert verbs <= {"SELECT", "SAVEPOINT", "RELEASE"}
    assert not connection.needs_rollback
    assert not LogEntry.objects.exists()


def shows(response: Any, *texts: str) -> None:
    assert response.status_code == 200
    for text in texts:
        assert escape(text) in response.content.decode(), text


def test_the_page_begins_empty(city: SmallCity, boss: Client) -> None:
    response = boss.get(reverse(TRY))
    shows(response, "Try the routing rules", "Smallville: Pothole (pothole)")
    assert response.context["trial"] is None
    assert response.context["form"].errors == {}


@pytest.mark.usefixtures("nothing_is_written")
def test_a_try_shows_department_reason_areas_and_rules(city: SmallCity, boss: Client) -> None:
    west = west_rule(city)
    response = boss.get(reverse(TRY), question(city))
    shows(
        response,
        "Roads – West Yard has it",
        f"Pothole reports in West Ward are theirs (rule {west.pk})",
        "West Ward (ward west)",
        "it is about another area",
        "it asks for another answer",
        "2 rules are for other services",
    )
    assert f'href="{reverse("admin:requests311_routingrule_change", args=[west.pk])}"' in response.content.decode()


def test_answers_and_a_day_are_taken(city: SmallCity, boss: Client) -> None:
    asked = question(city, answers="position = lane\nlane_number=2", on="2031-01-31")
    shows(boss.get(reverse(TRY), asked), "Roads – West Yard has it", "On 2031-01-31")
    shows(boss.get(reverse(TRY), question(city, answers="position=curb")), "Parks Department has it")


@pytest.mark.parametrize(
    ("more", "field", "says"),
    [
        ({"place": "here"}, "place", "Write two numbers"),
        ({"place": "91, 0"}, "place", "Latitudes lie within"),
        ({"place": "nan, 0"}, "place", "Latitudes lie within"),
        ({"place": "0, 0"}, "place", "This place is outside"),
        ({"answers": "position"}, "answers", "is not attribute=value"),
        ({"answers": "position=roof"}, "answers", "position must be one of lane, curb"),
        ({"answers": "position=lane\nposition=curb"}, "answers", "position must be one of"),
        ({"answers": "depth_cm=deep"}, "answers", "depth_cm must be a number"),
        ({"asset_kind": "street_light"}, "asset_kind", "Pothole names no asset"),
        ({"on": "tomorrow"}, "on", "Enter a valid date"),
        ({"service": "0"}, "service", "Select a valid choice"),
    ],
)
def test_what_cannot_be_tried_is_told_at_its_field(
    city: SmallCity, boss: Client, more: dict[str, Any], field: str, says: str
) -> None:
    response = boss.get(reverse(TRY), question(city, **more))
    shows(response, says)
    assert list(response.context["form"].errors) == [field]


def test_a_service_of_another_jurisdiction_is_told(city: SmallCity, boss: Client) -> None:
    other = small_city("elsewhere", (-90.0, 40.0))
    shows(boss.get(reverse(TRY), question(city, jurisdiction=other.jurisdiction.pk)), "Belongs to Smallville.")


def test_without_a_dispatch_desk_the_page_says_so(city: SmallCity, boss: Client) -> None:
    Department.objects.filter(code="desk").update(is_dispatch_desk=False)
    response = boss.get(reverse(TRY), question(city, service=city.services["graffiti"].pk))
    shows(response, "Smallville has no dispatch desk")


def test_the_list_and_the_form_lead_to_it(city: SmallCity, boss: Client) -> None:
    shows(boss.get(reverse("admin:requests311_routingrule_changelist")), reverse(TRY))
    kerb = RoutingRule.objects.get(attribute="position")
    page = boss.get(reverse("admin:requests311_routingrule_change", args=[kerb.pk]))
    shows(page, "Try this rule", "See what would change", reverse(CHANGE, args=[kerb.pk]))
    begun = boss.get(page.context["try_url"])
    assert begun.status_code == 200
    assert begun.context["form"]["answers"].value() == "position=curb"
    assert str(begun.context["form"]["service"].value()) == str(city.services["pothole"].pk)
    shows(boss.get(reverse("admin:requests311_routingrule_add")), "See what would change", reverse(ADD))
    deletion = boss.get(reverse("admin:requests311_routingrule_delete", args=[kerb.pk]))
    shows(deletion, reverse(DELETE, args=[kerb.pk]))


def test_a_new_rule_is_previewed_and_not_made(city: SmallCity, boss: Client, request: pytest.FixtureRequest) -> None:
    made = report(city, guest())
    before = list(RoutingRule.objects.order_by("pk").values())
    request.getfixturevalue("nothing_is_written")
    response = boss.post(reverse(ADD), entry(city))
    shows(response, "Nothing is saved yet", made.number, "Roads – West Yard", "Parks Department", "(the new rule)")
    [change] = response.context["changes"]
    assert [(flow.before, flow.after, flow.count) for flow in change.flows] == [
        ("Roads – West Yard", "Parks Department", 1)
    ]
    assert list(RoutingRule.objects.order_by("pk").values()) == before


def test_a_changed_rule_is_previewed_and_not_changed(
    city: SmallCity, boss: Client, request: pytest.FixtureRequest
) -> None:
    made, west = report(city, guest()), west_rule(city)
    request.getfixturevalue("nothing_is_written")
    response = boss.post(reverse(CHANGE, args=[west.pk]), entry(city, "parks", rank=0))
    shows(response, made.number, "Parks Department", f"(rule {west.pk})")
    assert west_rule(city) == west
    assert RoutingRule.objects.get(pk=west.pk).rank == west.rank


def test_the_removal_of_a_rule_is_previewed_and_not_done(
    city: SmallCity, boss: Client, request: pytest.FixtureRequest
) -> None:
    made, west = report(city, guest()), west_rule(city)
    request.getfixturevalue("nothing_is_written")
    response = boss.get(reverse(DELETE, args=[west.pk]))
    shows(response, f"Without rule {west.pk}", made.number, "Dispatch Desk", "no rule covers Pothole")
    assert west_rule(city) == west


def test_a_rule_that_goes_to_another_jurisdiction_is_seen_in_both(city: SmallCity, boss: Client) -> None:
    other = small_city("elsewhere", (-90.0, 40.0))
    report(city, guest())
    report(other, guest())
    response = boss.post(reverse(CHANGE, args=[west_rule(city).pk]), entry(other))
    assert [(change.jurisdiction.code, len(change.moved)) for change in response.context["changes"]] == [
        ("smallville", 1),
        ("elsewhere", 1),
    ]


def test_another_day_may_be_seen(city: SmallCity, boss: Client) -> None:
    report(city, guest())
    first = today_in(city.jurisdiction) + timedelta(days=3)
    posted = entry(city, valid_from=first.isoformat())
    response = boss.post(reverse(ADD), posted)
    shows(response, f"had they been made on {first}")
    again = dict(response.context["again"])
    assert again == {name: str(value) for name, value in posted.items()}
    day = first - timedelta(days=1)
    [change] = boss.post(reverse(ADD), {**again, "preview_on": day.isoformat()}).context["changes"]
    assert (change.on, change.moved) == (day, ())
    west = reverse(DELETE, args=[west_rule(city).pk])
    [change] = boss.get(west, {"preview_on": day.isoformat()}).context["changes"]
    assert change.on == day


def test_a_tie_and_a_wrong_field_are_told_as_on_saving(city: SmallCity, boss: Client) -> None:
    tie = entry(city, rank=0)
    preview = boss.post(reverse(ADD), tie)
    shows(preview, "This rule cannot be saved", f"Ties with rule {west_rule(city).pk}")
    saving = boss.post(reverse("admin:requests311_routingrule_add"), tie)
    assert preview.context["wrong"].errors == saving.context["adminform"].form.errors
    wrong = boss.post(reverse(ADD), entry(city, attribute="position", value="roof"))
    shows(wrong, "Value:", "position has no value 'roof'")
    assert RoutingRule.objects.count() == 5


def test_a_preview_of_what_leaves_nobody_says_so(city: SmallCity, boss: Client) -> None:
    report(city, guest())
    Department.objects.filter(code="desk").update(is_dispatch_desk=False)
    shows(boss.get(reverse(DELETE, args=[west_rule(city).pk])), "Smallville has no dispatch desk")


def test_a_form_is_previewed_by_posting_it_and_a_rule_that_is_gone_is_not_found(city: SmallCity, boss: Client) -> None:
    assert boss.get(reverse(ADD)).status_code == 405
    assert boss.post(reverse(CHANGE, args=[0]), entry(city)).status_code == 404
    assert boss.get(reverse(DELETE, args=[0])).status_code == 404


def test_who_may_look_may_try_and_see_no_preview(city: SmallCity) -> None:
    clerk = staff("view")
    assert clerk.get(reverse(TRY), question(city)).status_code == 200
    west = west_rule(city).pk
    assert clerk.post(reverse(ADD), entry(city)).status_code == 403
    assert clerk.post(reverse(CHANGE, args=[west]), entry(city)).status_code == 403
    assert clerk.get(reverse(DELETE, args=[west])).status_code == 403
    page = clerk.get(reverse("admin:requests311_routingrule_change", args=[west])).content.decode()
    assert "Try this rule" in page
    assert "See what would change" not in page


def test_who_may_change_sees_the_preview_without_links_to_requests(city: SmallCity) -> None:
    made, clerk = report(city, guest()), staff("change")
    assert clerk.get(reverse(TRY)).status_code == 200
    response = clerk.post(reverse(CHANGE, args=[west_rule(city).pk]), entry(city, rank=0))
    shows(response, made.number)
    assert str(made.pk) not in response.content.decode()
    assert clerk.post(reverse(ADD), entry(city)).status_code == 403


def test_others_are_refused(city: SmallCity) -> None:
    clerk = staff()
    assert clerk.get(reverse(TRY)).status_code == 403
    assert clerk.post(reverse(ADD), entry(city)).status_code == 403
    for nobody in (Client(), browser(User.objects.create_user("resident@example.org"))):
        response = nobody.get(reverse(TRY))
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("admin:login"))
