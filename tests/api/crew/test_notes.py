"""POST /requests/{key}/notes and …/comments, PATCH …/events/{event_id}, POST …/events/{event_id}/redaction"""

from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from requests311.models import Event, Photo
from requests311.photos import variants
from tests.api.asking import API, refused, submitted, uploaded
from tests.api.crew.asking import call, done, events, status_of
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

TEXT = "The gate is locked."


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city)


@pytest.fixture
def parks(city: SmallCity) -> APIClient:
    return signed_in(person(role="crew", city=city, department="parks"))


def written(client: APIClient, made: dict[str, Any], what: str = "comments", **more: Any) -> str:
    """Writes; the event's id."""
    done(client, made["id"], what, {"text": TEXT, **more})
    return str(Event.objects.order_by("-version")[0].pk)


def shown(client: APIClient, made: dict[str, Any], event: str) -> dict[str, Any] | None:
    return next((one for one in events(client, made["id"]) if one["id"] == event), None)


@pytest.mark.parametrize("what", ["notes", "comments"])
class TestWriting:
    def test_the_answer_is_the_request_now(self, crew: APIClient, made: dict[str, Any], what: str) -> None:
        now = done(crew, made["number"], what, {"text": TEXT})
        assert (now["id"], now["status"], now["version"]) == (made["id"], "submitted", 2)

    def test_who_reads_it(
        self, client: APIClient, phone: APIClient, crew: APIClient, dispatcher: APIClient, parks: APIClient,
        made: dict[str, Any], what: str,
    ) -> None:  # fmt: skip
        event = written(crew, made, what)
        for reader, staff in ((crew, True), (dispatcher, True), (phone, False), (parks, False), (client, False)):
            one = shown(reader, made, event)
            if what == "notes" and not staff:
                assert one is None
                continue
            assert one is not None
            assert (one["text"], one["edited_at"], one["redacted"]) == (TEXT, None, False)
            assert ("actor" in one) is staff

    def test_who_sees_its_photos(
        self, client: APIClient, phone: APIClient, crew: APIClient, dispatcher: APIClient, parks: APIClient,
        made: dict[str, Any], what: str,
    ) -> None:  # fmt: skip
        photo = uploaded(crew)
        event = written(crew, made, what, photos=[photo])
        variants.process(Photo.objects.get().pk)
        for reader, staff in ((crew, True), (dispatcher, True), (phone, False), (parks, False), (client, False)):
            may = staff or what == "comments"
            document = reader.get(f"{API}/requests/{made['id']}").json()
            assert [one["id"] for one in document["photos"]] == ([photo] if may else [])
            for path in ("", "/thumbnail", "/large"):
                assert status_of(reader, f"{API}/photos/{photo}{path}") == (200 if may else 404), path
            one = shown(reader, made, event)
            assert (one["photos"] if one else []) == ([photo] if may else [])

    def test_what_is_refused(
        self, client: APIClient, crew: APIClient, parks: APIClient, made: dict[str, Any], what: str
    ) -> None:
        key = made["id"]
        refused(call(crew, key, what, {}), 422, "invalid", "/text")
        refused(call(crew, key, what, {"text": " "}), 422, "invalid", "/text")
        refused(call(crew, key, what, {"text": TEXT, "audience": "x"}), 422, "invalid", "/audience")
        refused(call(crew, key, what, {"text": TEXT, "photos": [str(uuid4())]}), 422, "invalid", "/photos/0")
        refused(call(crew, key, what, {"text": "@nobody@city.example look"}), 422, "invalid", "/text")
        refused(call(crew, key, what, {"text": TEXT}, tag=None), 428, "if_match_required")
        refused(call(crew, key, what, {"text": TEXT}, tag='"7-00000000"'), 412, "stale_version")
        refused(call(client, key, what, {"text": TEXT}), 401)
        refused(call(parks, key, what, {"text": TEXT}), 403, "not_allowed")
        refused(call(crew, str(uuid4()), what, {"text": TEXT}, tag='"1-00000000"'), 404, "not_found")


def test_a_reporter_comments_and_writes_no_note(phone: APIClient, made: dict[str, Any]) -> None:
    done(phone, made["id"], "comments", {"text": "@ana@city.example it grows."})
    refused(call(phone, made["id"], "notes", {"text": TEXT}), 403, "not_allowed")


class TestMending:
    def test_ones_own(self, client: APIClient, crew: APIClient, made: dict[str, Any]) -> None:
        event = written(crew, made)
        done(crew, made["id"], f"events/{event}", {"text": "The gate is open."}, method="patch", status=200)
        one = shown(client, made, event)
        assert one is not None
        assert (one["text"], one["redacted"]) == ("The gate is open.", False)
        assert one["edited_at"] is not None

    def test_what_is_refused(
        self, client: APIClient, crew: APIClient, dispatcher: APIClient, parks: APIClient, made: dict[str, Any]
    ) -> None:
        event, body = f"events/{written(crew, made)}", {"text": "No."}

        def mend(by: APIClient, path: str = event, said: Any = body, **more: Any) -> Any:
            return call(by, made["id"], path, said, method="patch", **more)

        refused(mend(dispatcher), 409, "cannot_revise")
        refused(mend(parks), 403, "not_allowed")
        refused(mend(client), 401)
        refused(mend(crew, said={}), 422, "invalid", "/text")
        refused(mend(crew, tag=None), 428, "if_match_required")
        refused(mend(crew, tag='"7-00000000"'), 412, "stale_version")
        refused(mend(crew, f"events/{uuid4()}"), 404, "not_found")


class TestRedacting:
    def test_the_text_is_gone_for_everybody(
        self, client: APIClient, phone: APIClient, crew: APIClient, dispatcher: APIClient, made: dict[str, Any]
    ) -> None:
        event = written(crew, made)
        reason = {"reason": "Names a neighbour."}
        done(dispatcher, made["id"], f"events/{event}/redaction", reason, status=200)
        for reader in (client, phone, crew, dispatcher):
            one = shown(reader, made, event)
            assert one is not None
            assert (one["text"], one["redacted"]) == ("Names a neighbour.", True)
            assert TEXT not in str(events(reader, made["id"]))
        refused(call(dispatcher, made["id"], f"events/{event}/redaction", reason), 409, "cannot_revise")
        said = {"text": TEXT}
        refused(call(crew, made["id"], f"events/{event}", said, method="patch"), 409, "cannot_revise")

    def test_what_is_refused(
        self, client: APIClient, phone: APIClient, crew: APIClient, dispatcher: APIClient, made: dict[str, Any]
    ) -> None:
        path, reason = f"events/{written(crew, made)}/redaction", {"reason": "Rude."}
        for by in (crew, phone):
            refused(call(by, made["id"], path, reason), 403, "not_allowed")
        refused(call(client, made["id"], path, reason), 401)
        refused(call(dispatcher, made["id"], path, {}), 422, "invalid", "/reason")
        refused(call(dispatcher, made["id"], path, reason, tag=None), 428, "if_match_required")
        refused(call(dispatcher, made["id"], path, reason, tag='"7-00000000"'), 412, "stale_version")
        refused(call(dispatcher, made["id"], f"events/{uuid4()}/redaction", reason), 404, "not_found")
