"""What is over goes, in small batches; what is not stays, whoever asks the database to remove it."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from threading import Barrier
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils import timezone
from uuid_utils.compat import uuid7

from accounts.models import Session, User
from accounts.retention import remove_ended_sessions
from accounts.tokens import open_session
from notifications import retention as of_messages
from notifications.models import Delivery, Device, FcmKind, Message, Platform, State
from requests311 import offline
from requests311.announce import announce
from requests311.models import (
    Event,
    EventRemoval,
    Handover,
    Jurisdiction,
    Photo,
    Question,
    ServiceRequest,
    SyncedOperation,
    Webhook,
    WebhookDelivery,
)
from requests311.models.photo import PhotoState, originals, variants
from requests311.retention import history, photos, webhooks
from requests311.retention.run import retain
from requests311.retention.sweeps import Rows, Sweep, sweeps
from requests311.statuses import OPEN, Status
from requests311.tasks import retain as retain_task
from tests.factories.cities import SmallCity, small_city
from tests.factories.people import guest
from tests.requests311.reporting import force, photo, refused, report
from tests.requests311.test_plans import ID, analyze_all, indexes, multiply
from tests.requests311.webhooks.sent import webhook_of
from tests.waiting import one_behind_the_other

#: Of every city here.
DAYS = 30
MINUTE, WEEK = timedelta(minutes=1), timedelta(days=7)


def days(number: float) -> timedelta:
    return timedelta(days=number)


@pytest.fixture
def city(db: None) -> SmallCity:
    made = small_city()
    Jurisdiction.objects.update(keep_events_days=DAYS, keep_messages_days=DAYS)
    return made


def closed(city: SmallCity, ago: timedelta, status: Status = Status.CLOSED, events: int = 3) -> ServiceRequest:
    """A request that was closed that long ago, with so many events."""
    row = force(report(city, guest()), status)
    ServiceRequest.objects.filter(pk=row.pk).update(closed_at=timezone.now() - ago)
    Event.objects.bulk_create(
        Event(request=row, version=version, kind="status_changed", at=timezone.now() - ago)
        for version in range(2, events + 1)
    )
    row.refresh_from_db()
    return row


def remove(city: SmallCity, limit: int = 1000) -> int | None:
    return history.remove_old_events(jurisdiction_id=city.jurisdiction.pk, limit=limit)


class TestHistory:
    def test_of_what_was_closed_long_ago_goes_and_the_request_stays(self, city: SmallCity) -> None:
        old = closed(city, days(DAYS) + MINUTE)
        assert remove(city) == 3
        assert not Event.objects.exists()
        row = ServiceRequest.objects.get()
        assert row.history_removed_at is not None
        assert (row.version, row.updated_at, row.status) == (old.version, old.updated_at, Status.CLOSED)
        assert remove(city) is None

    @pytest.mark.parametrize("status", [Status.CLOSED, Status.REJECTED, Status.DUPLICATE, Status.WITHDRAWN])
    def test_every_end_counts(self, city: SmallCity, status: Status) -> None:
        closed(city, days(DAYS) + MINUTE, status)
        assert remove(city) == 3

    def test_a_minute_too_early_nothing_goes(self, city: SmallCity) -> None:
        closed(city, days(DAYS) - MINUTE)
        assert remove(city) is None
        assert Event.objects.count() == 3

    @pytest.mark.parametrize("status", sorted(OPEN | {Status.RESOLVED}))
    def test_of_what_is_open_stays_however_old(self, city: SmallCity, status: Status) -> None:
        row = force(report(city, guest()), status)
        ServiceRequest.objects.filter(pk=row.pk).update(submitted_at=timezone.now() - days(9999))
        assert remove(city) is None
        assert Event.objects.count() == 1

    def test_for_ever_is_for_ever(self, city: SmallCity) -> None:
        closed(city, days(9999))
        Jurisdiction.objects.update(keep_events_days=None)
        assert not [sweep for sweep in sweeps() if sweep.name.startswith("events")]
        assert remove(city) is None
        assert Event.objects.count() == 3

    def test_each_city_has_its_own_period(self, city: SmallCity) -> None:
        other = small_city("otherville", origin=(-90.0, 40.0))
        Jurisdiction.objects.filter(pk=other.jurisdiction.pk).update(keep_events_days=DAYS * 2)
        closed(city, days(DAYS + 1))
        stays = closed(other, days(DAYS + 1))
        retain()
        assert set(Event.objects.values_list("request", flat=True)) == {stays.pk}

    def test_a_batch_is_never_larger_than_asked_and_all_goes(self, city: SmallCity) -> None:
        for _ in range(3):
            closed(city, days(DAYS + 1), events=5)
        sizes = []
        while (removed := remove(city, limit=4)) is not None:
            sizes.append(removed)
        assert sum(sizes) == 15
        assert max(sizes) <= 4
        assert not ServiceRequest.objects.filter(history_removed_at=None).exists()

    def test_a_request_that_was_reopened_and_closed_again(self, city: SmallCity) -> None:
        row = closed(city, days(DAYS + 1))
        remove(city)
        ServiceRequest.objects.update(history_removed_at=timezone.now() - days(100))
        Event.objects.create(request=row, version=9, kind="status_changed", at=timezone.now())
        assert remove(city) == 1

    def test_what_somebody_holds_is_left_to_the_next_time(self, transactional_db: None) -> None:
        city = small_city()
        Jurisdiction.objects.update(keep_events_days=DAYS)
        held, free = closed(city, days(DAYS + 2)), closed(city, days(DAYS + 1))

        def in_another_transaction() -> int | None:
            try:
                return remove(city)
            finally:
                connection.close()

        with transaction.atomic(), ThreadPoolExecutor(1) as pool:
            ServiceRequest.objects.select_for_update().get(pk=held.pk)
            assert pool.submit(in_another_transaction).result() == 3
            assert not Event.objects.filter(request=free).exists()
        assert Event.objects.filter(request=held).count() == 3


class TestTheDatabaseRefuses:
    """Even what turns the setting on by itself."""

    def delete(self, *, setting: str | None) -> None:
        with connection.cursor() as cursor:
            if setting is not None:
                cursor.execute("SELECT set_config('requests311.retention', %s, true)", [setting])
            cursor.execute("DELETE FROM requests311_event")

    @pytest.mark.parametrize("setting", [None, "", "off", "true"])
    def test_without_the_setting(self, city: SmallCity, setting: str | None) -> None:
        closed(city, days(9999))
        with refused(DatabaseError) as info:
            self.delete(setting=setting)
        assert "append-only: DELETE refused" in str(info.value)

    @pytest.mark.parametrize("ago", [days(DAYS) - MINUTE, days(0)])
    def test_too_early(self, city: SmallCity, ago: timedelta) -> None:
        closed(city, ago)
        with refused(DatabaseError) as info:
            self.delete(setting="on")
        assert "keeps its history still" in str(info.value)

    def test_of_an_open_request(self, city: SmallCity) -> None:
        report(city, guest())
        with refused(DatabaseError) as info:
            self.delete(setting="on")
        assert "A request is open" in str(info.value)

    def test_of_a_city_that_keeps_for_ever(self, city: SmallCity) -> None:
        closed(city, days(9999))
        Jurisdiction.objects.update(keep_events_days=None)
        with refused(DatabaseError):
            self.delete(setting="on")

    def test_the_setting_does_not_outlive_a_batch(self, city: SmallCity) -> None:
        closed(city, days(DAYS + 1))
        assert remove(city) == 3
        closed(city, days(DAYS + 1))
        with refused(DatabaseError):
            self.delete(setting=None)

    def test_what_went_is_on_record_and_the_record_stays(self, city: SmallCity) -> None:
        closed(city, days(DAYS + 1), events=4)
        first, last = Event.objects.order_by("at").values_list("at", flat=True)[0], Event.objects.latest("at").at
        remove(city)
        removal = EventRemoval.objects.get()
        assert (removal.events, removal.first_at, removal.last_at) == (4, first, last)
        assert removal.role == connection.settings_dict["USER"]
        with refused(DatabaseError):
            EventRemoval.objects.all().delete()
        with refused(DatabaseError):
            EventRemoval.objects.update(events=1)


def message(ago: timedelta, *, sender: str = "smallville", devices: int = 1, ttl: timedelta = WEEK) -> Message:
    """A message that was written that long ago, delivered to so many phones."""
    owner = guest()
    row = Message.objects.create(
        recipient=owner, event_id=uuid7(), kind="request_closed", sender=sender, expires_at=timezone.now() + days(1)
    )
    Message.objects.filter(pk=row.pk).update(created_at=timezone.now() - ago, expires_at=timezone.now() - ago + ttl)
    for _ in range(devices):
        address = str(uuid7())
        device = Device.objects.create(
            owner=owner,
            installation_id=address,
            fcm_kind=FcmKind.TOKEN,
            fcm_value=address,
            platform=Platform.IOS,
        )
        Delivery.objects.create(message=row, device=device, state=State.SENT, sent_at=timezone.now() - ago)
    return row


def left(rows: Any) -> set[Any]:
    return set(rows.objects.values_list("pk", flat=True))


class TestMessages:
    def test_old_ones_go_with_their_deliveries(self, city: SmallCity) -> None:
        message(days(DAYS) + MINUTE, devices=2)
        kept = message(days(DAYS) - MINUTE)
        assert dict(retain().removed) == {"messages": 1, "deliveries": 2}
        assert left(Message) == {kept.pk}
        assert set(Delivery.objects.values_list("message", flat=True)) == {kept.pk}
        assert Device.objects.count() == 3

    def test_what_may_still_be_sent_stays_whatever_its_age(self, city: SmallCity) -> None:
        message(days(DAYS + 5), ttl=days(DAYS + 10))
        assert not retain().removed

    def test_for_ever(self, city: SmallCity) -> None:
        Jurisdiction.objects.update(keep_messages_days=None)
        message(days(9999))
        assert not retain().removed

    @pytest.mark.parametrize("sender", ["", "a-city-that-is-gone"])
    def test_in_the_name_of_no_city(self, city: SmallCity, settings: LazySettings, sender: str) -> None:
        settings.RETENTION_MESSAGES_DAYS = 50
        message(days(50) + MINUTE, sender=sender)
        kept = message(days(50) - MINUTE, sender=sender)
        retain()
        assert left(Message) == {kept.pk}

    def test_a_batch_is_never_larger_than_asked(self, city: SmallCity) -> None:
        for _ in range(4):
            message(days(DAYS + 1), devices=3)
        rounds = []
        while any(vars(removed := of_messages.remove_old(sender="smallville", days=DAYS, limit=5)).values()):
            rounds.append(removed)
        assert (sum(r.messages for r in rounds), sum(r.deliveries for r in rounds)) == (4, 12)
        assert max(max(r.messages, r.deliveries) for r in rounds) <= 5

    def test_senders_are_each_named_once(self, city: SmallCity) -> None:
        assert of_messages.senders() == []
        for sender in ("b", "a", "b", ""):
            message(days(1), sender=sender)
        assert of_messages.senders() == ["", "a", "b"]

    def test_an_announced_event_says_in_whose_name(self, city: SmallCity) -> None:
        report(city, guest())
        announce(Event.objects.get().pk)
        assert Message.objects.get().sender == "smallville"


class TestSessions:
    def test_over_or_revoked_long_enough(self, db: None, settings: LazySettings) -> None:
        settings.RETENTION_SESSIONS_DAYS = DAYS
        user = guest()
        changes: dict[str, dict[str, Any]] = {
            "open": {},
            "over": {"expires_at": timezone.now() - days(DAYS) - MINUTE},
            "just over": {"expires_at": timezone.now() - days(DAYS) + MINUTE},
            "revoked": {"revoked_at": timezone.now() - days(DAYS) - MINUTE},
            "just revoked": {"revoked_at": timezone.now() - days(DAYS) + MINUTE},
            "both": {
                "revoked_at": timezone.now() - days(DAYS + 1),
                "expires_at": timezone.now() - days(DAYS + 1),
            },
        }
        made = {}
        for name, change in changes.items():
            before = left(Session)
            open_session(user)
            [made[name]] = left(Session) - before
            Session.objects.filter(pk=made[name]).update(**change or {"epoch": F("epoch")})
        assert dict(retain().removed) == {"sessions": 3}
        assert left(Session) == {made["open"], made["just over"], made["just revoked"]}
        assert User.objects.count() == 1

    def test_batches(self, db: None) -> None:
        for _ in range(5):
            open_session(guest())
        Session.objects.update(expires_at=timezone.now() - days(DAYS + 1))
        assert [remove_ended_sessions(days=DAYS, limit=2) for _ in range(4)] == [2, 2, 1, 0]


def stored(ago: timedelta, **fields: Any) -> Photo:
    """A photo with its files, uploaded that long ago."""
    row = photo(guest())
    values: dict[str, Any] = {
        "original": originals().save(f"2026/01/01/{row.pk}.jpg", ContentFile(b"original")),
        "thumbnail": variants().save(f"{row.pk}/thumbnail.jpg", ContentFile(b"small")),
        "large": variants().save(f"{row.pk}/large.jpg", ContentFile(b"large")),
        "state": PhotoState.READY,
        "created_at": timezone.now() - ago,
        **fields,
    }
    Photo.objects.filter(pk=row.pk).update(**values)
    row.refresh_from_db()
    return row


def files(row: Photo) -> list[bool]:
    return [
        originals().exists(str(row.original)),
        variants().exists(f"{row.pk}/thumbnail.jpg"),
        variants().exists(f"{row.pk}/large.jpg"),
    ]


class TestPhotos:
    @pytest.fixture(autouse=True)
    def a_week(self, db: None, settings: LazySettings) -> None:
        settings.RETENTION_PHOTOS_DAYS = 7

    def test_never_reported_ones_go_with_their_files(self) -> None:
        old, young = stored(days(7) + MINUTE), stored(days(7) - MINUTE)
        assert dict(retain().removed) == {"photos": 1}
        assert left(Photo) == {young.pk}
        assert files(old) == [False, False, False]
        assert files(young) == [True, True, True]
        assert not variants().exists(str(old.pk))

    def test_a_reported_one_stays(self, city: SmallCity) -> None:
        row = stored(days(9999))
        Photo.objects.filter(pk=row.pk).update(request=report(city, guest()))
        retain()
        assert files(row) == [True, True, True]

    def test_variants_that_the_row_does_not_name_go_too(self) -> None:
        row = stored(days(8), thumbnail="", large="", state=PhotoState.PENDING)
        retain()
        assert files(row) == [False, False, False]

    def test_killed_between_files_and_row_it_cannot_be_reported_and_the_next_run_goes_on(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = stored(days(8))

        def killed(name: str) -> None:
            raise SystemExit

        with monkeypatch.context() as patched:
            patched.setattr(variants(), "delete", killed)
            with pytest.raises(SystemExit):
                photos.remove_unreported(limit=10)
        row.refresh_from_db()
        assert row.state == PhotoState.REJECTED
        assert files(row) == [False, True, True]
        assert row.uploaded_by_id is not None
        assert not Photo.objects.attach([row.pk], to=uuid7(), uploaded_by=row.uploaded_by_id)
        assert photos.remove_unreported(limit=10) == 1
        assert files(row) == [False, False, False]
        assert not left(Photo)

    def test_a_file_that_cannot_be_deleted_keeps_its_row_and_no_other(self, caplog: pytest.LogCaptureFixture) -> None:
        stuck, free = stored(days(9)), stored(days(8))
        # A folder that is not empty, where the file should be: the store refuses to delete it.
        originals().delete(str(stuck.original))
        originals().save(f"{stuck.original}/in-the-way", ContentFile(b""))
        outcome = retain()
        assert list(outcome.failed) == ["photos without a report"]
        assert left(Photo) == {stuck.pk}
        assert files(free) == [False, False, False]


class TestRun:
    def a_bit_of_everything(self, city: SmallCity) -> None:
        for _ in range(3):
            closed(city, days(DAYS + 1))
            message(days(DAYS + 1))
            stored(days(9999))
        open_session(guest())
        Session.objects.update(expires_at=timezone.now() - days(9999))

    def test_the_task_removes_all_of_it(self, city: SmallCity) -> None:
        self.a_bit_of_everything(city)
        retain_task()
        assert not (left(Event) | left(Message) | left(Delivery) | left(Photo) | left(Session))
        assert ServiceRequest.objects.count() == 3

    def test_without_time_it_says_what_is_left(self, city: SmallCity) -> None:
        self.a_bit_of_everything(city)
        outcome = retain(seconds=0)
        assert not outcome.removed
        assert outcome.left == [
            *("events of smallville", "messages of smallville", "sessions", "webhook deliveries"),
            *("what phones did offline", "photos without a report"),
        ]

    def test_every_kind_gets_its_turn(self, city: SmallCity) -> None:
        self.a_bit_of_everything(city)
        turns: list[str] = []
        retain(batch=1, told=lambda sweep, rows: turns.append(sweep.name))
        assert turns[:4] == ["events of smallville", "messages of smallville", "sessions", "photos without a report"]

    @pytest.mark.parametrize("batches", [1, 4, 7])
    def test_killed_in_between_the_next_run_goes_on(self, city: SmallCity, batches: int) -> None:
        """What the last batch did is done, what the next one would do is not; nothing is counted twice."""
        self.a_bit_of_everything(city)
        seen: list[Rows] = []

        def kill(sweep: Sweep, rows: Rows) -> None:
            seen.append(rows)
            if len(seen) == batches:
                raise SystemExit

        with pytest.raises(SystemExit):
            retain(batch=2, told=kill)
        rest = retain(batch=2).removed
        total = {table: sum(rows.get(table, 0) for rows in seen) + rest[table] for table in rest}
        everything = {"events": 9, "messages": 3, "deliveries": 3, "sessions": 1, "photos": 3}
        assert {table: everything[table] for table in total} == total
        assert not (left(Event) | left(Message) | left(Photo) | left(Session))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_runs_share_the_work(self) -> None:
        city = small_city()
        Jurisdiction.objects.update(keep_events_days=DAYS, keep_messages_days=DAYS)
        for _ in range(6):
            closed(city, days(DAYS + 1))
            message(days(DAYS + 1))
        start = Barrier(2)

        def run(_: int) -> dict[str, int]:
            try:
                start.wait(timeout=30)
                outcome = retain(batch=2)
                assert not outcome.failed
                return dict(outcome.removed)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(run, range(2)))
        # Whoever found the rest in the other's hands has left it; a run that is alone finds it.
        done.append(dict(retain(batch=2).removed))
        assert sum(one.get("events", 0) for one in done) == 18
        assert sum(one.get("messages", 0) for one in done) == 6
        assert sum(EventRemoval.objects.values_list("events", flat=True)) == 18

    def test_a_photo_that_is_reported_meanwhile_keeps_its_files(self) -> None:
        city = small_city()
        row = stored(days(9999), created_at=timezone.now() - days(9999))
        owner = row.uploaded_by
        assert owner is not None

        def reporting() -> Any:
            return report(city, owner, photos=[row.pk])

        first, second = one_behind_the_other(reporting, lambda: photos.remove_unreported(limit=10))
        assert first.result() is not None
        assert second.result() == 0
        row.refresh_from_db()
        assert row.request_id is not None
        assert (row.state, files(row)) == (PhotoState.READY, [True, True, True])


class Interrupting(StringIO):
    """A screen that presses Ctrl-C as soon as it has shown a batch."""

    def write(self, text: str) -> int:
        if "events" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def delivery(webhook: Webhook, ago: timedelta, **fields: Any) -> WebhookDelivery:
    return WebhookDelivery.objects.create(webhook=webhook, created_at=timezone.now() - ago, **fields)


class TestWebhookDeliveries:
    def test_what_is_over_goes_after_thirty_days(self, city: SmallCity) -> None:
        webhook = webhook_of(city)
        delivery(webhook, days(31), state="delivered", delivered_at=timezone.now())
        delivery(webhook, days(31), state="cancelled")
        kept = {
            delivery(webhook, days(29), state="delivered", delivered_at=timezone.now()),
            delivery(webhook, days(31)),
            delivery(webhook, days(31), state="dead", last_error="No."),
        }
        assert webhooks.count_old_deliveries() == 2
        assert retain().removed["webhook_deliveries"] == 2
        assert set(WebhookDelivery.objects.all()) == kept

    def test_batches(self, city: SmallCity) -> None:
        webhook = webhook_of(city)
        for _ in range(5):
            delivery(webhook, days(31), state="cancelled")
        assert [webhooks.remove_old_deliveries(limit=2) for _ in range(4)] == [2, 2, 1, 0]

    def test_a_deleted_webhook_goes_with_all_of_them(self, city: SmallCity) -> None:
        webhook, other = webhook_of(city), webhook_of(city)
        for state in ("dead", "cancelled"):
            delivery(webhook, days(0), state=state, last_error="No.")
        delivery(other, days(0))
        Webhook.objects.filter(pk=webhook.pk).update(active=False, secret="", deleted_at=timezone.now())
        assert webhooks.remove_old_deliveries(limit=1) == 1
        assert Webhook.objects.count() == 2
        retain()
        assert list(Webhook.objects.all()) == [other]
        assert WebhookDelivery.objects.get().webhook == other

    def test_history_takes_its_deliveries_along(self, city: SmallCity) -> None:
        webhook = webhook_of(city)
        closed(city, days(DAYS + 1))
        for event in Event.objects.all():
            delivery(webhook, days(DAYS + 1), event=event, state="dead", last_error="No.")
        ping = delivery(webhook, days(1), state="dead", last_error="No.")
        assert remove(city) == 3
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert WebhookDelivery.objects.get() == ping


class TestSyncedOperations:
    def test_what_phones_did_offline_is_forgotten_after_ninety_days(self, city: SmallCity) -> None:
        user = guest()
        for age in (0, 89, 91, 92):
            SyncedOperation.objects.create(
                user=user, operation=str(age), fingerprint="f", result={}, at=timezone.now() - days(age)
            )
        [sweep] = [sweep for sweep in sweeps() if sweep.name == "what phones did offline"]
        assert sweep.count() == {"synced_operations": 2}
        assert retain(batch=1).removed["synced_operations"] == 2
        assert set(SyncedOperation.objects.values_list("operation", flat=True)) == {"0", "89"}

    def test_what_was_asked_and_handed_over_stays_with_its_request(self, city: SmallCity) -> None:
        row = closed(city, days(DAYS + 1))
        past, over = timezone.now() - days(400), timezone.now() - days(399)
        Question.objects.create(request=row, text="Which side?", asked_at=past, expires_at=over, state="unanswered")
        Handover.objects.create(request=row, email="a@contractor.example", at=past, expires_at=over)
        retain()
        assert (Event.objects.count(), Question.objects.count(), Handover.objects.count()) == (0, 1, 1)

    def test_batches(self, city: SmallCity) -> None:
        user = guest()
        for age in (91, 92, 93):
            SyncedOperation.objects.create(
                user=user, operation=str(age), fingerprint="f", result={}, at=timezone.now() - days(age)
            )
        assert [offline.forget_old(limit=2) for _ in range(3)] == [2, 1, 0]


class TestCommand:
    def run(self, *arguments: str, stderr: StringIO | None = None) -> str:
        out = StringIO()
        call_command("retain", *arguments, stdout=out, stderr=stderr or StringIO())
        return out.getvalue()

    def test_a_dry_run_counts_and_removes_nothing(self, city: SmallCity) -> None:
        closed(city, days(DAYS + 1))
        message(days(DAYS + 1), devices=2)
        said = self.run("--dry-run")
        assert "events of smallville: 3 events\n" in said
        assert "messages of smallville: 1 messages, 2 deliveries\n" in said
        assert "3 events, 1 messages, 2 deliveries would be removed; nothing was (dry run)." in said
        assert (Event.objects.count(), Message.objects.count(), EventRemoval.objects.count()) == (3, 1, 0)

    def test_says_what_it_removed(self, city: SmallCity) -> None:
        closed(city, days(DAYS + 1))
        assert self.run() == "Removed 3 events.\n"
        assert self.run() == "Removed nothing.\n"

    def test_ctrl_c_ends_after_the_batch(self, city: SmallCity) -> None:
        for _ in range(4):
            closed(city, days(DAYS + 1))
        before = signal.getsignal(signal.SIGINT)
        with pytest.raises(CommandError) as info:
            self.run("--batch", "3", stderr=Interrupting())
        assert info.value.returncode == 130
        assert "not finished: events of smallville" in str(info.value)
        assert Event.objects.count() == 9
        assert signal.getsignal(signal.SIGINT) == before
        assert self.run() == "Removed 9 events.\n"

    def test_a_part_that_fails_is_said(self, city: SmallCity) -> None:
        closed(city, days(DAYS + 1))
        stuck = stored(days(9999))
        originals().delete(str(stuck.original))
        originals().save(f"{stuck.original}/in-the-way", ContentFile(b""))
        errors = StringIO()
        with pytest.raises(CommandError) as info:
            self.run(stderr=errors)
        assert info.value.returncode == 1
        assert "photos without a report: OSError" in errors.getvalue()
        assert not Event.objects.exists()

    @pytest.mark.parametrize("size", ["0", "-1", "many", "10001"])
    def test_a_batch_has_a_size(self, db: None, size: str) -> None:
        with pytest.raises(CommandError, match="is not a whole number from 1 to 10000"):
            self.run("--batch", size)


class TestPlans:
    """On tables where most rows are kept: each batch comes by an index, without a sort of the table."""

    def explained(self, work: Callable[[], object], table: str) -> set[str]:
        found: set[str] = set()
        statements: list[tuple[str, Any]] = []

        def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            if table in sql:
                statements.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            work()
        assert statements
        with transaction.atomic():
            for sql, params in statements:
                found |= indexes(sql, params, table)
        return found

    def test_requests_and_events(self, city: SmallCity) -> None:
        report(city, guest())
        old = "CASE WHEN i %% 50 = 0 THEN now() - interval '99 days' WHEN i %% 3 = 0 THEN now() {} END"
        multiply(
            ServiceRequest,
            id=ID,
            number="'N' || lpad(i::text, 8, '0')",
            status="CASE WHEN i %% 50 = 0 OR i %% 3 = 0 THEN 'closed' ELSE 'submitted' END",
            closed_at=old.format("ELSE NULL"),
            reporter_id="NULL",
            client_id="NULL",
        )
        multiply(Event, id=ID, request_id=ID)
        found = self.explained(lambda: remove(city, limit=10), "requests311_servicerequest")
        assert "request_history_kept" in found
        found = self.explained(lambda: remove(city, limit=10), "requests311_event")
        assert any(name.startswith(("event_one_per_version", "requests311_event_request_id")) for name in found)

    def test_messages_and_deliveries(self, city: SmallCity) -> None:
        message(days(1))
        multiply(
            Message,
            id=ID,
            event_id=ID,
            created_at="now() - make_interval(days => CASE WHEN i %% 50 = 0 THEN 99 ELSE 1 END)",
            expires_at="now() - interval '1 hour'",
        )
        multiply(Delivery, id=ID, message_id=ID)

        def work() -> object:
            return of_messages.remove_old(sender="smallville", days=DAYS, limit=10)

        assert "message_age_of_sender" in self.explained(work, "notifications_message")
        found = self.explained(work, "notifications_delivery")
        assert found & {"delivery_once_per_device", "notifications_delivery_pkey"}

    def test_sessions(self, db: None) -> None:
        open_session(guest())
        multiply(
            Session,
            id=ID,
            expires_at="CASE WHEN i %% 50 = 0 THEN now() - interval '99 days' ELSE expires_at END",
            revoked_at="CASE WHEN i %% 70 = 0 THEN now() - interval '99 days' END",
        )
        found = self.explained(lambda: remove_ended_sessions(days=DAYS, limit=10), "accounts_session")
        assert "session_expires_at" in found
        Session.objects.filter(expires_at__lt=timezone.now()).delete()
        found = self.explained(lambda: remove_ended_sessions(days=DAYS, limit=10), "accounts_session")
        assert "session_revoked_at" in found

    def test_webhook_deliveries(self, city: SmallCity) -> None:
        hooks = [webhook_of(city) for _ in range(50)]
        delivery(hooks[0], days(1), state="delivered", delivered_at=timezone.now())
        multiply(
            WebhookDelivery,
            id=ID,
            webhook_id="(SELECT id FROM requests311_webhook ORDER BY id OFFSET (i %% 47) LIMIT 1)",
            created_at="now() - make_interval(days => CASE WHEN i %% 50 = 0 THEN 99 ELSE 1 END)",
        )
        analyze_all()
        found = self.explained(lambda: webhooks.remove_old_deliveries(limit=10), "requests311_webhookdelivery")
        assert "webhook_delivery_over" in found

    def test_photos(self, city: SmallCity, settings: LazySettings) -> None:
        photo(guest())
        row = report(city, guest())
        multiply(
            Photo,
            id=ID,
            request_id=f"CASE WHEN i %% 50 = 0 THEN NULL ELSE '{row.pk}'::uuid END",
            created_at="now() - interval '99 days'",
        )
        found = self.explained(lambda: photos.remove_unreported(limit=10), "requests311_photo")
        assert "photo_unreported" in found
