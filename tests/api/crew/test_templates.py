"""/crew/templates and /crew/templates/{template_id}"""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import User
from requests311.models import StandardText
from tests.api.asking import API, refused, submitted, without_what_differs
from tests.factories.cities import SmallCity, person, small_city
from tests.factories.people import signed_in

pytestmark = pytest.mark.django_db

URL = f"{API}/crew/templates"
TEXT = {
    "jurisdiction": "smallville",
    "department": "roads",
    "service": "pothole",
    "status": "resolved",
    "language": "en",
    "title": "Filled",
    "text": "The hole at {address} is filled: {number}.",
}


@pytest.fixture
def manager(city: SmallCity) -> APIClient:
    return signed_in(person(role="manager", city=city, department="roads"))


@pytest.fixture
def admin(city: SmallCity) -> APIClient:
    return signed_in(person(role="admin", city=city))


def made(client: APIClient, **changes: Any) -> dict[str, Any]:
    response = client.post(URL, {**TEXT, **changes})
    assert response.status_code == 201, response.content
    entry: dict[str, Any] = response.json()
    return entry


def listed(client: APIClient, query: str = "") -> list[str]:
    response = client.get(f"{URL}{query}")
    assert response.status_code == 200, response.content
    return [entry["title"] for entry in response.json()["results"]]


def test_a_manager_writes_one(manager: APIClient) -> None:
    entry = made(manager)
    row = StandardText.objects.get()
    assert entry == {"id": str(row.pk), **TEXT, "active": True, "updated_at": entry["updated_at"]}
    assert row.updated_by is not None
    assert manager.get(f"{URL}/{row.pk}").json() == entry


def test_one_for_everything(admin: APIClient) -> None:
    entry = made(admin, department=None, service=None)
    assert (entry["department"], entry["service"]) == (None, None)
    body = {name: value for name, value in TEXT.items() if name not in {"department", "service"}} | {"title": "Other"}
    assert made(admin, **body)["title"] == "Other"


def test_a_crew_reads_it(manager: APIClient, crew: APIClient) -> None:
    entry = made(manager)
    response = crew.get(URL)
    assert response.json() == {"results": [{**entry, "filled": None, "missing": []}], "next": None}
    assert response["Cache-Control"] == "private, no-cache"
    assert crew.get(f"{URL}/{entry['id']}").json() == entry


def test_it_is_filled_for_a_request(manager: APIClient, crew: APIClient, phone: APIClient, city: SmallCity) -> None:
    made(manager)
    made(manager, title="Relleno", language="es", text="{service}: {number}")
    report = submitted(phone, city, address="12 Main Street")
    for key in (report["id"], report["number"].replace("-", "").lower()):
        found = crew.get(f"{URL}?request={key}&status=resolved").json()["results"]
        assert [one["filled"] for one in found] == [
            f"The hole at 12 Main Street is filled: {report['number']}.",
            f"Bache: {report['number']}",
        ]
    bare = submitted(phone, city)
    found = crew.get(f"{URL}?request={bare['id']}&language=en").json()["results"]
    assert [(one["filled"], one["missing"]) for one in found] == [
        (f"The hole at … is filled: {bare['number']}.", ["address"])
    ]


def test_they_are_found_by_status_service_and_language(admin: APIClient, crew: APIClient) -> None:
    made(admin, title="pothole")
    made(admin, title="light", service="streetlight")
    made(admin, title="any service", service=None, status="on_hold")
    made(admin, title="Latin America", service=None, language="es-419")
    assert listed(crew, "?service=pothole") == ["pothole", "any service", "Latin America"]
    assert listed(crew, "?status=on_hold") == ["any service"]
    assert listed(crew, "?language=es") == listed(crew, "?language=ES-419") == ["Latin America"]
    assert listed(crew, "?language=e") == listed(crew, "?language=es-MX") == listed(crew, "?language=%25") == []
    assert listed(crew, "?service=nothing") == ["any service", "Latin America"]


def test_pages_are_the_whole_list_in_order(admin: APIClient, crew: APIClient) -> None:
    for number, (department, service) in enumerate([(None, None), ("roads", None), (None, "pothole"), ("roads", None)]):
        made(admin, title=str(number), department=department, service=service)
    whole = listed(crew)
    assert whole == ["2", "1", "3", "0"]
    seen, following = [], ""
    while True:
        response = crew.get(f"{URL}?limit=1{following}")
        page = response.json()
        seen += [entry["title"] for entry in page["results"]]
        assert ("Link" in response.headers) == (page["next"] is not None)
        if page["next"] is None:
            break
        following = f"&cursor={page['next']}"
    assert seen == whole


def test_it_is_replaced(manager: APIClient) -> None:
    entry = made(manager)
    response = manager.put(f"{URL}/{entry['id']}", {**TEXT, "title": "Patched", "department": "roads-west"})
    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["title"], body["department"]) == (entry["id"], "Patched", "roads-west")
    assert StandardText.objects.count() == 1


def test_it_is_switched_off_and_on(manager: APIClient, crew: APIClient, phone: APIClient, city: SmallCity) -> None:
    entry = made(manager)
    report = submitted(phone, city)
    assert manager.put(f"{URL}/{entry['id']}", {**TEXT, "active": False}).json()["active"] is False
    assert listed(crew) == []
    refused(crew.get(f"{URL}/{entry['id']}"), 404, "not_found")
    # Who may switch it on again finds it, but is not offered it for a request.
    assert listed(manager) == ["Filled"]
    assert listed(manager, f"?request={report['id']}") == []
    assert manager.put(f"{URL}/{entry['id']}", TEXT).json()["active"] is True
    assert listed(crew) == ["Filled"]


def test_it_is_removed(manager: APIClient) -> None:
    entry = made(manager)
    response = manager.delete(f"{URL}/{entry['id']}")
    assert (response.status_code, response.content) == (204, b"")
    assert not StandardText.objects.exists()
    refused(manager.delete(f"{URL}/{entry['id']}"), 404, "not_found")


# --- Refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["crew", "dispatcher"])
def test_who_may_read_may_not_write(request: pytest.FixtureRequest, manager: APIClient, who: str) -> None:
    client = request.getfixturevalue(who)
    entry = made(manager)
    refused(client.post(URL, {**TEXT, "title": "Mine"}), 403, "not_allowed")
    refused(client.put(f"{URL}/{entry['id']}", TEXT), 403, "not_allowed")
    refused(client.delete(f"{URL}/{entry['id']}"), 403, "not_allowed")
    assert StandardText.objects.get().title == "Filled"


@pytest.mark.parametrize("who", ["phone", "stranger"])
def test_the_public_has_no_standard_texts(request: pytest.FixtureRequest, manager: APIClient, who: str) -> None:
    client = request.getfixturevalue(who)
    entry = made(manager)
    refused(client.get(URL), 403, "not_allowed")
    refused(client.post(URL, TEXT), 403, "not_allowed")
    for id_ in (entry["id"], uuid4()):
        refused(client.get(f"{URL}/{id_}"), 403, "not_allowed")
        refused(client.put(f"{URL}/{id_}", TEXT), 403, "not_allowed")
        refused(client.delete(f"{URL}/{id_}"), 403, "not_allowed")


def test_nobody_in_particular_has_none_either(client: APIClient) -> None:
    for response in (client.get(URL), client.post(URL, TEXT, content_type="application/json")):
        refused(response, 401, "not_authenticated")


def test_a_manager_writes_for_no_other_department(manager: APIClient, admin: APIClient) -> None:
    refused(manager.post(URL, {**TEXT, "department": "parks"}), 403, "not_allowed")
    refused(manager.post(URL, {**TEXT, "department": None}), 403, "not_allowed")
    # Nor moves one there, nor takes one from there.
    own, foreign, wide = made(manager), made(admin, department="parks"), made(admin, department=None)
    refused(manager.put(f"{URL}/{own['id']}", {**TEXT, "department": "parks"}), 403, "not_allowed")
    refused(manager.put(f"{URL}/{foreign['id']}", TEXT), 404, "not_found")
    refused(manager.put(f"{URL}/{wide['id']}", {**TEXT, "title": "Ours now"}), 403, "not_allowed")
    refused(manager.delete(f"{URL}/{wide['id']}"), 403, "not_allowed")
    assert StandardText.objects.count() == 3


def test_another_departments_text_looks_absent(admin: APIClient, crew: APIClient) -> None:
    entry = made(admin, department="parks")
    foreign, absent = crew.get(f"{URL}/{entry['id']}"), crew.get(f"{URL}/{uuid4()}")
    refused(foreign, 404, "not_found")
    assert without_what_differs(foreign) == without_what_differs(absent)


def test_a_department_or_service_of_another_city(admin: APIClient, city: SmallCity) -> None:
    other = small_city("otherton", origin=(-90.0, 40.0))
    other.departments["desk"].code = "other-desk"
    other.departments["desk"].save()
    other.services["pothole"].code = "other-pothole"
    other.services["pothole"].save()
    refused(admin.post(URL, {**TEXT, "department": "other-desk"}), 422, "invalid", "/department")
    refused(admin.post(URL, {**TEXT, "service": "other-pothole"}), 422, "invalid", "/service")
    refused(admin.post(URL, {**TEXT, "jurisdiction": "nowhere"}), 422, "invalid", "/jurisdiction")
    refused(admin.post(URL, {**TEXT, "jurisdiction": "otherton"}), 403, "not_allowed")
    assert not StandardText.objects.exists()


def test_an_unknown_placeholder_is_named(manager: APIClient) -> None:
    body = refused(manager.post(URL, {**TEXT, "text": "By {dew}."}), 422, "invalid", "/text")
    (error,) = body["errors"]
    assert error["code"] == "unknown_placeholder"
    assert "{dew}" in error["detail"]
    assert "{due}" in error["detail"]
    entry = made(manager)
    refused(manager.put(f"{URL}/{entry['id']}", {**TEXT, "text": "{0.__class__}"}), 422, "invalid", "/text")
    assert StandardText.objects.get().text == TEXT["text"]


@pytest.mark.parametrize(
    ("wrong", "pointers"),
    [
        ({"text": "{{"}, ["/text"]),
        ({"text": "{number!r} {number.x}"}, ["/text", "/text"]),
        ({"text": " "}, ["/text"]),
        ({"text": "x" * 4001, "title": "x" * 121}, ["/text", "/title"]),
        ({"text": 1, "title": None, "status": "lost"}, ["/text", "/title", "/status"]),
        ({"text": "a\u0000"}, ["/text"]),
        ({"language": "english"}, ["/language"]),
        ({"language": "en_US"}, ["/language"]),
        ({"department": "nothing"}, ["/department"]),
        ({"service": ""}, ["/service"]),
        ({"active": "yes"}, ["/active"]),
        ({"active": 1}, ["/active"]),
        ({"active": None}, ["/active"]),
        ({"updated_by": "x", "id": "y"}, ["/updated_by", "/id"]),
    ],
)
def test_wrong_input_is_named(manager: APIClient, wrong: dict[str, Any], pointers: list[str]) -> None:
    refused(manager.post(URL, TEXT | wrong), 422, "invalid", *pointers)
    assert not StandardText.objects.exists()


def test_the_second_of_two_alike(manager: APIClient) -> None:
    made(manager)
    other = made(manager, title="Other")
    body = refused(manager.post(URL, TEXT), 422, "invalid", "/title")
    assert body["errors"][0]["code"] == "taken"
    refused(manager.put(f"{URL}/{other['id']}", TEXT), 422, "invalid", "/title")
    assert manager.put(f"{URL}/{other['id']}", {**TEXT, "title": "Other"}).status_code == 200


def test_a_request_that_the_caller_does_not_work_on(
    manager: APIClient, crew: APIClient, phone: APIClient, city: SmallCity
) -> None:
    made(manager)
    elsewhere = submitted(phone, city, attributes={"position": "curb"})
    private = submitted(phone, city, service="heating")
    refused(crew.get(f"{URL}?request={elsewhere['id']}"), 403, "not_allowed")
    absent = refused(crew.get(f"{URL}?request={uuid4()}"), 404, "not_found")
    hidden = refused(crew.get(f"{URL}?request={private['id']}"), 404, "not_found")
    assert absent["detail"] == hidden["detail"]
    refused(crew.get(f"{URL}?request=nonsense"), 404, "not_found")
    # An auditor reads the request and the texts, and works on nothing.
    auditor = signed_in(person(role="auditor", city=city))
    refused(auditor.get(f"{URL}?request={elsewhere['id']}"), 403, "not_allowed")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=lost", "/status"),
        ("status=", "/status"),
        ("service=", "/service"),
        (f"language={'x' * 36}", "/language"),
        (f"request={'x' * 41}", "/request"),
        ("limit=0", "/limit"),
        ("limit=201", "/limit"),
        ("cursor=x", "/cursor"),
        # 9|…, x|…, 0|no UUID
        ("cursor=OXwwMTlmMWMyZS05YjIyLTdmMDAtOGUxMS0yYTNiNGM1ZDZlN2Y", "/cursor"),
        ("cursor=eHwwMTlmMWMyZS05YjIyLTdmMDAtOGUxMS0yYTNiNGM1ZDZlN2Y", "/cursor"),
        ("cursor=MHx4", "/cursor"),
        ("department=roads", "/department"),
    ],
)
def test_a_wrong_query_is_named(crew: APIClient, query: str, pointer: str) -> None:
    refused(crew.get(f"{URL}?{query}"), 422, "invalid", pointer)


# --- The admin site ------------------------------------------------------------------------------


def test_the_admin_site_refuses_what_the_api_refuses(city: SmallCity) -> None:
    boss = User.objects.create_superuser("boss@example.org")
    browser = Client()
    browser.force_login(boss)
    url = reverse("admin:requests311_standardtext_add")
    form = {
        "jurisdiction": city.jurisdiction.pk,
        "department": city.departments["roads"].pk,
        "status": "resolved",
        "language": "en",
        "title": "Filled",
        "active": "on",
    }
    page = browser.post(url, {**form, "text": "By {dew}."})
    assert page.status_code == 200
    assert "{dew} is no placeholder" in page.content.decode()
    other = small_city("otherton", origin=(-90.0, 40.0))
    page = browser.post(url, {**form, "text": "x", "department": other.departments["roads"].pk})
    assert "Belongs to another jurisdiction." in page.content.decode()
    assert browser.post(url, {**form, "text": "{number}"}).status_code == 302
    assert StandardText.objects.get().updated_by == boss
