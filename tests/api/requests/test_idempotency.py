"""POST /requests as often as the network needs: Idempotency-Key and client_id."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tokens import open_session
from api import idempotency
from api.models import IdempotencyKey
from requests311.models import Event, Photo, ServiceRequest
from tests.api.asking import API, in_parallel, move, refused, report, submit, submitted, uploaded
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in


@pytest.mark.django_db
class TestKey:
    def test_the_first_answer_comes_again(self, phone: APIClient, city: SmallCity) -> None:
        first = submit(phone, report(city), key="k")
        again = submit(phone, report(city), key="k")

        assert (again.status_code, again.content) == (201, first.content)
        assert again["ETag"] == first["ETag"]
        assert again["Location"] == first["Location"]
        assert again["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first
        assert ServiceRequest.objects.count() == Event.objects.count() == 1

    def test_it_is_the_first_answer_even_when_the_request_has_moved_on(
        self, phone: APIClient, crew: APIClient, city: SmallCity
    ) -> None:
        first = submit(phone, report(city), key="k")
        assert move(crew, first.json()["id"], {"to": "acknowledged"}, first["ETag"]).status_code == 200
        assert submit(phone, report(city), key="k").content == first.content

    def test_with_a_photo_it_comes_again(self, phone: APIClient, city: SmallCity) -> None:
        body = report(city, photos=[uploaded(phone)])
        first = submit(phone, body, key="k")
        assert submit(phone, body, key="k").content == first.content

    def test_another_body_is_refused(self, phone: APIClient, city: SmallCity) -> None:
        submit(phone, report(city), key="k")
        refused(submit(phone, report(city, description="Other."), key="k"), 422, "idempotency_key_reused")
        assert ServiceRequest.objects.count() == 1

    def test_another_persons_key_is_another_key(self, phone: APIClient, stranger: APIClient, city: SmallCity) -> None:
        first = submit(phone, report(city, contact={"name": "Ada"}), key="k").json()
        second = submit(stranger, report(city, contact={"name": "Ada"}), key="k")
        assert second.status_code == 201
        assert second.json()["id"] != first["id"]
        assert "Idempotent-Replayed" not in second

    def test_a_refusal_does_not_use_it_up(self, phone: APIClient, city: SmallCity) -> None:
        for wrong in ({"service": "volcano"}, {"status": "closed"}, {"photos": ["x"]}):
            assert submit(phone, report(city, **wrong), key="k").status_code == 422
        assert not IdempotencyKey.objects.exists()
        assert submit(phone, report(city), key="k").status_code == 201

    def test_after_its_day_it_is_free(self, phone: APIClient, city: SmallCity, settings: LazySettings) -> None:
        first = submit(phone, report(city), key="old").json()
        submit(phone, report(city), key="young")
        IdempotencyKey.objects.filter(key="old").update(
            created_at=timezone.now() - settings.IDEMPOTENCY_KEY_LIFETIME - timedelta(seconds=1)
        )
        assert idempotency.forget_expired() == 1
        assert submit(phone, report(city), key="old").json()["id"] != first["id"]

    @pytest.mark.parametrize("key", ["k" * 201, "a\x7fb", "a\tb", "\u0085", "schlüssel"])
    def test_a_key_that_cannot_be_kept(self, phone: APIClient, city: SmallCity, key: str) -> None:
        refused(submit(phone, report(city), key=key), 400, "idempotency_key_invalid")
        assert not ServiceRequest.objects.exists()

    @pytest.mark.parametrize("key", ["k" * 200, "'; DROP TABLE", "%s"])
    def test_a_strange_key_is_a_key(self, phone: APIClient, city: SmallCity, key: str) -> None:
        first = submit(phone, report(city), key=key)
        assert first.status_code == 201
        assert submit(phone, report(city), key=key).content == first.content


@pytest.mark.django_db
class TestClientId:
    def test_the_same_one_gives_the_same_request(self, phone: APIClient, city: SmallCity) -> None:
        first = submitted(phone, city, client_id="c")
        again = submit(phone, report(city, client_id="c", description="Sent again, edited."))
        assert again.status_code == 200
        assert again.json() == first
        assert ServiceRequest.objects.count() == Event.objects.count() == 1

    def test_with_another_key_and_its_photos_too(self, phone: APIClient, city: SmallCity) -> None:
        """A phone that lost the answer and its memory of the key."""
        body = report(city, client_id="c", photos=[uploaded(phone)])
        first, again = submit(phone, body, key="1"), submit(phone, body, key="2")
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()

    def test_a_new_photo_stays_free(self, phone: APIClient, city: SmallCity) -> None:
        submitted(phone, city, client_id="c")
        late = uploaded(phone)
        assert submit(phone, report(city, client_id="c", photos=[late])).status_code == 200
        assert Photo.objects.get(pk=late).request_id is None

    def test_another_persons_is_another_request(self, phone: APIClient, stranger: APIClient, city: SmallCity) -> None:
        first = submitted(phone, city, client_id="c")
        assert submitted(stranger, city, client_id="c")["id"] != first["id"]


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def parallel(self, bodies: list[tuple[Any, str | None]], user: Any) -> list[Any]:
        access = f"Bearer {open_session(user).access}"

        def post(body: Any, key: str | None) -> Any:
            client = APIClient()
            client.credentials(HTTP_AUTHORIZATION=access)
            return submit(client, body, key)

        return in_parallel([lambda b=body, k=key: post(b, k) for body, key in bodies])  # type: ignore[misc]

    def test_twenty_with_one_key_make_one_request(self) -> None:
        city, user = small_city(), person()
        body = report(city, photos=[uploaded(signed_in(user))], description="Deep.")

        answers = self.parallel([(body, "k")] * 20, user)

        assert ServiceRequest.objects.count() == Event.objects.count() == 1
        taken = [answer for answer in answers if answer.status_code == 201]
        assert taken
        assert len({answer.content for answer in taken}) == 1
        assert sum("Idempotent-Replayed" not in answer for answer in taken) == 1
        for answer in answers:
            if answer not in taken:
                refused(answer, 409, "still_running")
                assert int(answer["Retry-After"]) > 0

    def test_twenty_with_one_client_id_make_one_request(self) -> None:
        city, user = small_city(), person()
        answers = self.parallel([(report(city, client_id="c"), None)] * 20, user)

        assert ServiceRequest.objects.count() == Event.objects.count() == 1
        assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1

    def test_one_photo_in_ten_reports_is_in_one(self) -> None:
        city, user = small_city(), person()
        body = report(city, photos=[uploaded(signed_in(user))])
        answers = self.parallel([(body, f"k{number}") for number in range(10)], user)

        assert sorted(answer.status_code for answer in answers) == [201] + [422] * 9
        assert ServiceRequest.objects.count() == 1

    def test_a_crash_after_commit_loses_only_the_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The process dies between COMMIT and the answer; the phone sends its report again."""
        city, user = small_city(), person()
        once = idempotency.once

        def dies(*arguments: Any) -> Any:
            once(*arguments)
            raise SystemExit("killed")

        phone = signed_in(user)
        with monkeypatch.context() as patch:
            patch.setattr("api.requests.views.once", dies)
            with pytest.raises(SystemExit):
                submit(phone, report(city), key="k")
        made = ServiceRequest.objects.get()

        again = submit(signed_in(user), report(city), key="k")
        assert again.status_code == 201
        assert again.json()["id"] == str(made.pk)
        assert ServiceRequest.objects.count() == 1

    def test_a_crash_before_commit_leaves_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        city, user = small_city(), person()

        def dies(*arguments: Any) -> Any:
            raise SystemExit("killed")

        phone = signed_in(user)
        with monkeypatch.context() as patch:
            patch.setattr("api.idempotency._keep", dies)
            with pytest.raises(SystemExit):
                submit(phone, report(city), key="k")
        assert not ServiceRequest.objects.exists()
        assert not IdempotencyKey.objects.exists()
        assert submit(signed_in(user), report(city), key="k").status_code == 201


def test_the_key_is_of_this_path(phone: APIClient, city: SmallCity) -> None:
    """A key is compared with method and path, so that no other write can be answered with a report."""
    submit(phone, report(city), key="k")
    kept = IdempotencyKey.objects.get()
    assert kept.fingerprint
    IdempotencyKey.objects.update(fingerprint="0" * 64)
    refused(submit(phone, report(city), key="k"), 422, "idempotency_key_reused")
    assert API in "/api/v1/requests"
