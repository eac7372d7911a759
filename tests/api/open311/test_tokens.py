"""GET tokens/{token}: our own ids are immediate; the token of an asynchronous system leads to them."""

import pytest

from tests.api.open311.making import reported
from tests.api.open311.reading import Speaker, refused
from tests.api.open311.tokens import answered_with_token
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db


def test_a_token_leads_to_the_request(speak: Speaker, city: SmallCity) -> None:
    request = reported(city)
    answered_with_token(request, "tok-12345")
    answer = speak.get("tokens/tok-12345")
    assert (answer.status, answer.content) == (200, [{"service_request_id": request.number, "token": "tok-12345"}])
    assert answer.root in {"", "service_requests"}


@pytest.mark.parametrize("token", ["unknown", "0", "%00", "a.b", "x" * 500])
def test_an_unknown_token(speak: Speaker, city: SmallCity, token: str) -> None:
    answered_with_token(reported(city), "tok-12345")
    answer = speak.get(f"tokens/{token}")
    assert answer.status == 404 or (token == "%00" and answer.status == 400)
    refused(answer, answer.status)


def test_a_private_request_s_token_is_unknown(speak: Speaker, city: SmallCity) -> None:
    answered_with_token(reported(city, visibility="private"), "tok-12345")
    refused(speak.get("tokens/tok-12345"), 404)


def test_a_request_that_has_no_token_is_not_found_by_none(speak: Speaker, city: SmallCity) -> None:
    answered_with_token(reported(city), "")
    refused(speak.get("tokens/"), 404)


def test_of_several_jurisdictions_one_must_be_named(speak: Speaker, city: SmallCity) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    answered_with_token(reported(city), "tok-12345")
    refused(speak.get("tokens/tok-12345"), 400, "jurisdiction_id required")
    refused(speak.get("tokens/tok-12345", {"jurisdiction_id": "otherton"}), 404)
    assert speak.get("tokens/tok-12345", {"jurisdiction_id": "smallville"}).status == 200
