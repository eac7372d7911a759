"""GET services/{code}: the questions that a service asks."""

import pytest

from requests311.models import Attribute, Datatype, Service
from tests.api.open311.reading import Speaker, refused
from tests.factories.cities import SmallCity, small_city

pytestmark = pytest.mark.django_db


def test_what_it_says(speak: Speaker, city: SmallCity) -> None:
    answer = speak.get("services/pothole")
    assert answer.status == 200
    assert answer.root in {"", "service_definition"}
    assert set(answer.content) == {"service_code", "attributes"}
    assert answer.content["service_code"] == "pothole"
    position, depth, lane = answer.content["attributes"]
    assert position == {
        "variable": True,
        "code": "position",
        "datatype": "singlevaluelist",
        "required": False,
        "datatype_description": None,
        "order": 1,
        "description": "Lane or kerb?",
        "values": [{"key": "lane", "name": "In a lane"}, {"key": "curb", "name": "At the kerb"}],
    }
    assert (depth["code"], depth["datatype"], depth["datatype_description"]) == ("depth_cm", "number", "Centimetres.")
    assert depth["values"] == []
    assert lane["code"] == "lane_number"


def test_a_required_question_says_so(speak: Speaker, city: SmallCity) -> None:
    (pole,) = speak.get("services/streetlight").content["attributes"]
    assert (pole["code"], pole["required"]) == ("pole_id", True)


def test_the_order_is_unique_and_from_1(speak: Speaker, city: SmallCity) -> None:
    service = city.services["pothole"]
    # As an operator may number them, with gaps.
    for order, code in ((100, "colour"), (70, "width")):
        Attribute.objects.create(
            service=service, order=order, code=code, datatype=Datatype.STRING, description=code.capitalize()
        )
    asked = speak.get("services/pothole").content["attributes"]
    assert [entry["order"] for entry in asked] == [1, 2, 3, 4, 5]
    assert [entry["code"] for entry in asked] == ["position", "depth_cm", "lane_number", "width", "colour"]


@pytest.mark.parametrize("datatype", Datatype.values)
def test_every_datatype_of_the_standard(speak: Speaker, city: SmallCity, datatype: str) -> None:
    values = [{"key": "a", "name": "A & <B>"}] if datatype.endswith("list") else []
    Attribute.objects.create(
        service=city.services["graffiti"], order=1, code="what", datatype=datatype, description="?", values=values
    )
    (asked,) = speak.get("services/graffiti").content["attributes"]
    assert (asked["datatype"], asked["values"]) == (datatype, values)


def test_what_is_asked_only_with_another_answer_is_not_required_of_everybody(speak: Speaker, city: SmallCity) -> None:
    # The standard has no such questions: a client that took it as required would never get a report through.
    lane = speak.get("services/pothole").content["attributes"][2]
    assert lane["required"] is False
    assert "position" in lane["datatype_description"]
    assert "lane" in lane["datatype_description"]


def test_without_questions_it_is_an_empty_list(speak: Speaker, city: SmallCity) -> None:
    answer = speak.get("services/graffiti")
    assert (answer.status, answer.content) == (200, {"service_code": "graffiti", "attributes": []})


def test_one_question_is_a_list_in_json(city: SmallCity) -> None:
    from django.test import Client

    assert isinstance(Client().get("/open311/v2/services/streetlight.json").json()["attributes"], list)


def test_an_unknown_service_is_404(speak: Speaker, city: SmallCity) -> None:
    refused(speak.get("services/dragons"), 404, "dragons")


def test_an_inactive_service_is_unknown(speak: Speaker, city: SmallCity) -> None:
    Service.objects.filter(code="pothole").update(active=False)
    refused(speak.get("services/pothole"), 404, "pothole")


def test_another_jurisdiction_s_service_is_unknown(speak: Speaker, city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    Service.objects.create(jurisdiction=other.jurisdiction, code="dragons", name="Dragons")
    assert speak.get("services/dragons", {"jurisdiction_id": "otherton"}).status == 200
    refused(speak.get("services/dragons", {"jurisdiction_id": "smallville"}), 404, "dragons")


def test_of_several_jurisdictions_one_must_be_named(speak: Speaker, city: SmallCity) -> None:
    small_city("otherton", origin=(-90.0, 40.0))
    refused(speak.get("services/pothole"), 400, "jurisdiction_id required")
    refused(speak.get("services/pothole", {"jurisdiction_id": "atlantis"}), 404, "jurisdiction_id")


def test_a_code_with_a_dot_is_read_to_its_last(speak: Speaker, city: SmallCity) -> None:
    refused(speak.get("services/no.such.service"), 404, "no.such.service")
