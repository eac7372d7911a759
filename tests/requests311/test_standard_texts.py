"""Placeholders: which texts are sound, and what becomes of them for a request."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError

from accounts.models import User
from requests311.actions.save_standard_text import save_standard_text
from requests311.actors import Actor
from requests311.errors import Invalid, NotAllowed
from requests311.models import Department, ServiceRequest, StandardText
from requests311.queries.standard_texts import text_of, texts_for
from requests311.standard_texts import GAP, LONGEST, PLACEHOLDERS, check, fill, missing
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import pointers, refused, report


@pytest.fixture
def city(db: None) -> SmallCity:
    return small_city()


@pytest.fixture
def request_(city: SmallCity) -> ServiceRequest:
    """Promised for the 24th at 23:30 in the city, which is the 25th in UTC."""
    Department.objects.filter(code="roads-west").update(phone="555-0100", email="west@example.org")
    made = report(city, guest(), address="12 Main Street")
    ServiceRequest.objects.filter(pk=made.pk).update(
        due_at=datetime(2026, 11, 25, 5, 30, tzinfo=UTC), submitted_at=datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
    )
    return ServiceRequest.objects.select_related("service", "department", "jurisdiction").get(pk=made.pk)


def codes(text: str) -> list[str]:
    return [problem.code for problem in check(text)]


@pytest.mark.parametrize("text", ["Done.", "{number}", "At {address}: {service}, {service}.", "¿{due}?\n100 %s $x"])
def test_a_sound_text_has_no_problem(text: str) -> None:
    assert check(text) == []


def test_every_placeholder_is_known_and_says_what_it_becomes(request_: ServiceRequest) -> None:
    for name, meaning in PLACEHOLDERS.items():
        assert check(f"{{{name}}}") == []
        assert meaning
        assert fill(f"{{{name}}}", request_, "en") not in {f"{{{name}}}", GAP, ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["blank"]),
        (" \n\t ", ["blank"]),
        ("{colour}", ["unknown_placeholder"]),
        ("{reporter} {contact} {reporter}", ["unknown_placeholder", "unknown_placeholder"]),
        ("{}", ["malformed_placeholder"]),
        ("{ number }", ["malformed_placeholder"]),
        ("{Number}", ["malformed_placeholder"]),
        ("{number\n}", ["malformed_placeholder"]),
        ("{0}", ["malformed_placeholder"]),
        ("{0.__class__}", ["malformed_placeholder"]),
        ("{number.x}", ["malformed_placeholder"]),
        ("{number.__class__.__mro__[1]}", ["malformed_placeholder"]),
        ("{number[0]}", ["malformed_placeholder"]),
        ("{number!r}", ["malformed_placeholder"]),
        ("{number:>9999999}", ["malformed_placeholder"]),
        ("{number:{due}}", ["unbalanced_brace"]),
        ("{{", ["unbalanced_brace"]),
        ("{{number}}", ["unbalanced_brace"]),
        ("{number", ["unbalanced_brace"]),
        ("number}", ["unbalanced_brace"]),
        ("}{", ["unbalanced_brace"]),
        ("{% debug %}", ["malformed_placeholder"]),
        ("{nummer} {", ["unknown_placeholder", "unbalanced_brace"]),
    ],
)
def test_a_text_with_a_problem(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_the_problem_names_the_unknown_and_the_known() -> None:
    detail = check("By {dew}.")[0].detail
    assert "{dew}" in detail
    assert all(f"{{{name}}}" in detail for name in PLACEHOLDERS)


def test_a_thousand_mistakes_are_told_briefly() -> None:
    told = check("".join(f"{{x{number}}}" for number in range(700)) + f"{{{'y' * 3000}}}")
    assert len(told) == 10
    assert len(check(f"{{{'y' * 3000}}}")[0].detail) < 400


def test_a_text_is_filled(request_: ServiceRequest) -> None:
    text = "{number}: {service} at {address}, {department} of {jurisdiction}, {department_phone}, by {due}."
    expected = (
        f"{request_.number}: Pothole at 12 Main Street, Roads – West Yard of Smallville, 555-0100, by Nov. 24, 2026."
    )
    assert fill(text, request_, "en") == expected
    assert missing(text, request_) == []


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "Pothole, Nov. 20, 2026, Nov. 24, 2026"),
        ("es", "Bache, 20 de noviembre de 2026, 24 de noviembre de 2026"),
        # A kind of Spanish that has no translation of its own.
        ("es-419", "Bache, 20 de noviembre de 2026, 24 de noviembre de 2026"),
        # No translation at all: the name in the city's own language, the day as the Germans write it.
        ("de", "Pothole, 20. November 2026, 24. November 2026"),
        ("zh-Hant", "Pothole, 2026年11月20日, 2026年11月24日"),
        # A language that Django does not know either.
        ("tlh", "Pothole, Nov. 20, 2026, Nov. 24, 2026"),
    ],
)
def test_a_text_is_filled_in_its_language(request_: ServiceRequest, language: str, expected: str) -> None:
    assert fill("{service}, {submitted}, {due}", request_, language) == expected


def test_what_the_request_does_not_have_leaves_a_gap(request_: ServiceRequest) -> None:
    request_.due_at, request_.address = None, ""
    text = "At {address} by {due}, or {due}: {number}"
    assert fill(text, request_, "en") == f"At … by …, or …: {request_.number}"
    assert missing(text, request_) == ["address", "due"]


def test_a_value_is_not_looked_through(request_: ServiceRequest) -> None:
    request_.address = r"{number} {0.__class__} \1 \g<0> %s"
    assert fill("At {address}.", request_, "en") == rf"At {request_.address}."


@pytest.mark.parametrize("text", ["{0.__class__}", "{{", "{number!r}", "{number.x}", "{__class__}", "%(number)s", "{}"])
def test_what_slipped_past_the_check_stays_as_it_is(request_: ServiceRequest, text: str) -> None:
    assert fill(text, request_, "en") == text


def test_a_filled_text_is_no_longer_than_a_move_takes(request_: ServiceRequest) -> None:
    request_.address = "x" * 300
    filled = fill("{address}" * 400, request_, "en")
    assert len(filled) == LONGEST
    assert filled.endswith("x…")


def test_the_model_refuses_what_the_check_refuses(city: SmallCity) -> None:
    text = StandardText(jurisdiction=city.jurisdiction, status="resolved", language="en", title="T", text="{a} {")
    with pytest.raises(ValidationError) as info:
        text.full_clean()
    assert [error.code for error in info.value.error_dict["text"]] == ["unknown_placeholder", "unbalanced_brace"]


@pytest.mark.parametrize("language", ["EN", "e", "english", "en_US", "en-us", "../x", "en\n", ""])
def test_the_model_refuses_what_is_no_language(city: SmallCity, language: str) -> None:
    text = StandardText(jurisdiction=city.jurisdiction, status="resolved", language=language, title="T", text="x")
    with pytest.raises(ValidationError) as info:
        text.full_clean()
    assert list(info.value.error_dict) == ["language"]


def test_the_model_refuses_parts_of_another_jurisdiction(city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    text = StandardText(
        jurisdiction=city.jurisdiction,
        department=other.departments["roads"],
        service=other.services["pothole"],
        status="resolved",
        language="en",
        title="T",
        text="x",
    )
    with pytest.raises(ValidationError) as info:
        text.full_clean()
    assert list(info.value.error_dict) == ["department", "service"]


# --- Who gets which ------------------------------------------------------------------------------


def written(city: SmallCity, title: str, department: str | None = None, service: str | None = None) -> StandardText:
    return StandardText.objects.create(
        jurisdiction=city.jurisdiction,
        department=city.departments[department] if department else None,
        service=city.services[service] if service else None,
        status="resolved",
        language="en",
        title=title,
        text="{number}",
    )


def titles(user: User, request: str = "") -> list[str]:
    return [one.text.title for one in texts_for(Actor(user), request=request, limit=100)]


def test_the_most_specific_comes_first(city: SmallCity, request_: ServiceRequest) -> None:
    written(city, "any")
    written(city, "agency", "roads")
    written(city, "unit", "roads-west")
    written(city, "service", service="pothole")
    written(city, "agency + service", "roads", "pothole")
    written(city, "unit + service", "roads-west", "pothole")
    written(city, "other unit", "roads-east")
    written(city, "other department", "parks", "pothole")
    written(city, "other service", "roads-west", "streetlight")
    crew = person(role="crew", city=city, department="roads-west")
    in_order = ["unit + service", "agency + service", "service", "unit", "agency", "any"]
    assert titles(crew, request=str(request_.pk)) == in_order
    assert titles(person(role="dispatcher", city=city), request=request_.number) == in_order


def test_a_membership_reaches_its_department_its_units_its_agency_and_the_whole_city(city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    for department in (None, "roads", "roads-west", "roads-east", "parks"):
        written(city, department or "all", department)
        written(other, f"other {department}", department)
    assert titles(person(role="crew", city=city, department="roads-west")) == ["roads", "roads-west", "all"]
    assert titles(person(role="crew", city=city, department="roads")) == ["roads", "roads-west", "roads-east", "all"]
    assert titles(person(role="crew", city=city, department="parks")) == ["parks", "all"]
    assert set(titles(person(role="auditor", city=city))) == {"all", "roads", "roads-west", "roads-east", "parks"}


def test_nobody_is_shown_what_an_expired_membership_reached(city: SmallCity) -> None:
    user = person(role="crew", city=city, department="roads")
    user.memberships.update(valid_to="2020-01-01T00:00Z")
    with refused(NotAllowed):
        titles(user)


# --- Writing -------------------------------------------------------------------------------------


def save(by: User, **changes: object) -> StandardText:
    values: dict[str, object] = {
        "jurisdiction": "smallville",
        "department": "roads",
        "service": None,
        "status": "resolved",
        "language": "en",
        "title": "Filled",
        "text": "{number}",
    }
    return save_standard_text(by=Actor(by), **{**values, **changes})  # type: ignore[arg-type]


def test_a_manager_writes_for_the_department_and_its_units(city: SmallCity) -> None:
    manager = person(role="manager", city=city, department="roads")
    text = save(manager)
    assert (text.department, text.updated_by) == (city.departments["roads"], manager)
    assert save(manager, department="roads-west").pk != text.pk
    assert text_of(Actor(manager), id=text.pk) == text
    for department in (None, "parks", "desk"):
        with refused(NotAllowed):
            save(manager, department=department)


def test_a_unit_does_not_write_for_its_agency(city: SmallCity) -> None:
    with refused(NotAllowed):
        save(person(role="manager", city=city, department="roads-west"))


@pytest.mark.parametrize("role", ["crew", "dispatcher", "auditor"])
def test_who_only_reads_does_not_write(city: SmallCity, role: str) -> None:
    with refused(NotAllowed):
        save(person(role=role, city=city, department="roads"))


def test_a_text_for_all_departments_is_the_admins(city: SmallCity) -> None:
    assert save(person(role="admin", city=city), department=None).department is None


def test_the_second_of_two_alike_is_refused(city: SmallCity) -> None:
    admin = person(role="admin", city=city)
    save(admin, department=None)
    with refused(Invalid) as info:
        save(admin, department=None)
    assert pointers(info) == [("/title", "taken")]
    assert save(admin, department=None, language="es").language == "es"


def test_an_unknown_status_is_refused_here_too(city: SmallCity) -> None:
    with refused(Invalid) as info:
        save(person(role="admin", city=city), status="lost", language="EN")
    assert pointers(info) == [("/status", "invalid_choice"), ("/language", "invalid")]
