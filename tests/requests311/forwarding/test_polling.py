"""What a department's own system tells comes onto our timeline, each update once."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from requests311 import tasks
from requests311.forwarding import polling
from requests311.models import Connector, Event, EventKind, Forward, ReceivedUpdate, ServiceRequest
from requests311.statuses import Status
from tests.factories.cities import SmallCity
from tests.requests311.forwarding.forwarded import alerts, in_line, polled, sent
from tests.requests311.forwarding.peers import Asked, Peer, Reply, accepts, says
from tests.requests311.reporting import force

pytestmark = pytest.mark.django_db

S = Status


@pytest.fixture
def forward(city: SmallCity, connector: Connector, peer: Peer) -> Forward:
    """Accepted there as B-1."""
    return sent(in_line(city))


def update(update_id: str = "u-1", **fields: Any) -> dict[str, Any]:
    return {
        "update_id": update_id,
        "service_request_id": "B-1",
        "status": "open",
        "updated_datetime": "2026-03-01T12:00:00-05:00",
        "description": "A crew was there.",
        "media_url": None,
        **fields,
    }


def history(request: ServiceRequest) -> list[tuple[str, str, str]]:
    """(kind, status after it, text) of what happened since it was acknowledged."""
    events = Event.objects.filter(request=request, version__gt=2).order_by("version")
    return [(event.kind, event.to_status, event.text) for event in events]


class TestUpdates:
    @pytest.fixture(autouse=True)
    def mode(self, connector: Connector) -> None:
        Connector.objects.update(updates="updates")

    def test_what_is_asked(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says([])
        before = timezone.now()
        assert polled(connector) == 0
        asked = peer.asked[-1]
        assert (asked.method, asked.path) == ("GET", "/open311/v2/servicerequestupdates.json")
        assert asked.query["jurisdiction_id"] == ["b.example"]
        assert asked.query["api_key"] == ["key-of-roads"]
        begin, end = (datetime.fromisoformat(asked.query[name][0]) for name in ("start_date", "end_date"))
        connector.refresh_from_db()
        assert begin == (connector.created_at - timedelta(minutes=15)).replace(microsecond=0)
        assert before.replace(microsecond=0) <= end <= timezone.now()
        assert connector.polled_until is not None
        assert connector.polled_until >= before

    def test_a_text_is_a_comment_told_once(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says([update(), update("u-2", description="And left."), update()])
        assert polled(connector) == 2
        assert polled(connector) == 0
        assert history(forward.request) == [("commented", "", "A crew was there."), ("commented", "", "And left.")]
        event = Event.objects.filter(kind=EventKind.COMMENTED).first()
        assert event is not None
        assert event.actor is None
        assert event.audience == "public"

    @pytest.mark.parametrize("format", ["xml", "json"])
    def test_both_formats(self, connector: Connector, forward: Forward, peer: Peer, format: str) -> None:
        Connector.objects.update(format=format)
        fields = "".join(f"<{name}>{value or ''}</{name}>" for name, value in update(description="Ä &amp; B").items())
        root = "service_requests_updates"
        text = f"<{root}><request_update>{fields}</request_update></{root}>"
        peer.behaviour = says(text.encode() if format == "xml" else [update(description="Ä & B")])
        assert polled(connector) == 1
        assert history(forward.request) == [("commented", "", "Ä & B")]
        assert peer.asked[-1].path.endswith(f".{format}")

    def test_closed_there_is_resolved_here(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says([update(status="CLOSED", description="Filled.")])
        assert polled(connector) == 1
        assert history(forward.request) == [("status_changed", "resolved", "Filled.")]
        assert ServiceRequest.objects.get().resolution == "referred"

    def test_opened_again(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        force(forward.request, S.RESOLVED)
        peer.behaviour = says([update(description="It is back.")])
        assert polled(connector) == 1
        assert history(forward.request) == [("status_changed", "acknowledged", "It is back.")]

    def test_in_the_order_in_which_it_happened(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        first = update("u-1", status="closed", description="one", updated_datetime="2026-03-01T10:00:00Z")
        # Without a zone: the jurisdiction's, Chicago, so at 11:00 UTC.
        second = update("u-2", description="two", updated_datetime="2026-03-01T05:00:00")
        third = update("u-3", description="three", updated_datetime="2026-03-01T12:00:00+00:00")
        peer.behaviour = says([third, second, first])
        assert polled(connector) == 3
        assert [text for _, _, text in history(forward.request)] == ["one", "two", "three"]
        assert set(ReceivedUpdate.objects.values_list("at", flat=True)) == {
            datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (10, 11, 12)
        }

    def test_the_same_status_without_a_word_is_nothing(
        self, connector: Connector, forward: Forward, peer: Peer
    ) -> None:
        peer.behaviour = says([update(description=None)])
        assert polled(connector) == 0
        assert history(forward.request) == []

    def test_a_repeated_word_of_yesterday_changes_nothing(
        self, connector: Connector, forward: Forward, peer: Peer
    ) -> None:
        """Told again in the overlap, after our own people have opened it again."""
        peer.behaviour = says([update(status="closed")])
        polled(connector)
        force(forward.request, S.ACKNOWLEDGED)
        assert polled(connector) == 0
        assert ServiceRequest.objects.get().status == S.ACKNOWLEDGED

    @pytest.mark.parametrize(
        "strange",
        [
            {"service_request_id": "B-unknown"},
            {"service_request_id": None},
            {"status": None},
            {"status": "on the moon"},
            {"updated_datetime": None},
            {"updated_datetime": "soon"},
            {"updated_datetime": "0001-01-01T00:00:00+23:00"},
            {"updated_datetime": "9999-12-31T23:59:59-23:00"},
            {"update_id": None},
            {"update_id": "9" * 1000},
            {"description": "x" * 100_000},
            {"description": "a\0b"},
            {"description": {"a": 1}},
        ],
    )
    def test_strange_ones_keep_none_waiting(
        self, connector: Connector, forward: Forward, peer: Peer, strange: dict[str, Any]
    ) -> None:
        peer.behaviour = says([update(**strange), update("u-2", description="Plain.")])
        polled(connector)
        polled(connector)
        texts = [text for _, _, text in history(forward.request)]
        assert texts.count("Plain.") == 1
        assert len(texts) <= 2
        assert all(len(text) <= 4000 for text in texts)

    def test_one_of_theirs_may_be_two_of_ours(
        self, city: SmallCity, connector: Connector, forward: Forward, peer: Peer
    ) -> None:
        other = sent(in_line(city))
        assert other.remote_id == forward.remote_id == "B-1"
        peer.behaviour = says([update()])
        assert polled(connector) == 2
        assert history(other.request) == history(forward.request)

    def test_another_system_s_id_is_not_ours(self, city: SmallCity, connector: Connector, forward: Forward) -> None:
        other = Connector.objects.create(department=city.departments["parks"], kind="email", email="a@b.example")
        Forward.objects.update(connector=other)
        assert polling._forwards(connector, ["B-1"]) == {}

    def test_from_where_the_last_one_ended(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        until = timezone.now() - timedelta(hours=1)
        Connector.objects.update(polled_until=until)
        peer.behaviour = says([])
        polled(connector)
        begin = datetime.fromisoformat(peer.asked[-1].query["start_date"][0])
        assert begin == (until - timedelta(minutes=15)).replace(microsecond=0)

    @pytest.mark.parametrize("behaviour", [says(b"", 500), says(b"oh no"), says(b"", 403)])
    def test_after_a_failure_from_the_same_place(
        self, connector: Connector, forward: Forward, peer: Peer, behaviour: Callable[[Asked], Reply]
    ) -> None:
        until = timezone.now() - timedelta(hours=1)
        Connector.objects.update(polled_until=until)
        peer.behaviour = behaviour
        assert polled(connector) == 0
        connector.refresh_from_db()
        assert (connector.polled_until, connector.poll_failures) == (until, 1)
        assert connector.last_error
        assert connector.next_poll_at is not None
        assert connector.next_poll_at > timezone.now()
        peer.behaviour = says([update()])
        assert polled(connector) == 1
        connector.refresh_from_db()
        assert (connector.poll_failures, connector.last_error) == (0, "")

    def test_five_failures_are_an_alert(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says(b"", 500)
        before = alerts("connector_down")
        for _ in range(6):
            polled(connector)
        assert alerts("connector_down") == before + 1

    def test_a_long_time_goes_in_weeks(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        Connector.objects.update(polled_until=timezone.now() - timedelta(days=20))
        peer.behaviour = says([])
        peer.asked.clear()
        polled(connector)
        spans = [
            tuple(datetime.fromisoformat(asked.query[name][0]) for name in ("start_date", "end_date"))
            for asked in peer.asked
        ]
        assert len(spans) == 3
        assert all(end - begin <= timedelta(days=7) for begin, end in spans)
        assert [begin for begin, _ in spans[1:]] == [end for _, end in spans[:-1]]

    def test_an_answer_that_is_too_large_is_asked_for_in_parts(
        self, connector: Connector, forward: Forward, peer: Peer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("requests311.forwarding.georeport._LIST_BYTES", 1000)
        Connector.objects.update(polled_until=timezone.now() - timedelta(days=6))

        def answer(asked: Asked) -> Reply:
            begin, end = (datetime.fromisoformat(asked.query[name][0]) for name in ("start_date", "end_date"))
            return Reply(body=b"[]" if end - begin < timedelta(days=2) else b"[" + b" " * 2000 + b"]")

        peer.behaviour = answer
        polled(connector)
        connector.refresh_from_db()
        assert connector.poll_failures == 0
        assert connector.polled_until is not None
        assert timezone.now() - connector.polled_until < timedelta(minutes=1)

    def test_a_thousand_may_not_be_all(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        """Servers give the oldest thousand and no more."""
        start = timezone.now().replace(microsecond=0) - timedelta(days=1)
        Connector.objects.update(polled_until=start)
        every = [
            (start + timedelta(seconds=number), update(f"u-{number}", service_request_id="theirs"))
            for number in range(1500)
        ] + [(start + timedelta(seconds=1600), update("last"))]

        def answer(asked: Asked) -> Reply:
            begin = datetime.fromisoformat(asked.query["start_date"][0])
            found = [{**one, "updated_datetime": at.isoformat()} for at, one in every if at >= begin]
            return says(found[:1000])(asked)

        peer.behaviour = answer
        assert polled(connector) == 1

    def test_what_was_told_before_we_knew_the_id(
        self, city: SmallCity, connector: Connector, forward: Forward, peer: Peer
    ) -> None:
        """A token that takes days: its request is told of meanwhile, and we do not know that it is ours."""
        peer.behaviour = says([{"token": "t"}])
        late = sent(in_line(city))
        begun = timezone.now() - timedelta(days=3)
        Forward.objects.filter(pk=late.pk).update(created_at=begun, next_attempt_at=timezone.now())
        Connector.objects.update(polled_until=timezone.now())
        peer.behaviour = accepts("B-2")
        assert sent(late).state == "accepted"
        peer.behaviour = says([])
        polled(connector)
        assert datetime.fromisoformat(peer.asked[-1].query["start_date"][0]) < begun

    @pytest.mark.django_db(transaction=True)
    def test_one_at_a_time(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        seen: list[Sequence[int]] = [polling.connectors_to_poll()]

        def answer(asked: Asked) -> Reply:
            # While it is asked, it is in somebody's hands.
            try:
                seen.append(polling.connectors_to_poll())
            finally:
                connection.close()
            return Reply(body=b"[]")

        peer.behaviour = answer
        tasks.poll_connector(connector.pk)
        count = len(peer.asked)
        assert tasks.poll_connector(connector.pk) == 0
        assert len(peer.asked) == count
        assert seen == [[connector.pk], []]

    @pytest.mark.parametrize("off", [{"active": False}, {"updates": "none"}])
    def test_one_that_is_off(self, connector: Connector, forward: Forward, peer: Peer, off: dict[str, Any]) -> None:
        Connector.objects.update(**off)
        count = len(peer.asked)
        assert polling.connectors_to_poll() == []
        assert polled(connector) == 0
        assert len(peer.asked) == count


class TestRequests:
    @pytest.fixture(autouse=True)
    def mode(self, connector: Connector) -> None:
        Connector.objects.update(updates="requests")

    @staticmethod
    def entry(**fields: Any) -> dict[str, Any]:
        return {
            "service_request_id": "B-1",
            "status": "open",
            "status_notes": None,
            "updated_datetime": "2026-03-01T12:00:00Z",
            **fields,
        }

    def test_what_is_asked(self, city: SmallCity, connector: Connector, forward: Forward, peer: Peer) -> None:
        for number in range(2, 53):
            peer.behaviour = accepts(f"B-{number}")
            sent(in_line(city))
        peer.behaviour = says([])
        peer.asked.clear()
        polled(connector)
        assert {asked.path for asked in peer.asked} == {"/open311/v2/requests.json"}
        assert peer.asked[0].query["jurisdiction_id"] == ["b.example"]
        assert "api_key" not in peer.asked[0].query
        ids = [asked.query["service_request_id"][0].split(",") for asked in peer.asked]
        assert [len(some) for some in ids] == [50, 2]
        assert sorted(one for some in ids for one in some) == sorted(f"B-{number}" for number in range(1, 53))

    def test_nothing_to_ask(self, connector: Connector, peer: Peer) -> None:
        assert polled(connector) == 0
        assert not peer.asked

    def test_notes_and_status_each_once(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says([self.entry()])
        assert polled(connector) == 0
        peer.behaviour = says([self.entry(status_notes="Crew is out.", updated_datetime="2026-03-01T13:00:00Z")])
        assert polled(connector) == 1
        assert polled(connector) == 0
        peer.behaviour = says([self.entry(status_notes="Crew is out.", updated_datetime="2026-03-01T14:00:00Z")])
        assert polled(connector) == 0
        peer.behaviour = says(
            [self.entry(status="closed", status_notes="Filled.", updated_datetime="2026-03-01T15:00:00Z")]
        )
        assert polled(connector) == 1
        assert history(forward.request) == [
            ("commented", "", "Crew is out."),
            ("status_changed", "resolved", "Filled."),
        ]
        count = len(peer.asked)
        assert polled(connector) == 0
        assert len(peer.asked) == count, "what is closed there is asked after no more"

    def test_after_a_crash_between_both_writes(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says([self.entry(status_notes="Crew is out.")])
        assert polled(connector) == 1
        Forward.objects.update(remote_updated="", remote_notes="", checked_at=F("created_at"))
        assert polled(connector) == 0
        assert len(history(forward.request)) == 1

    def test_the_clock_alone_is_a_change_without_words(
        self, connector: Connector, forward: Forward, peer: Peer
    ) -> None:
        force(forward.request, S.RESOLVED)
        peer.behaviour = says([self.entry(updated_datetime="2026-03-02T12:00:00Z")])
        assert polled(connector) == 1
        assert history(forward.request) == [("status_changed", "acknowledged", "Reopened.")]

    def test_one_that_is_not_in_the_answer(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says([self.entry(service_request_id="B-9", status="closed")])
        assert polled(connector) == 0
        forward.refresh_from_db()
        assert forward.remote_status == "open"

    def test_a_failure(self, connector: Connector, forward: Forward, peer: Peer) -> None:
        peer.behaviour = says(b"", 500)
        assert polled(connector) == 0
        connector.refresh_from_db()
        assert connector.last_error == "The other side answered 500."
