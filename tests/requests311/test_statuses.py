"""The state machine: every pair, who may, what has to be said, and the page that is drawn of it."""

from itertools import product
from pathlib import Path

import pytest
from django.conf import settings

from requests311.actors import Actor
from requests311.drawing import states_page
from requests311.errors import IllegalTransition, Invalid, NotAllowed
from requests311.policies import REPORTER, ROLES, Permission, Role
from requests311.statuses import OPEN, TRANSITIONS, Status
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, move, pointers, refused, report, words_for

#: DESIGN §6, written out once more by hand, so that a slip in the table is seen.
LEGAL = {
    "submitted": "acknowledged on_hold rejected withdrawn",
    "acknowledged": "assigned in_progress on_hold resolved rejected withdrawn",
    "assigned": "acknowledged in_progress on_hold resolved rejected",
    "in_progress": "acknowledged assigned on_hold resolved rejected",
    "on_hold": "acknowledged assigned in_progress rejected",
    "resolved": "closed acknowledged",
    "closed": "",
    "rejected": "",
    "duplicate": "",
    "withdrawn": "",
}
#: What only joining two requests, and taking them apart, does.
BY_MERGING = {
    "submitted": "duplicate",
    "acknowledged": "duplicate",
    "assigned": "duplicate",
    "in_progress": "duplicate",
    "on_hold": "duplicate",
    "duplicate": "submitted acknowledged assigned in_progress on_hold",
}
PAIRS = list(product(Status, Status))
EDGES = [(start, to) for start, moves in TRANSITIONS.items() for to, one in moves.items() if not one.by_action]
REPORTERS_MOVES = {("submitted", "withdrawn"), ("acknowledged", "withdrawn"), ("resolved", "acknowledged")}


@pytest.fixture
def city() -> SmallCity:
    return small_city()


def somebody(role: Role, city: SmallCity) -> Actor:
    return Actor(person(role=role, city=city, department="roads" if role in (Role.CREW, Role.MANAGER) else None))


@pytest.mark.parametrize(("start", "to"), PAIRS)
def test_the_table_is_the_design(start: Status, to: Status) -> None:
    assert ((start, to) in EDGES) == (to.value in LEGAL[start].split())
    found = TRANSITIONS[start].get(to)
    assert bool(found and found.by_action) == (to.value in BY_MERGING.get(start, "").split())


@pytest.mark.django_db
@pytest.mark.parametrize("start", list(Status))
def test_every_move_from_a_status(city: SmallCity, start: Status) -> None:
    """By somebody who may do everything: a dispatcher who reported it."""
    dispatcher = person(role=Role.DISPATCHER, city=city)
    request = report(city, dispatcher)
    for to in Status:
        force(request, start)
        if (start, to) in EDGES:
            assert move(request, dispatcher, to, **words_for(start, to)).status == to
            continue
        with refused(IllegalTransition) as info:
            move(request, dispatcher, to, text="Because.")
        assert info.value.extra == {"status_now": start, "legal": LEGAL[start].split()}
        request.refresh_from_db()
        assert request.status == start


@pytest.mark.django_db
@pytest.mark.parametrize(("start", "to"), EDGES)
def test_who_may_make_a_move(city: SmallCity, start: Status, to: Status) -> None:
    reporter = guest()
    request = report(city, reporter)
    # The table of roles, written out: those who work do all but withdraw; an auditor does nothing.
    allowed = {role: role != Role.AUDITOR and to != Status.WITHDRAWN for role in Role}
    actors = {role: somebody(role, city).user for role in Role}
    for role, user in actors.items():
        assert user is not None
        force(request, start)
        if allowed[role]:
            assert move(request, user, to, **words_for(start, to)).status == to
        else:
            with refused(NotAllowed):
                move(request, user, to, **words_for(start, to))
    force(request, start)
    if (start, to) in REPORTERS_MOVES:
        assert move(request, reporter, to, **words_for(start, to)).status == to
    else:
        with refused(NotAllowed):
            move(request, reporter, to, **words_for(start, to))


@pytest.mark.django_db
@pytest.mark.parametrize(("start", "to"), EDGES)
def test_what_a_move_has_to_be_said_with(city: SmallCity, start: Status, to: Status) -> None:
    dispatcher = person(role=Role.DISPATCHER, city=city)
    request = force(report(city, dispatcher), start)
    silent, wrong = [], []
    if to in (Status.ON_HOLD, Status.REJECTED) or (start, to) == (Status.RESOLVED, Status.ACKNOWLEDGED):
        silent.append(("/text", "required"))
    if to == Status.RESOLVED:
        silent.append(("/resolution", "required"))
        wrong.append(("/resolution", "unknown_value"))
    else:
        wrong.append(("/resolution", "not_taken"))
    if silent:
        with refused(Invalid) as info:
            move(request, dispatcher, to, text=" \n")
        assert pointers(info) == silent
    with refused(Invalid) as info:
        move(request, dispatcher, to, text="Because.", resolution="fixed" if to != Status.RESOLVED else "magic")
    assert pointers(info) == wrong


def test_every_status_is_reached() -> None:
    reached, coming = {Status.SUBMITTED}, [Status.SUBMITTED]
    while coming:
        found = set(TRANSITIONS[coming.pop()]) - reached
        reached |= found
        coming += found
    assert reached == set(Status)


def test_whatever_is_open_can_end() -> None:
    assert {status for status in Status if TRANSITIONS[status]} == OPEN | {Status.RESOLVED, Status.DUPLICATE}
    assert set(TRANSITIONS) == set(Status)


def test_the_page_is_the_table() -> None:
    page = Path(settings.BASE_DIR) / "docs" / "states.md"
    assert page.read_text(encoding="utf-8") == states_page(), "run manage.py draw_states"
    for start, to in ((start, to) for start, moves in TRANSITIONS.items() for to in moves):
        assert f"    {start} --> {to}\n" in states_page()
        assert f"| {start} | {to} | " in states_page()


def test_every_role_has_its_permissions() -> None:
    """Written out once more by hand, so that a slip in the table is seen."""
    reads = {"read_internal", "read_contact", "read_queue", "read_templates"}
    works = reads | {"work", "reject", "close", "reopen", "assign", "ask", "note", "comment", "hand_over"}
    triages = works | {"reroute", "merge", "split", "redact", "read_hot_spots"}
    manages = triages | {"manage_templates", "read_webhooks", "manage_webhooks"}
    assert {role: {str(permission) for permission in permissions} for role, permissions in ROLES.items()} == {
        Role.CREW: works,
        Role.DISPATCHER: triages,
        Role.MANAGER: manages,
        Role.AUDITOR: reads | {"read_hot_spots", "read_webhooks"},
        Role.ADMIN: manages,
    }
    assert {Permission.WITHDRAW, Permission.REOPEN, Permission.ANSWER, Permission.COMMENT} == REPORTER
