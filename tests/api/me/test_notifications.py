"""GET and PATCH /me/notifications"""

from typing import Any

import pytest
from rest_framework.test import APIClient

from notifications.models import Channel, Switch
from notifications.topics import Topic
from tests.api.asking import API, refused

pytestmark = pytest.mark.django_db

URL = f"{API}/me/notifications"


def off(response: Any) -> set[tuple[str, str]]:
    """Topic and channel of each switch that is off."""
    assert response.status_code == 200, response.content
    return {(one["topic"], one["channel"]) for one in response.json()["switches"] if not one["on"]}


def switch(topic: str, channel: str, on: bool) -> dict[str, Any]:
    return {"switches": [{"topic": topic, "channel": channel, "on": on}]}


def test_everything_is_on_at_first(phone: APIClient) -> None:
    response = phone.get(URL)
    assert off(response) == set()
    listed = [(one["topic"], one["channel"]) for one in response.json()["switches"]]
    assert listed == [(topic.value, channel.value) for topic in Topic for channel in Channel]


def test_what_is_switched_off_stays_off_until_it_is_switched_on(phone: APIClient) -> None:
    assert off(phone.patch(URL, switch("digest", "email", False))) == {("digest", "email")}
    both = phone.patch(URL, switch("assigned", "push", False))
    assert off(both) == {("digest", "email"), ("assigned", "push")}
    assert phone.get(URL).json() == both.json()
    assert off(phone.patch(URL, switch("digest", "email", False))) == {("digest", "email"), ("assigned", "push")}
    assert off(phone.patch(URL, switch("digest", "email", True))) == {("assigned", "push")}
    assert Switch.objects.count() == 1


def test_several_at_once_and_of_two_the_later_holds(phone: APIClient) -> None:
    wanted = [
        {"topic": "digest", "channel": "email", "on": False},
        {"topic": "answered", "channel": "push", "on": False},
        {"topic": "digest", "channel": "email", "on": True},
    ]
    assert off(phone.patch(URL, {"switches": wanted})) == {("answered", "push")}
    assert off(phone.patch(URL, {"switches": []})) == {("answered", "push")}
    assert off(phone.patch(URL, {})) == {("answered", "push")}


def test_they_are_one_s_own(phone: APIClient, stranger: APIClient) -> None:
    phone.patch(URL, switch("digest", "email", False))
    assert off(stranger.get(URL)) == set()
    assert off(stranger.patch(URL, switch("digest", "email", True))) == set()
    assert off(phone.get(URL)) == {("digest", "email")}


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (switch("weather", "push", False), ["/switches/0/topic"]),
        (switch("digest", "fax", False), ["/switches/0/channel"]),
        ({"switches": [{"topic": "digest", "channel": "email", "on": "no"}]}, ["/switches/0/on"]),
        ({"switches": [{"topic": "digest", "channel": "email"}]}, ["/switches/0/on"]),
        (
            {"switches": [{"topic": "digest", "channel": "email", "on": True, "at": 1}, {}]},
            ["/switches/0/at", "/switches/1/topic", "/switches/1/channel", "/switches/1/on"],
        ),
        ({"switches": "all"}, ["/switches"]),
        ({"switches": [switch("digest", "email", False)["switches"][0]] * 101}, ["/switches"]),
        ({"switches": None}, ["/switches"]),
    ],
)
def test_wrong_input_is_named(phone: APIClient, body: Any, pointers: list[str]) -> None:
    refused(phone.patch(URL, body), 422, "invalid", *pointers)
    assert not Switch.objects.exists()


def test_nobody_in_particular_has_no_switches(client: APIClient) -> None:
    refused(client.get(URL), 401, "not_authenticated")
    refused(client.patch(URL, switch("digest", "email", False)), 401, "not_authenticated")
