"""Rate limits: what the headers say, who shares a count, and what holds when Redis is down."""

import os
import socket
import time
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from limits.storage import MemoryStorage
from rest_framework.test import APIClient

from api import throttling
from tests.api.asking import API, refused
from tests.factories.cities import person
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_reads_an_hour(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RATE_LIMITS = {**settings.RATE_LIMITS, "read": "3/hour"}
    # Windows are aligned to the clock: in the middle of one, no test straddles two.
    now = 1_800_000_000 // 3600 * 3600 + 1000.5
    monkeypatch.setattr(time, "time", lambda: now)


def ask(client: APIClient | None = None, address: str = "192.0.2.1", forwarded: str = "") -> Any:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return (client or APIClient()).get(f"{API}/requests", REMOTE_ADDR=address, headers=headers)


def answers(*responses: Any) -> list[int]:
    return [response.status_code for response in responses]


def test_the_headers_count_down() -> None:
    responses = [ask() for _ in range(4)]

    assert answers(*responses) == [200, 200, 200, 429]
    assert [response["RateLimit"] for response in responses] == [f'"read";r={left};t=2600' for left in (2, 1, 0, 0)]
    assert {response["RateLimit-Policy"] for response in responses} == {'"read";q=3;w=3600'}
    assert not any("Retry-After" in response for response in responses[:3])
    refused(responses[3], 429, "throttled")
    assert responses[3]["Retry-After"] == "2600"


def test_the_next_window_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    assert answers(*(ask() for _ in range(4)))[-1] == 429
    later = time.time() + 2601
    monkeypatch.setattr(time, "time", lambda: later)
    assert ask().status_code == 200


def test_a_person_is_counted_wherever_they_are() -> None:
    client = signed_in(person())
    assert answers(*(ask(client, address=f"192.0.2.{n}") for n in range(4))) == [200, 200, 200, 429]
    # And not their neighbours behind the same address.
    assert ask(signed_in(person()), address="192.0.2.3").status_code == 200
    assert ask(address="192.0.2.3").status_code == 200


def test_scopes_are_counted_apart(settings: LazySettings) -> None:
    for _ in range(4):
        ask()
    assert APIClient().post(f"{API}/auth/guest", {}, REMOTE_ADDR="192.0.2.1").status_code == 201


def test_an_ipv6_household_is_one() -> None:
    addresses = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:DB8:1:2:0:0:0:3", "2001:db8:1:2::dead:beef"]
    assert answers(*(ask(address=address) for address in addresses)) == [200, 200, 200, 429]
    assert ask(address="2001:db8:1:3::1").status_code == 200


def test_an_ipv4_address_in_ipv6_clothes_is_itself() -> None:
    assert answers(*(ask(address=a) for a in ("192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7", "::ffff:c000:207"))) == [
        200, 200, 200, 429,
    ]  # fmt: skip
    assert ask(address="::ffff:192.0.2.8").status_code == 200


def test_without_a_proxy_of_ours_what_is_forwarded_is_invention() -> None:
    assert answers(*(ask(forwarded=f"198.51.100.{n}") for n in range(4))) == [200, 200, 200, 429]


def test_with_one_proxy_the_last_hop_counts(settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = 1
    # The caller wrote all but the last entry, which our proxy added.
    assert answers(*(ask(forwarded=f"10.0.0.{n}, 198.51.100.1") for n in range(4))) == [200, 200, 200, 429]
    assert ask(forwarded="198.51.100.1, 198.51.100.2").status_code == 200


def test_with_two_proxies_the_last_but_one_counts(settings: LazySettings) -> None:
    settings.TRUSTED_PROXIES = 2
    assert answers(*(ask(forwarded=f"10.0.0.{n}, 198.51.100.1, 203.0.113.{n}") for n in range(4)))[-1] == 429
    assert ask(forwarded="10.0.0.1, 198.51.100.2, 203.0.113.1").status_code == 200


@pytest.mark.parametrize("forwarded", ["", ",", "unknown", "x" * 5000, "::::", "192.0.2.1:80"])
def test_nonsense_is_one_caller_and_no_error(settings: LazySettings, forwarded: str) -> None:
    settings.TRUSTED_PROXIES = 1
    assert answers(*(ask(forwarded=forwarded) for _ in range(4))) == [200, 200, 200, 429]


class TestRedis:
    @pytest.fixture(autouse=True)
    def redis(self, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> str:
        settings.REDIS_URL = os.environ["BROKER_URL"]
        # Of this test alone, in a Redis that others share.
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, (scope := f"test-{uuid4()}"): "3/hour"}
        monkeypatch.setattr("api.requests.views.RequestsView.throttle_scopes", {"GET": scope})
        return scope

    def test_two_processes_count_together(self) -> None:
        def restart() -> None:
            throttling.reset()
            throttling._storage.cache_clear()

        first = [ask().status_code for _ in range(2)]
        restart()
        second = [ask().status_code for _ in range(2)]
        assert (first, second) == ([200, 200], [200, 429])

    def test_when_redis_is_down_the_limit_still_holds(self, settings: LazySettings) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            settings.REDIS_URL = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
            assert answers(*(ask() for _ in range(4))) == [200, 200, 200, 429]

    def test_a_redis_that_hangs_is_waited_for_once(
        self, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries: list[str] = []

        class Hanging(MemoryStorage):
            def incr(self, key: str, expiry: float, amount: int = 1) -> int:
                tries.append(key)
                raise TimeoutError

        monkeypatch.setattr(throttling, "_redis", lambda url: Hanging())
        assert answers(*(ask() for _ in range(4))) == [200, 200, 200, 429]
        assert len(tries) == 1

    def test_a_redis_that_does_not_answer_costs_a_moment(self, settings: LazySettings) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            settings.REDIS_URL = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
            client = throttling._redis(settings.REDIS_URL).storage.connection_pool
            # The bound is what holds; a stopwatch on a busy machine would not.
            assert client.connection_kwargs["socket_timeout"] <= 0.5
            assert client.connection_kwargs["socket_connect_timeout"] <= 0.5
            begun = time.monotonic()
            assert ask().status_code == 200
            assert time.monotonic() - begun < 30

    def test_a_wide_limit_is_taken_in_parts_and_never_passed(
        self, settings: LazySettings, redis: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.RATE_LIMITS = {**settings.RATE_LIMITS, redis: "180/hour"}
        storage = throttling._redis(settings.REDIS_URL)
        asked: list[int] = []

        class Counting:
            def incr(self, key: str, expiry: int, amount: int = 1) -> int:
                asked.append(amount)
                return storage.incr(key, expiry, amount)

        monkeypatch.setattr(throttling, "_redis", lambda url: Counting())
        first = [ask() for _ in range(100)]
        assert answers(*first) == [200] * 100
        assert [response["RateLimit"].split(";")[1] for response in first] == [f"r={179 - n}" for n in range(100)]
        assert asked == [3] * 34
        # Another process counts on from what was taken, not from what was given out.
        throttling.reset()
        assert answers(*(ask() for _ in range(79))) == [200] * 78 + [429]
