"""POST /requests/{key}/questions, GET /questions/{token} and POST /questions/{token}/answer"""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from notifications.models import Message
from requests311 import links
from requests311.announce import announce
from requests311.models import Event, Photo, Question, ServiceRequest
from requests311.photos import variants
from tests.api.asking import API, refused, submitted, uploaded
from tests.api.crew.asking import by_link, call, done, events, status_of
from tests.factories.cities import SmallCity, person
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

TEXT = "On the lane or beside it?"
ANSWER = "On the lane, by the tree."
OPEN311 = "/open311/v2"


@pytest.fixture
def made(phone: APIClient, city: SmallCity) -> dict[str, Any]:
    return submitted(phone, city, contact={"name": "Ada", "email": "ada@mail.example"})


@pytest.fixture
def token(crew: APIClient, made: dict[str, Any]) -> str:
    done(crew, made["id"], "questions", {"text": TEXT})
    return links.token_for(links.Purpose.ANSWER, Question.objects.get().pk)


def answer(client: APIClient, token: str, **more: Any) -> Any:
    return by_link(client, f"questions/{token}/answer", {"text": ANSWER, **more})


class TestAsking:
    def test_the_answer_is_the_request_now(self, crew: APIClient, made: dict[str, Any]) -> None:
        now = done(crew, made["number"], "questions", {"text": TEXT})
        assert (now["status"], now["version"], now["hold_reason"]) == ("on_hold", 2, "reporter")

    def test_the_reporter_reads_it_and_staff_does_and_nobody_else(
        self, client: APIClient, phone: APIClient, crew: APIClient, stranger: APIClient, city: SmallCity,
        made: dict[str, Any], token: str,
    ) -> None:  # fmt: skip
        document = phone.get(f"{API}/requests/{made['id']}").json()
        question = Question.objects.get()
        assert (document["question"]["id"], document["question"]["text"]) == (str(question.pk), TEXT)
        answer(client, token)
        assert phone.get(f"{API}/requests/{made['id']}").json()["question"] is None
        for reader in (phone, crew):
            texts = {event["type"]: event["text"] for event in events(reader, made["id"])}
            assert (texts["asked"], texts["answered"]) == (TEXT, ANSWER)
        parks = signed_in(person(role="crew", city=city, department="parks"))
        for reader in (client, stranger, parks):
            texts = {event["type"]: event["text"] for event in events(reader, made["id"])}
            assert (texts["asked"], texts["answered"]) == ("", "")
            assert TEXT not in reader.get(f"{API}/requests/{made['id']}").content.decode()
        for path in (
            f"requests/{made['number']}.json?extensions=true",
            f"requests/{made['number']}.xml?extensions=true",
            "requests.json?jurisdiction_id=smallville",
            "servicerequestupdates.json?jurisdiction_id=smallville",
        ):
            response: Any = client.get(f"{OPEN311}/{path}", follow=True)
            assert response.status_code == 200, (path, response.content)
            text = b"".join(response.streaming_content) if response.streaming else response.content
            assert made["number"] in text.decode()
            assert TEXT not in text.decode()
            assert ANSWER not in text.decode()

    def test_what_is_refused(self, client: APIClient, phone: APIClient, crew: APIClient, made: dict[str, Any]) -> None:
        key = made["id"]
        refused(call(crew, key, "questions", {}), 422, "invalid", "/text")
        refused(call(crew, key, "questions", {"text": TEXT, "to": "x"}), 422, "invalid", "/to")
        refused(call(crew, key, "questions", {"text": TEXT}, tag=None), 428, "if_match_required")
        refused(call(crew, key, "questions", {"text": TEXT}, tag='"9-00000000"'), 412, "stale_version")
        refused(call(client, key, "questions", {"text": TEXT}), 401)
        refused(call(phone, key, "questions", {"text": TEXT}), 403, "not_allowed")
        done(crew, key, "questions", {"text": TEXT})
        refused(call(crew, key, "questions", {"text": TEXT}), 409, "question_pending")

    def test_nobody_to_ask(self, crew: APIClient, made: dict[str, Any]) -> None:
        ServiceRequest.objects.update(reporter=None, contact={"name": "Ada"})
        refused(call(crew, made["id"], "questions", {"text": TEXT}), 409, "nobody_to_ask")

    def test_an_address_is_written_to(self, crew: APIClient, client: APIClient, made: dict[str, Any]) -> None:
        ServiceRequest.objects.update(reporter=None)
        done(crew, made["id"], "questions", {"text": TEXT})
        announce(Event.objects.get(kind="asked").pk)
        message = Message.objects.get(kind="question_link")
        assert message.address == "ada@mail.example"
        page = message.context["link"][message.context["link"].index("/api/") :]
        assert client.get(page).json()["text"] == TEXT
        assert client.post(f"{page}/answer", {"text": ANSWER}, format="json").status_code == 200


class TestReading:
    def test_what_the_link_shows(self, client: APIClient, made: dict[str, Any], token: str) -> None:
        response = client.get(f"{API}/questions/{token}")
        assert response.status_code == 200
        shown = response.json()
        assert (shown["number"], shown["service_name"], shown["jurisdiction"]) == (
            made["number"],
            "Pothole",
            "Smallville",
        )
        assert (shown["text"], shown["answered"]) == (TEXT, False)
        assert (response["Cache-Control"], response["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert "ada" not in response.content.decode().lower()
        answer(client, token)
        assert client.get(f"{API}/questions/{token}").json()["answered"] is True

    def test_a_token_that_is_not_ours(self, client: APIClient, token: str) -> None:
        question = Question.objects.get().pk
        for wrong in (token[:-1], str(question), links.token_for(links.Purpose.HANDOVER, question)):
            refused(client.get(f"{API}/questions/{wrong}"), 404, "not_found")


class TestAnswering:
    def test_by_the_link_alone(self, client: APIClient, made: dict[str, Any], token: str) -> None:
        response = answer(client, token)
        assert response.status_code == 200
        assert response.json() == {"number": made["number"], "status": "acknowledged"}
        assert response["Cache-Control"] == "no-store"
        refused(answer(client, token), 409, "answered_already")

    def test_by_the_reporter_signed_in(self, phone: APIClient, made: dict[str, Any], token: str) -> None:
        question = phone.get(f"{API}/requests/{made['id']}").json()["question"]["id"]
        assert answer(phone, question).status_code == 200
        refused(answer(phone, question), 409, "answered_already")

    def test_not_by_a_stranger(self, client: APIClient, stranger: APIClient, crew: APIClient, token: str) -> None:
        question = str(Question.objects.get().pk)
        for other in (client, stranger, crew):
            refused(answer(other, question), 404, "not_found")
        for wrong in (token[:-1], links.token_for(links.Purpose.HANDOVER, Question.objects.get().pk)):
            refused(answer(client, wrong), 404, "not_found")

    def test_too_late(self, client: APIClient, token: str) -> None:
        Question.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        refused(answer(client, token), 410, "link_over")

    def test_wrong_input(self, client: APIClient, token: str) -> None:
        refused(client.post(f"{API}/questions/{token}/answer", {}, format="json"), 422, "invalid", "/text")
        refused(answer(client, token, photos=["x"]), 422, "invalid", "/photos/0")
        refused(answer(client, token, name="x"), 422, "invalid", "/name")

    def test_with_a_guests_photos(
        self, client: APIClient, phone: APIClient, crew: APIClient, stranger: APIClient, made: dict[str, Any],
        token: str,
    ) -> None:  # fmt: skip
        guest = signed_in(person())
        photo = uploaded(guest)
        refused(answer(client, token, photos=[photo]), 422, "invalid", "/photos/0")
        assert answer(guest, token, photos=[photo]).status_code == 200
        variants.process(Photo.objects.get().pk)
        for reader, may in ((crew, True), (phone, True), (guest, True), (stranger, False), (client, False)):
            status = 200 if may else 404
            assert status_of(reader, f"{API}/photos/{photo}") == status
            for variant in ("thumbnail", "large"):
                assert status_of(reader, f"{API}/photos/{photo}/{variant}") == status
            if reader is guest:
                continue
            shown = [one["id"] for one in reader.get(f"{API}/requests/{made['id']}").json()["photos"]]
            assert shown == ([photo] if may else [])
            of_event = [one["photos"] for one in events(reader, made["id"]) if one["type"] == "answered"]
            assert of_event == [[photo] if may else []]
