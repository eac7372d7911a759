"""Asks the geocoder that GEOCODER_URL names. Nothing here may hold up or break the call that asks.

Only the address look-ups come here, never a submit: tests/house holds that. A call has a time-out for all of it, few
may wait at a time, and after some failures none is made for a while. What is logged says neither who nor where.
"""

import hashlib
import os
import threading
import time
from queue import Empty, SimpleQueue
from typing import Any

import orjson
import structlog
from django.conf import settings
from prometheus_client import Counter

from geo.geocoding import remembered
from geo.geocoding.circuit import Circuit
from geo.geocoding.protocols import PROTOCOLS, Answer, ExternalAddress, Garbage, Question
from geo.street_names import folded

log = structlog.get_logger(__name__)

CALLS = Counter("requests311_geocoder_calls_total", "Questions to the external geocoder.", ["outcome"])

#: An answer of this many addresses has a few kilobytes.
LARGEST_ANSWER = 256 * 1024
ANSWER_KEPT_SECONDS = 24 * 3600
#: Shorter: the map may know tomorrow.
NOTHING_KEPT_SECONDS = 3600
#: A process has four threads; however slow the geocoder, two are left for reports.
CALLS_AT_A_TIME = 2
FAILURES = 3
PAUSE_SECONDS = 30

circuit = Circuit(failures=FAILURES, pause=PAUSE_SECONDS)
_slots = threading.BoundedSemaphore(CALLS_AT_A_TIME)
_clients: dict[int, Any] = {}
_making = threading.Lock()


class Unavailable(Exception):
    """The external geocoder has no answer now."""


class _Failure(Exception):
    """What it answered is no answer; the message holds nothing personal."""


def ask(question: Question) -> Answer:
    """Raises Unavailable, after at most GEOCODER_TIMEOUT_SECONDS. GEOCODER must be set."""
    question = _blurred(question)
    digest = _digest(question)
    if (kept := remembered.recall(digest)) is not None:
        CALLS.labels(outcome="remembered").inc()
        return Answer(tuple(ExternalAddress(**address) for address in kept["addresses"]), kept["attribution"])
    answer = _guarded(question)
    remembered.remember(
        digest,
        {"addresses": answer.addresses, "attribution": answer.attribution},
        seconds=ANSWER_KEPT_SECONDS if answer.addresses else NOTHING_KEPT_SECONDS,
    )
    return answer


def _blurred(question: Question) -> Question:
    """No more of where somebody is than the answer needs: 11 metres of the place that is asked about, a kilometre
    of the one that a search is near to. Those who ask nearly the same then share an answer, too."""
    digits = 2 if question.text else 4
    latitude, longitude = (None if x is None else round(x, digits) for x in (question.latitude, question.longitude))
    return Question(" ".join(question.text.split()), latitude, longitude, question.limit, question.box)


def _digest(question: Question) -> str:
    said = (settings.GEOCODER, folded(question.text), question.latitude, question.longitude, question.limit,
            question.box)  # fmt: skip
    return hashlib.blake2s(repr(said).encode(), digest_size=16).hexdigest()


def _guarded(question: Question) -> Answer:
    slots = _slots
    if not slots.acquire(blocking=False):
        CALLS.labels(outcome="busy").inc()
        raise Unavailable
    if not circuit.may_call():
        slots.release()
        CALLS.labels(outcome="paused").inc()
        raise Unavailable
    try:
        answer = _in_time(question, slots)
    except Exception as error:
        circuit.failed()
        CALLS.labels(outcome="failed").inc()
        reason = str(error) if isinstance(error, _Failure | Garbage) else ""
        log.warning("geocoder_failed", error=type(error).__name__, reason=reason)
        raise Unavailable from error
    circuit.succeeded()
    CALLS.labels(outcome="answered").inc()
    return answer


def _in_time(question: Question, slots: threading.BoundedSemaphore) -> Answer:
    """In a thread of its own: httpx bounds each read but not their sum, and a slow drip would hold us for ever."""
    done: SimpleQueue[Answer | Exception] = SimpleQueue()
    deadline = time.monotonic() + settings.GEOCODER_TIMEOUT_SECONDS

    def work() -> None:
        try:
            done.put(_call(question, deadline))
        except Exception as error:
            done.put(error)
        finally:
            # By the thread and not by who waits for it: one that hangs keeps its place, so that they stay few.
            slots.release()

    try:
        threading.Thread(target=work, name="geocoder", daemon=True).start()
    except RuntimeError:
        slots.release()
        raise
    try:
        outcome = done.get(timeout=settings.GEOCODER_TIMEOUT_SECONDS)
    except Empty as error:
        raise _Failure("no answer in time") from error
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _call(question: Question, deadline: float) -> Answer:
    geocoder: Any = settings.GEOCODER
    protocol = PROTOCOLS[geocoder.kind]
    path, parameters = protocol.ask(question)
    parameters = dict(geocoder.parameters) | parameters
    with _client().stream("GET", geocoder.url + path, params=parameters) as response:
        if response.status_code != 200:  # a redirect too: the operator named the place to ask
            raise _Failure(f"HTTP {response.status_code}")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise _Failure("compressed, which was not asked for")
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise _Failure("answer too large")
            if time.monotonic() > deadline:
                raise _Failure("no answer in time")
    try:
        return protocol.read(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise Garbage("not JSON") from error


def reset() -> None:
    """As if nothing had been asked yet. For tests."""
    global circuit, _slots
    circuit = Circuit(failures=FAILURES, pause=PAUSE_SECONDS)
    _slots = threading.BoundedSemaphore(CALLS_AT_A_TIME)
    with _making:
        for client in _clients.values():
            client.close()
        _clients.clear()
    remembered.forget()


def _client() -> Any:
    """This process's connections. httpx is loaded by the first question: most cities ask none."""
    import httpx

    with _making:
        if os.getpid() not in _clients:
            _clients[os.getpid()] = _new_client(httpx)
        return _clients[os.getpid()]


def _new_client(httpx: Any) -> Any:
    # Nominatim's policy asks for a name and a way to reach the operator.
    agent = f"Requests311 (+{settings.PUBLIC_URL or 'https://requests311.example'})"
    return httpx.Client(
        timeout=settings.GEOCODER_TIMEOUT_SECONDS,
        follow_redirects=False,
        limits=httpx.Limits(max_connections=CALLS_AT_A_TIME),
        headers={"User-Agent": agent, "Accept": "application/json", "Accept-Encoding": "identity"},
    )
