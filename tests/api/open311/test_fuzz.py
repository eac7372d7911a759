"""Whatever is sent, the answer is in the asked format and the fault is never said to be ours.

What is made up has the shape of what is documented, and then goes wrong: types, repetitions, nesting, sizes, bytes.
"""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.api.open311.making import reported, said
from tests.api.open311.reading import FORMATS, ROOT, read, streamed
from tests.factories.cities import SmallCity

pytestmark = pytest.mark.django_db

#: One city serves all cases; what a case writes stays for the next, as in life.
FUZZ = settings(max_examples=40, suppress_health_check=list(HealthCheck), deadline=None)

READ_NAMES = [
    "jurisdiction_id", "service_request_id", "service_code", "start_date", "end_date", "status", "page", "page_size",
    "extensions", "updated_after", "updated_before", "bbox", "lat", "long", "radius", "q", "sort",
]  # fmt: skip
WRITTEN_NAMES = [
    "jurisdiction_id", "service_code", "lat", "long", "address_string", "address_id", "email", "device_id",
    "account_id", "first_name", "last_name", "phone", "description", "media_url", "media_url[]", "attribute[position]",
    "attribute[position][]", "attribute[depth_cm]", "attribute[]", "attribute[[]]", "attribute[depth_cm][x][y]",
    "attribute", "attribute[\0]", "attribute[position", "photo1", "media",
]  # fmt: skip
UPDATE_NAMES = [
    "jurisdiction_id", "update_id", "service_request_id", "updated_datetime", "status", "description", "media_url",
]  # fmt: skip

HEADERS = [
    "If-None-Match", "If-Modified-Since", "Accept", "Accept-Language", "X-Api-Key", "Content-Type", "Idempotency-Key",
    "Content-Encoding", "Origin",
]  # fmt: skip

#: Percent-encoded values: well-formed, almost well-formed, and bytes that are no text.
ODD = [
    "", "+", "0", "-1", "1", "50", "500", "1e309", "-0.0", "NaN", "inf", "-inf", "1_0", "%D9%A1", "0x10", "40.1",
    "-99.95", "true", "open", "closed", "open%2Cclosed", "OPEN", "pothole", "pothole%2Cgraffiti", "streetlight",
    "heating", "smallville", "distance", "-requested_datetime", "updated_datetime", "7K3F-9QTD", "9" * 400,
    "00000000-0000-0000-0000-000000000000", "%00", "%ff%fe", "%ed%a0%80", "%C3", "%", "%zz", "%2C" * 300,
    "2026-11-27", "2026-11-27T12:00:00Z", "2026-11-27T12:00:00", "0001-01-01T00:00:00%2B14:00", "9999-12-31",
    "9999-12-31T23:59:59-12:00", "2026-02-30", "2026-W01-1", "-100%2C40%2C-99%2C41", "1%2C2%2C3", "lane",
    "%25%25%25", "___", "%5C%5C%5C", "%27%27%27", "http%3A%2F%2F127.0.0.1%2F", "a@b.example", "%F0%9F%95%B3",
    "%E2%80%AE", "{}", "[]", "%3C%21DOCTYPE", "%7Br%7D", "%7B0%7D", "%25s%25s",
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(ODD),
    st.text(max_size=30).map(lambda text: quote(text.encode(errors="surrogatepass"))),
    st.binary(max_size=12).map(quote),
    st.integers().map(str),
    st.floats().map(lambda number: quote(str(number))),
    st.datetimes().map(lambda moment: quote(moment.isoformat())),
)


def arguments(names: list[str]) -> Any:
    """A query or an urlencoded body, names repeated and made up among them."""
    name = st.sampled_from(names) | st.text(max_size=8)
    pair = st.tuples(name.map(lambda text: quote(text.encode(errors="surrogatepass"), safe="[]")), VALUES)
    return st.lists(pair, max_size=8).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))


def holds(response: Any, format: str) -> None:
    """In the format, and no fault of ours; a refusal says so as the standard does."""
    answer = read(response, format)
    assert answer.status < 500, (answer.status, answer.content)
    assert answer.status in {200, 304, 400, 403, 404}, answer.status
    if answer.status >= 400:
        assert all(error["code"] == answer.status and error["description"] for error in answer.content)


@pytest.fixture
def filled(city: SmallCity) -> SmallCity:
    said(reported(city, description="Deep & <wide>", number="7K3F-9QTD"), "Seen.")
    return city


@pytest.mark.parametrize("format", FORMATS)
@FUZZ
@given(query=arguments(READ_NAMES), path=st.sampled_from(["requests", "requests/7K3F-9QTD"]))
@example(query="start_date=0001-01-01&end_date=0001-01-02", path="requests")
@example(query="end_date=9999-12-31T23:59:59-12:00", path="requests")
@example(query="lat=90&long=180&radius=50000", path="requests")
@example(query="lat=40&long=-100&sort=distance&page=100000&page_size=500", path="requests")
@example(query="service_request_id=" + "%2C".join("9" * 30 for _ in range(100)), path="requests")
@example(query="bbox=-180%2C-90%2C180%2C90", path="requests")
@example(query="q=%00%00%00", path="requests")
@example(query="q=%7Br%7D", path="requests")
def test_requests(filled: SmallCity, format: str, query: str, path: str) -> None:
    holds(Client().get(f"{ROOT}/{path}.{format}", QUERY_STRING=query), format)


@pytest.mark.parametrize("format", FORMATS)
@FUZZ
@given(
    query=arguments(READ_NAMES),
    path=st.sampled_from(["discovery", "services", "services/pothole", "tokens/x", "servicerequestupdates"]),
)
def test_everything_else_that_is_read(filled: SmallCity, format: str, query: str, path: str) -> None:
    holds(Client().get(f"{ROOT}/{path}.{format}", QUERY_STRING=query), format)


@FUZZ
@given(query=arguments(READ_NAMES))
def test_bulk(filled: SmallCity, query: str) -> None:
    response = Client().get(f"{ROOT}/bulk/requests.csv", QUERY_STRING=query)
    assert response.status_code in {200, 400, 404}
    if response.status_code == 200:
        assert streamed(response).startswith(b"service_request_id")


@pytest.mark.parametrize("format", FORMATS)
@FUZZ
@given(
    key=st.text(max_size=40).map(lambda text: quote(text.encode(errors="surrogatepass")))
    | st.binary(min_size=1, max_size=20).map(quote)
    | st.integers().map(str),
    kind=st.sampled_from(["requests", "services", "tokens", "nothing"]),
)
@example(key="%00", kind="requests")
@example(key="%0A", kind="services")
@example(key="..", kind="tokens")
@example(key="9" * 3000, kind="requests")
def test_ids(filled: SmallCity, format: str, key: str, kind: str) -> None:
    holds(Client().get(f"{ROOT}/{kind}/{key}.{format}"), format)


@pytest.mark.parametrize("format", FORMATS)
@FUZZ
@given(body=arguments(WRITTEN_NAMES), place=st.booleans(), service=st.sampled_from(["pothole", "streetlight", ""]))
@example(body="attribute[position][]=lane&attribute[position]=curb", place=True, service="pothole")
@example(body="attribute[depth_cm]=1e999", place=True, service="pothole")
@example(body="description=%ed%a0%80&address_string=%ff", place=True, service="pothole")
@example(body="lat=40.1&lat=x&long=-99.95", place=False, service="pothole")
def test_reports(filled: SmallCity, api_key: str, format: str, body: str, place: bool, service: str) -> None:
    latitude, longitude = filled.point_in("west")
    begin = f"api_key={api_key}&service_code={service}"
    if place:
        begin += f"&lat={latitude}&long={longitude}"
    response = Client().generic(
        "POST", f"{ROOT}/requests.{format}", f"{begin}&{body}".encode(), "application/x-www-form-urlencoded"
    )
    holds(response, format)


@pytest.mark.parametrize("format", FORMATS)
@FUZZ
@given(body=arguments(UPDATE_NAMES))
@example(body="update_id=1&service_request_id=7K3F-9QTD&updated_datetime=0001-01-01T00:00:00%2B14:00&status=OPEN")
@example(body="update_id=%00&service_request_id=7K3F-9QTD&updated_datetime=2026-01-01&status=CLOSED&description=x")
def test_updates(filled: SmallCity, api_key: str, format: str, body: str) -> None:
    response = Client().generic(
        "POST",
        f"{ROOT}/servicerequestupdates.{format}",
        f"api_key={api_key}&{body}".encode(),
        "application/x-www-form-urlencoded",
    )
    holds(response, format)


BOUNDARY = "gr3nze"
PART_HEADERS = st.sampled_from(
    [
        'Content-Disposition: form-data; name="api_key"',
        'Content-Disposition: form-data; name="lat"',
        'Content-Disposition: form-data; name="description"',
        'Content-Disposition: form-data; name="attribute[depth_cm]"',
        'Content-Disposition: form-data; name="media"; filename="a.jpg"\r\nContent-Type: image/jpeg',
        'Content-Disposition: form-data; name="media"; filename="../../etc/passwd"\r\nContent-Type: image/jpeg',
        'Content-Disposition: form-data; name="media"; filename=""',
        'Content-Disposition: form-data; name="photo1"; filename="\0"',
        "Content-Disposition: form-data; name*=utf-8''%ff",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment",
        "Content-Transfer-Encoding: base64\r\nContent-Disposition: form-data; name=lat",
        'Content-Disposition: form-data; name="x"\r\nContent-Type: text/plain; charset=klingon',
        "",
        ":",
    ]
)


@pytest.mark.parametrize("format", FORMATS)
@FUZZ
@given(
    parts=st.lists(st.tuples(PART_HEADERS, st.binary(max_size=30)), max_size=4),
    ending=st.sampled_from([f"--{BOUNDARY}--\r\n", f"--{BOUNDARY}", "", "--"]),
    boundary=st.sampled_from([BOUNDARY, "another", "", '"', "x" * 300]),
    keyed=st.booleans(),
)
def test_multipart(
    filled: SmallCity,
    api_key: str,
    format: str,
    parts: list[tuple[str, bytes]],
    ending: str,
    boundary: str,
    keyed: bool,
) -> None:
    body = b"".join(
        f"--{BOUNDARY}\r\n{header}\r\n\r\n".encode() + content + b"\r\n" for header, content in parts
    ) + ending.encode()  # fmt: skip
    headers = {"X-Api-Key": api_key} if keyed else {}
    response = Client().generic(
        "POST", f"{ROOT}/requests.{format}", body, f"multipart/form-data; boundary={boundary}", headers=headers
    )
    holds(response, format)


@pytest.mark.parametrize("format", FORMATS)
@FUZZ
@given(
    name=st.sampled_from(HEADERS),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=60),
)
def test_headers(filled: SmallCity, api_key: str, format: str, name: str, value: str) -> None:
    holds(Client().get(f"{ROOT}/requests.{format}", headers={name: value}), format)
    body = f"api_key={api_key}&service_code=pothole&lat=40.1&long=-99.95".encode()
    form = "application/x-www-form-urlencoded"
    holds(Client().generic("POST", f"{ROOT}/requests.{format}", body, form, headers={name: value}), format)
