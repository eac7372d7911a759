"""What a department's own system gets, and what becomes of it whatever it answers."""

import gzip
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from requests311 import tasks
from requests311.forwarding import georeport, patience, recording, sending
from requests311.forwarding.outcomes import Accepted, Failed
from requests311.models import Connector, Event, Forward, PhotoFetch, ServiceRequest
from requests311.statuses import Status
from tests.factories.cities import SmallCity
from tests.factories.people import guest
from tests.requests311.forwarding.forwarded import alerts, due, in_line, later, sent
from tests.requests311.forwarding.peers import Behaviour, Peer, accepts, says
from tests.requests311.reporting import photo

pytestmark = pytest.mark.django_db

CONTACT = {"name": "Ada King Lovelace", "email": "ada@example.org", "phone": "+1 555 0100"}


# --- What is sent --------------------------------------------------------------------------------


def test_the_form(city: SmallCity, connector: Connector, peer: Peer) -> None:
    Connector.objects.update(service_codes={"pothole": "POT-01"})
    forward = in_line(
        city,
        description='Größer & "tiefer"',
        address="12 Main Street",
        attributes={"position": "lane", "lane_number": 2},
        contact=CONTACT,
    )
    sent(forward)
    (asked,) = peer.asked
    assert (asked.method, asked.path) == ("POST", "/open311/v2/requests.json")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=utf-8"
    assert asked.headers["Idempotency-Key"] == str(forward.pk)
    latitude, longitude = city.point_in("west")
    assert asked.form == {
        "jurisdiction_id": ["b.example"],
        "api_key": ["key-of-roads"],
        "service_code": ["POT-01"],
        "lat": [str(latitude)],
        "long": [str(longitude)],
        "address_string": ["12 Main Street"],
        "description": ['Größer & "tiefer"'],
        "attribute[position]": ["lane"],
        "attribute[lane_number]": ["2"],
    }


def test_several_answers_to_one_question(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward = in_line(city)
    ServiceRequest.objects.update(attributes={"seen": ["left", "right"], "wet": True, "depth": 3.0})
    sent(forward)
    form = peer.asked[0].form
    assert form["attribute[seen][]"] == ["left", "right"]
    assert (form["attribute[wet]"], form["attribute[depth]"]) == (["true"], ["3"])


def test_a_service_without_a_code_of_theirs_has_ours(city: SmallCity, connector: Connector, peer: Peer) -> None:
    Connector.objects.update(service_codes={"streetlight": "L"})
    sent(in_line(city))
    assert peer.asked[0].form["service_code"] == ["pothole"]


def test_the_contact_goes_along_only_where_the_connector_says_so(
    city: SmallCity, connector: Connector, peer: Peer
) -> None:
    Connector.objects.update(share_contact=True)
    sent(in_line(city, contact=CONTACT))
    form = peer.asked[0].form
    assert (form["first_name"], form["last_name"]) == (["Ada King"], ["Lovelace"])
    assert (form["email"], form["phone"]) == (["ada@example.org"], ["+1 555 0100"])


def test_a_name_of_one_word(city: SmallCity, connector: Connector, peer: Peer) -> None:
    Connector.objects.update(share_contact=True)
    sent(in_line(city, contact={"name": "Ada"}))
    assert peer.asked[0].form["first_name"] == ["Ada"]
    assert "last_name" not in peer.asked[0].form


def test_photos_that_are_ready_and_public(
    city: SmallCity, connector: Connector, peer: Peer, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://311.city.example"
    by = guest()
    ready = [photo(by, state="ready", thumbnail="t.jpg", large="l.jpg") for _ in range(2)]
    forward = in_line(city, by, photos=[one.pk for one in ready])
    photo(by, request=forward.request, state="rejected", reason="corrupt")
    sent(forward)
    assert peer.asked[0].form["media_url"] == [
        f"https://311.city.example/api/v1/photos/{one.pk}/large" for one in ready
    ]


def test_no_photos_of_a_private_request(
    city: SmallCity, connector: Connector, peer: Peer, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://311.city.example"
    forward = in_line(city, service="heating")
    photo(None, request=forward.request, state="ready", thumbnail="t.jpg", large="l.jpg")
    sent(forward)
    assert "media_url" not in peer.asked[0].form


@pytest.mark.parametrize("kind", ["upload", "address"])
def test_photos_that_are_under_way_are_waited_for_but_not_for_long(
    city: SmallCity, connector: Connector, peer: Peer, kind: str
) -> None:
    forward = in_line(city)
    if kind == "upload":
        photo(None, request=forward.request)
    else:
        PhotoFetch.objects.create(
            request=forward.request, url="https://x.example/1.jpg", next_attempt_at=timezone.now()
        )
    assert sent(forward).state == "waiting"
    assert (peer.asked, forward.attempts) == ([], 0)
    later(forward, minutes=3)
    assert sent(forward).state == "accepted"


# --- What is answered ----------------------------------------------------------------------------

XML = b"""<?xml version="1.0" encoding="utf-8"?>
<service_requests><request><service_request_id>B-1</service_request_id><service_notice/></request></service_requests>"""


@pytest.mark.parametrize(
    "answer",
    [
        [{"service_request_id": "B-1"}],
        {"service_requests": [{"service_request_id": "B-1"}]},
        {"service_request_id": "B-1"},
        [{"service_request_id": "B-1", "token": None}],
        XML,
        XML.replace(b"<service_requests>", b'<service_requests xmlns="http://open311.org/x">'),
        b"\xef\xbb\xbf" + XML,
    ],
)
@pytest.mark.parametrize("format", ["json", "xml"])
def test_accepted(city: SmallCity, connector: Connector, peer: Peer, answer: Any, format: str) -> None:
    Connector.objects.update(format=format)
    peer.behaviour = says(answer)
    forward = sent(in_line(city))
    assert (forward.state, forward.remote_id, forward.last_error) == ("accepted", "B-1", "")
    assert forward.sent_at is not None
    assert peer.asked[0].path.endswith(f"requests.{format}")
    assert sent(forward).attempts == 1
    assert len(peer.asked) == 1


def test_a_number_is_an_id_too(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says([{"service_request_id": 4711}])
    assert sent(in_line(city)).remote_id == "4711"


def test_on_acceptance_the_request_is_acknowledged(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward = sent(in_line(city))
    event = Event.objects.get(request=forward.request, version=2)
    assert (event.actor, event.from_status, event.to_status) == (None, "submitted", "acknowledged")
    assert event.text == "The system of Roads Department has it as #B-1."
    assert ServiceRequest.objects.get().status == Status.ACKNOWLEDGED


def test_in_the_jurisdiction_s_language(city: SmallCity, connector: Connector, peer: Peer) -> None:
    type(city.jurisdiction).objects.update(languages=["es-MX", "en"])
    forward = sent(in_line(city))
    assert Event.objects.get(request=forward.request, version=2).text.startswith("El sistema de Roads Department")


def test_one_that_is_further_stays_there(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward = in_line(city)
    ServiceRequest.objects.update(status=Status.IN_PROGRESS)
    assert sent(forward).state == "accepted"
    assert ServiceRequest.objects.get().status == Status.IN_PROGRESS
    assert Event.objects.count() == 1


def bomb() -> bytes:
    layers = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return (
        f'<!DOCTYPE x [<!ENTITY a0 "ha">{layers}]><service_requests><request>'
        "<service_request_id>&a9;</service_request_id></request></service_requests>"
    ).encode()


GARBAGE: dict[str, Behaviour] = {
    "nothing": says(b""),
    "a page": says(b"<!DOCTYPE html><html><body><p>Welcome!</body></html>"),
    "half of it": says(b'[{"service_request_id": "B-'),
    "no UTF-8": says(b'[{"service_request_id": "\xff"}]'),
    "an empty list": says([]),
    "two": says([{"service_request_id": "B-1"}, {"service_request_id": "B-2"}]),
    "no id": says([{"service_request_id": None}]),
    "an id that is none": says([{"service_request_id": {"a": 1}}]),
    "a list of lists": says([[]]),
    "a number": says(b"4711"),
    "depth": says(b"[" * 100_000),
    "an endless id": says([{"service_request_id": "9" * 1000}]),
    "NaN": says(b'[{"service_request_id": NaN}]'),
    "a bomb": says(bomb()),
    "an entity from outside": says(
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><s><r><service_request_id>&e;</service_request_id></r></s>'
    ),
    "an encoding that nobody knows": says(b'<?xml version="1.0" encoding="utf-311"?><s/>'),
    "compressed": says(gzip.compress(XML), Content_Encoding="gzip"),
}


@pytest.mark.parametrize("behaviour", [pytest.param(value, id=name) for name, value in GARBAGE.items()])
def test_garbage_is_tried_again(city: SmallCity, connector: Connector, peer: Peer, behaviour: Behaviour) -> None:
    peer.behaviour = behaviour
    forward = sent(in_line(city))
    assert (forward.state, forward.last_error) == ("waiting", "The other side's answer cannot be read.")
    assert forward.connector.paused_until is None
    peer.behaviour = accepts()
    assert sent(due(forward)).state == "accepted"
    assert {asked.headers["Idempotency-Key"] for asked in peer.asked} == {str(forward.pk)}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_what_is_refused_is_stuck_with_their_words(
    city: SmallCity, connector: Connector, peer: Peer, status: int
) -> None:
    peer.behaviour = says([{"code": str(status), "description": "service_code pothole is unknown"}], status)
    before = alerts("forward_stuck")
    forward = sent(in_line(city))
    assert forward.state == "stuck"
    assert forward.last_error == f"The other side answered {status}: service_code pothole is unknown"
    assert alerts("forward_stuck") == before + 1
    sent(due(forward))
    assert len(peer.asked) == 1
    assert ServiceRequest.objects.get().status == Status.SUBMITTED


def test_their_words_in_xml(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says(b"<errors><error><code>403</code><description>No key</description></error></errors>", 403)
    assert sent(in_line(city)).last_error == "The other side answered 403: No key"


def test_their_words_repeat_nothing_of_ours(city: SmallCity, connector: Connector, peer: Peer) -> None:
    said = "api_key key-of-roads: Lovelace, ada@example.org, said: My dog is ill\n\nand 12 Main Street"
    peer.behaviour = says([{"description": said + "x" * 1000}], 400)
    forward = sent(in_line(city, contact=CONTACT, description="My dog is ill", address="12 Main Street"))
    assert forward.last_error.startswith("The other side answered 400: api_key …: …, …, said: … and …xxx")
    assert len(forward.last_error) < 350


@pytest.mark.parametrize("status", [500, 501])
def test_500_is_tried_again(city: SmallCity, connector: Connector, peer: Peer, status: int) -> None:
    peer.behaviour = says(b"<html>Oh no</html>", status)
    forward = sent(in_line(city))
    assert (forward.state, forward.last_error) == ("waiting", f"The other side answered {status}.")
    pause = forward.next_attempt_at - timezone.now()
    assert timedelta(seconds=20) < pause <= timedelta(minutes=1)
    # Only this one: another request may well get through.
    assert forward.connector.paused_until is None


@pytest.mark.parametrize("status", [408, 409, 425, 429, 502, 503, 504])
def test_what_passes(city: SmallCity, connector: Connector, peer: Peer, status: int) -> None:
    peer.behaviour = says(b"", status)
    forward = sent(in_line(city))
    assert forward.state == "waiting"
    assert (forward.connector.paused_until is not None) == (status in {429, 502, 503, 504})


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("asked_for", ["1800", "date"])
def test_retry_after_is_kept(city: SmallCity, connector: Connector, peer: Peer, status: int, asked_for: str) -> None:
    moment = datetime.now(UTC) + timedelta(minutes=30)
    value = asked_for if asked_for != "date" else moment.strftime("%a, %d %b %Y %H:%M:%S GMT")
    peer.behaviour = says(b"", status, Retry_After=value)
    forward = sent(in_line(city))
    for until in (forward.next_attempt_at, forward.connector.paused_until):
        assert until is not None
        assert timedelta(minutes=28) < until - timezone.now() <= timedelta(minutes=30)


def test_nobody_sends_us_away_for_ever(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says(b"", 429, Retry_After="99999999999")
    forward = sent(in_line(city))
    assert forward.connector.paused_until is not None
    assert forward.connector.paused_until - timezone.now() <= timedelta(hours=1)


def test_it_has_moved(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says(b"", 301, Location="http://127.0.0.1:1/")
    forward = sent(in_line(city))
    assert forward.state == "stuck"
    assert "another address" in forward.last_error


def test_it_hangs(city: SmallCity, connector: Connector, peer: Peer, settings: LazySettings) -> None:
    settings.FORWARD_TIMEOUT_SECONDS = 0.3
    peer.hang()
    forward = sent(in_line(city))
    assert (forward.state, forward.last_error) == ("waiting", "The other side did not answer in time.")


def test_nobody_is_there(city: SmallCity, connector: Connector, settings: LazySettings) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = ["127.0.0.1:1"]
    Connector.objects.update(url="http://127.0.0.1:1/v2")
    forward = sent(in_line(city))
    assert forward.state == "waiting"
    assert "cannot be reached" in forward.last_error
    assert forward.connector.last_error == forward.last_error


def test_an_address_that_may_not_be_called_is_stuck(
    city: SmallCity, connector: Connector, peer: Peer, settings: LazySettings
) -> None:
    settings.OUTBOUND_PRIVATE_HOSTS = []
    forward = sent(in_line(city))
    assert (forward.state, forward.last_error) == ("stuck", "This address is not on the public Internet.")
    assert not peer.asked


def test_an_answer_without_end_is_stuck(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says(b"x" * 300_000)
    assert "bytes came back" in sent(in_line(city)).last_error


def test_our_own_fault_holds_up_nobody(
    city: SmallCity, connector: Connector, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = in_line(city), in_line(city)
    Forward.objects.filter(pk=first.pk).update(next_attempt_at=F("next_attempt_at") - timedelta(minutes=1))
    ServiceRequest.objects.filter(pk=first.request_id).update(attributes=[1])
    before = alerts("forward_failed")
    sent(first)
    second.refresh_from_db()
    assert (first.state, second.state) == ("waiting", "accepted")
    assert first.last_error == "This server could not send it (AttributeError)."
    assert alerts("forward_failed") == before + 1


# --- Tokens ----------------------------------------------------------------------------------------


def test_a_token_is_asked_after_until_it_has_an_id(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says([{"token": "t/1 ä"}])
    forward = sent(in_line(city))
    assert (forward.state, forward.token, forward.attempts) == ("token", "t/1 ä", 0)
    assert sent(forward).state == "token"
    assert len(peer.asked) == 1
    assert ServiceRequest.objects.get().status == Status.SUBMITTED
    for behaviour in (says([], 404), says([{"token": "t/1 ä", "service_request_id": None}]), says(b"", 500)):
        peer.behaviour = behaviour
        assert sent(due(forward)).state == "token"
    peer.behaviour = accepts("B-9")
    assert sent(due(forward)).state == "accepted"
    assert (forward.remote_id, forward.token) == ("B-9", "t/1 ä")
    assert peer.asked[-1].method == "GET"
    assert peer.asked[-1].path == "/open311/v2/tokens/t%2F1%20%C3%A4.json"
    assert peer.asked[-1].query == {"jurisdiction_id": ["b.example"]}
    assert len(peer.posts()) == 1
    assert ServiceRequest.objects.get().status == Status.ACKNOWLEDGED


def test_the_pauses_grow(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says([{"token": "t"}])
    forward = sent(in_line(city))
    peer.behaviour = says([], 404)
    pauses = []
    for _ in range(4):
        sent(due(forward))
        pauses.append((forward.next_attempt_at - timezone.now()).total_seconds())
    for attempt, pause in enumerate(pauses):
        assert 30 * 2**attempt - 5 < pause <= 60 * 2**attempt


def test_a_token_that_stays_one_is_stuck_after_a_week(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says([{"token": "t"}])
    forward = sent(in_line(city))
    peer.behaviour = says([], 404)
    later(forward, days=7)
    assert sent(forward).state == "stuck"
    assert "no id for its token" in forward.last_error


# --- Time ------------------------------------------------------------------------------------------


def test_pauses() -> None:
    for attempts in range(1, 60):
        ceiling = min(timedelta(hours=6), timedelta(minutes=1) * 2 ** min(attempts - 1, 20))
        assert ceiling / 2 <= patience.pause(attempts) <= ceiling
        assert patience.outage_pause(attempts) <= timedelta(minutes=15)


def test_after_a_week_a_person_has_to_look(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says(b"", 500)
    forward = sent(in_line(city))
    before = alerts("forward_stuck")
    later(forward, days=6, hours=23)
    assert sent(forward).state == "waiting"
    later(forward, days=1)
    assert sent(forward).state == "stuck"
    assert forward.last_error == "The other side answered 500."
    assert alerts("forward_stuck") == before + 1


def test_what_is_not_even_tried_is_given_up_too(city: SmallCity, connector: Connector, peer: Peer) -> None:
    """Behind one that shows every quarter of an hour that nobody is there."""
    forward = in_line(city)
    Connector.objects.update(paused_until=timezone.now() + timedelta(minutes=15))
    assert sending.give_up() == 0
    Forward.objects.update(waiting_since=timezone.now() - timedelta(days=7, hours=2))
    assert sending.give_up() == 1
    forward.refresh_from_db()
    assert (forward.state, forward.last_error) == ("stuck", "The other side could not be reached.")


def test_one_that_is_off_waits_and_is_not_given_up(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward = in_line(city)
    Connector.objects.update(active=False)
    Forward.objects.update(waiting_since=timezone.now() - timedelta(days=30))
    assert sending.give_up() == 0
    assert sent(forward).state == "waiting"
    Connector.objects.update(active=True)
    assert sent(forward).state == "accepted"


# --- Outages ---------------------------------------------------------------------------------------


def test_an_outage_costs_one_call_and_loses_nothing(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says(b"", 503)
    forwards = [in_line(city) for _ in range(5)]
    sent(forwards[0])
    assert len(peer.asked) == 1
    assert not sending.connectors_due()
    tried = Forward.objects.get(attempts=1)
    Connector.objects.update(paused_until=None)
    sent(tried)
    assert len(peer.asked) == 2
    tried.connector.refresh_from_db()
    assert tried.connector.failures == 2
    peer.behaviour = lambda asked: accepts(asked.headers["Idempotency-Key"])(asked)
    Connector.objects.update(paused_until=timezone.now() - timedelta(seconds=1))
    Forward.objects.update(next_attempt_at=timezone.now())
    sent(tried)
    assert set(Forward.objects.values_list("state", flat=True)) == {"accepted"}
    tried.connector.refresh_from_db()
    assert (tried.connector.failures, tried.connector.paused_until, tried.connector.last_error) == (0, None, "")


def test_five_in_a_row_are_an_alert(city: SmallCity, connector: Connector, peer: Peer) -> None:
    peer.behaviour = says(b"", 503)
    forward = in_line(city)
    before = alerts("connector_down")
    for _ in range(6):
        sent(due(forward))
    assert alerts("connector_down") == before + 1


def test_one_department_s_outage_is_not_another_s(city: SmallCity, connector: Connector, peer: Peer) -> None:
    other = Connector.objects.create(
        department=city.departments["parks"], kind="webhook", url=f"http://{peer.host}/hook", api_key="s"
    )
    Connector.objects.filter(pk=connector.pk).update(paused_until=timezone.now() + timedelta(minutes=5))
    first = in_line(city)
    second = in_line(city, attributes={"position": "curb"})
    assert list(sending.connectors_due()) == [other.pk]
    assert (sent(first).state, sent(second).state) == ("waiting", "accepted")


# --- Workers ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_once(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forwards = [in_line(city) for _ in range(8)]
    start = Barrier(2)

    def work(_: int) -> None:
        try:
            start.wait(timeout=30)
            # Below the connector's own lock, so that both are really at it.
            while forward := sending.claim(connector.pk):
                sending.hand_over(forward)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert sorted(asked.headers["Idempotency-Key"] for asked in peer.asked) == sorted(str(one.pk) for one in forwards)
    assert set(Forward.objects.values_list("state", "attempts")) == {("accepted", 1)}


def test_a_connector_that_is_at_work_is_left_to_it(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward = in_line(city)
    Connector.objects.update(busy_until=timezone.now() + timedelta(minutes=1))
    assert not sending.connectors_due()
    assert sent(forward).attempts == 0
    Connector.objects.update(busy_until=timezone.now())
    assert sent(forward).state == "accepted"
    assert forward.connector.busy_until is None


def test_a_worker_that_dies_between_send_and_record(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward = in_line(city)
    claimed = sending.claim(connector.pk)
    assert claimed is not None
    claimed.request = ServiceRequest.objects.select_related("service", "department", "jurisdiction").get()
    georeport.submit(claimed)
    # Nobody takes it while the lease runs.
    assert sending.claim(connector.pk) is None
    later(forward, minutes=3)
    assert sent(forward).state == "accepted"
    assert [asked.headers["Idempotency-Key"] for asked in peer.asked] == [str(forward.pk)] * 2
    assert peer.asked[0].body == peer.asked[1].body


def test_a_worker_that_comes_too_late(city: SmallCity, connector: Connector, peer: Peer) -> None:
    forward = in_line(city)
    slow = sending.claim(connector.pk)
    assert slow is not None
    later(forward, minutes=3)
    peer.behaviour = says([{"token": "t"}])
    assert sent(forward).state == "token"
    recording.record(slow, Failed("Too late.", may_pass=False))
    forward.refresh_from_db()
    assert (forward.state, forward.last_error) == ("token", "")
    # That it was accepted is true whoever heard it.
    recording.record(slow, Accepted("B-7"))
    recording.record(slow, Accepted("B-8"))
    forward.refresh_from_db()
    assert (forward.state, forward.remote_id) == ("accepted", "B-7")


def test_the_sweep_wakes_a_task_for_each_connector(
    city: SmallCity, connector: Connector, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = in_line(city)
    woken: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(tasks, "wake", lambda task, connector_id: woken.append(connector_id))
        tasks.forward_due()
        assert woken == [connector.pk]
        tasks.forward_through(connector.pk)
        tasks.forward_due()
    assert woken == [connector.pk]
    forward.refresh_from_db()
    assert forward.state == "accepted"
