"""Handing over to, and asking, a server of Open311 GeoReport v2.

Source: wiki.open311.org/GeoReport_v2, and mySociety's servicerequestupdates.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from requests311.forwarding.calls import ANSWER_BYTES, call, refusal, without
from requests311.forwarding.contents import contact, photo_urls, service_code
from requests311.forwarding.outcomes import Accepted, Failed, NotYet, Outcome, Promised
from requests311.forwarding.reading import Entry, Unreadable, entries
from requests311.models import Connector, Forward, ServiceRequest

#: A list of a thousand updates or requests.
_LIST_BYTES = 16 * 1024 * 1024
_UNREADABLE = Failed("The other side's answer cannot be read.", may_pass=True)
#: What our own columns hold.
_ID_LENGTH = 200


def submit(forward: Forward) -> Outcome:
    """POST requests; needs request and connector at hand."""
    connector, request = forward.connector, forward.request
    answer = call(
        "POST",
        f"{connector.url}/requests.{connector.format}",
        headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "Idempotency-Key": str(forward.pk),
        },
        body=urlencode(list(_form(connector, request))).encode(),
    )
    if isinstance(answer, Failed):
        return answer
    if refused := refusal(answer, _explained(answer.body, _secrets(connector, request))):
        return refused
    entry = _only(answer.body)
    if entry is None:
        return _UNREADABLE
    if remote_id := entry.get("service_request_id", ""):
        return Accepted(remote_id) if len(remote_id) <= _ID_LENGTH else _UNREADABLE
    token = entry.get("token", "")
    return Promised(token) if 0 < len(token) <= _ID_LENGTH else _UNREADABLE


def ask_token(forward: Forward) -> Outcome:
    """GET tokens/{token}."""
    connector = forward.connector
    url = f"{connector.url}/tokens/{quote(forward.token, safe='')}.{connector.format}"
    answer = call("GET", _with_query(url, _jurisdiction(connector)))
    if isinstance(answer, Failed):
        return answer
    if answer.status == 404:
        # Some know a token only after a while.
        return NotYet()
    if refused := refusal(answer, _explained(answer.body, [connector.api_key])):
        return refused
    entry = _only(answer.body)
    if entry is None:
        return _UNREADABLE
    remote_id = entry.get("service_request_id", "")
    if len(remote_id) > _ID_LENGTH:
        return _UNREADABLE
    return Accepted(remote_id) if remote_id else NotYet()


def updates(connector: Connector, begin: datetime, end: datetime) -> list[Entry] | Failed:
    """GET servicerequestupdates of a span of time."""
    # mySociety's own clients send the key here, and some servers want it.
    key = {"api_key": connector.api_key} if connector.api_key else {}
    span = {"start_date": _w3c(begin), "end_date": _w3c(end)}
    return _list(connector, "servicerequestupdates", {**_jurisdiction(connector), **key, **span})


def requests(connector: Connector, remote_ids: Sequence[str]) -> list[Entry] | Failed:
    """GET requests by their ids."""
    return _list(connector, "requests", {**_jurisdiction(connector), "service_request_id": ",".join(remote_ids)})


def _list(connector: Connector, name: str, query: Mapping[str, str]) -> list[Entry] | Failed:
    url = _with_query(f"{connector.url}/{name}.{connector.format}", query)
    answer = call("GET", url, bytes_at_most=_LIST_BYTES)
    if isinstance(answer, Failed):
        return answer
    if refused := refusal(answer, _explained(answer.body, [connector.api_key])):
        return refused
    try:
        return entries(answer.body)
    except Unreadable:
        return _UNREADABLE


def _form(connector: Connector, request: ServiceRequest) -> Iterator[tuple[str, str]]:
    yield from _jurisdiction(connector).items()
    if connector.api_key:
        yield "api_key", connector.api_key
    yield "service_code", service_code(connector, request)
    yield "lat", str(request.location.y)
    yield "long", str(request.location.x)
    if request.address:
        yield "address_string", request.address
    # The standard's bound; ours is the same, but not for what came another way.
    yield "description", request.description[:4000]
    for code, value in request.attributes.items():
        if isinstance(value, list):
            yield from ((f"attribute[{code}][]", _answer(one)) for one in value)
        else:
            yield f"attribute[{code}]", _answer(value)
    yield from _person(contact(connector, request))
    yield from (("media_url", url) for url in photo_urls(request))


def _answer(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _person(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    first, _, last = given.get("name", "").rpartition(" ")
    yield from (
        (name, value)
        for name, value in (
            ("first_name", first or last),
            ("last_name", last if first else ""),
            ("email", given.get("email", "")),
            ("phone", given.get("phone", "")),
        )
        if value
    )


def _jurisdiction(connector: Connector) -> dict[str, str]:
    return {"jurisdiction_id": connector.jurisdiction_id} if connector.jurisdiction_id else {}


def _with_query(url: str, query: Mapping[str, str]) -> str:
    return f"{url}?{urlencode(query)}" if query else url


def _w3c(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _only(body: bytes) -> Entry | None:
    try:
        found = entries(body)
    except Unreadable:
        return None
    return found[0] if len(found) == 1 else None


def _secrets(connector: Connector, request: ServiceRequest) -> list[str]:
    person = [str(value) for value in request.contact.values()]
    names = [part for value in person for part in value.split()]
    return [connector.api_key, request.description, request.address, *person, *names]


def _explained(body: bytes, secrets: Sequence[str]) -> str:
    """`description` of the errors of an answer; nothing where they cannot be read."""
    if len(body) > ANSWER_BYTES:
        return ""
    try:
        said = [entry.get("description", "") for entry in entries(body)]
    except Unreadable:
        return ""
    return without(" ".join(text for text in said if text), secrets)
