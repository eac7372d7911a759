"""The external geocoder: three protocols spoken for real, and everything that one may do to us."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from structlog.testing import capture_logs

from config.geocoder import Geocoder, geocoder
from geo.geocoding import external, remembered
from geo.geocoding.circuit import Circuit
from geo.geocoding.external import Unavailable, ask
from geo.geocoding.protocols import OSM, Question
from tests.geo.geocoder import LABEL, Stub, address, answering, dripping, hanging, running, saying
from tests.processes import wait_until

PATHS = {"nominatim": "", "photon": "/photon", "pelias": "/pelias"}
TEXT = Question("12 Main Street", 40.1234567, -99.9512345, 5, (-100.0, 40.0, -99.8, 40.2))
PLACE = Question("", 40.1234567, -99.9512345, 5)


@pytest.fixture(autouse=True)
def fresh(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that has asked nothing yet; no proxy of this machine stands between it and loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings.GEOCODER_TIMEOUT_SECONDS = 5.0
    external.reset()
    yield
    external.reset()


@pytest.fixture
def stub(settings: LazySettings) -> Iterator[Stub]:
    with running() as stub:
        use(settings, stub, "nominatim")
        yield stub


def use(settings: LazySettings, stub: Stub, kind: str, more: str = "") -> None:
    settings.GEOCODER = geocoder(f"{kind}+{stub.url}{PATHS[kind]}{more}")


class TestProtocols:
    @pytest.mark.parametrize("question", [TEXT, PLACE])
    @pytest.mark.parametrize("kind", PATHS)
    def test_an_address(self, settings: LazySettings, stub: Stub, kind: str, question: Question) -> None:
        use(settings, stub, kind)
        [found], attribution = ask(question)
        assert (found.number, found.street, found.city, found.region, found.postcode) == (
            "12", "Main Street", "Smallville", "Kansas", "66002"
        )  # fmt: skip
        assert (found.latitude, found.longitude) == (40.1, -99.95)
        assert found.label == (LABEL if kind != "photon" else "12 Main Street, Smallville, Kansas 66002")
        assert attribution == {
            "nominatim": "Data © OpenStreetMap contributors, ODbL 1.0.",
            "photon": OSM,
            "pelias": "https://geocoder.example/attribution",
        }[kind]  # fmt: skip

    @pytest.mark.parametrize("question", [TEXT, PLACE])
    @pytest.mark.parametrize("kind", PATHS)
    def test_nothing_found(self, settings: LazySettings, stub: Stub, kind: str, question: Question) -> None:
        use(settings, stub, kind)
        stub.behaviour = answering([])
        assert ask(question).addresses == ()

    @pytest.mark.parametrize(
        ("kind", "text", "place"),
        [
            (
                "nominatim",
                {"q": "12 Main Street", "limit": "5", "viewbox": "-100.00000,40.00000,-99.80000,40.20000",
                 "bounded": "1", "format": "jsonv2", "addressdetails": "1"},
                {"lat": "40.1235", "lon": "-99.9512", "zoom": "18", "format": "jsonv2", "addressdetails": "1"},
            ),
            (
                "photon",
                {"q": "12 Main Street", "limit": "5", "bbox": "-100.00000,40.00000,-99.80000,40.20000",
                 "lat": "40.12", "lon": "-99.95"},
                {"lat": "40.1235", "lon": "-99.9512", "limit": "5"},
            ),
            (
                "pelias",
                {"text": "12 Main Street", "size": "5", "focus.point.lat": "40.12", "focus.point.lon": "-99.95",
                 "boundary.rect.min_lon": "-100.0", "boundary.rect.min_lat": "40.0",
                 "boundary.rect.max_lon": "-99.8", "boundary.rect.max_lat": "40.2"},
                {"point.lat": "40.1235", "point.lon": "-99.9512", "size": "5"},
            ),
        ],
    )  # fmt: skip
    def test_what_is_asked(
        self, settings: LazySettings, stub: Stub, kind: str, text: dict[str, str], place: dict[str, str]
    ) -> None:
        """No more of the place than the answer needs, with the key of the operator's URL, and by name."""
        use(settings, stub, kind, "?api_key=secret")
        settings.PUBLIC_URL = "https://311.city.example"
        ask(TEXT)
        ask(PLACE)
        assert [parameters for _, parameters, _ in stub.asked] == [
            text | {"api_key": "secret"},
            place | {"api_key": "secret"},
        ]
        assert stub.asked[0][2]["User-Agent"] == "Requests311 (+https://311.city.example)"


class TestMisbehaviour:
    @pytest.mark.parametrize(
        ("behaviour", "reason"),
        [
            (saying(b"[]", 500), "HTTP 500"),
            (saying(b"[]", 429, Retry_After="60"), "HTTP 429"),
            (saying(b"[]", 302, Location="/elsewhere"), "HTTP 302"),
            (saying(b"<html>welcome</html>"), "not JSON"),
            (saying(b""), "not JSON"),
            (saying(b'{"features": 1}'), "no label"),
            (saying(b"[[]]"), "no object"),
            (saying(b'[{"display_name": "x", "lat": "nan", "lon": "1"}]'), "not degrees"),
            (saying(b'[{"display_name": "x", "lat": "91", "lon": "1"}]'), "not degrees"),
            (saying(b'[{"display_name": "x", "lat": true, "lon": "1"}]'), "not degrees"),
            (saying(b'[{"display_name": {"x": 1}, "lat": "1", "lon": "1"}]'), "display_name is no text"),
            (saying(b'[{"display_name": "x", "lat": "1", "lon": "1", "address": []}]'), "no object"),
            (saying(b"[" * 100_000), "not JSON"),
            (saying(b" " * 300_000 + b"[]"), "answer too large"),
            (saying(b"[]", Content_Encoding="gzip"), "compressed, which was not asked for"),
        ],
    )
    def test_is_no_answer_and_says_why(self, stub: Stub, behaviour: Any, reason: str) -> None:
        stub.behaviour = behaviour
        with capture_logs() as logs, pytest.raises(Unavailable):
            ask(TEXT)
        assert [entry["reason"] for entry in logs] == [reason]
        assert [path for path, _, _ in stub.asked] == ["/search"], "a redirect is not followed"
        assert "Main" not in str(logs)
        assert "40.1" not in str(logs)

    @pytest.mark.parametrize("behaviour", [hanging, dripping])
    def test_a_time_limit_for_all_of_it(
        self, settings: LazySettings, stub: Stub, behaviour: Callable[[Stub], Any]
    ) -> None:
        settings.GEOCODER_TIMEOUT_SECONDS = 0.3
        stub.behaviour = behaviour(stub)
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            ask(TEXT)
        assert 0.25 < time.monotonic() - begun < 10

    def test_nobody_there(self, settings: LazySettings) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            settings.GEOCODER = geocoder(f"photon+http://127.0.0.1:{nobody.getsockname()[1]}")
            with capture_logs() as logs, pytest.raises(Unavailable):
                ask(TEXT)
        assert logs[0]["error"] == "ConnectError"

    def test_few_wait_at_a_time(self, settings: LazySettings, stub: Stub) -> None:
        """Two that hang hold their places; the third waits for nobody."""
        settings.GEOCODER_TIMEOUT_SECONDS = 0.2
        external.circuit.failures = 99
        # The threads stay behind: their own reads are not over after the time of those who wait.
        stub.behaviour = dripping_headers(stub)
        for text in ("a 1", "b 2"):
            with pytest.raises(Unavailable):
                ask(Question(text, None, None, 5))
        wait_until(lambda: len(stub.asked) == 2, "the stub was not asked")
        with pytest.raises(Unavailable):
            ask(Question("c 3", None, None, 5))
        assert len(stub.asked) == 2
        stub.over.set()
        stub.behaviour = answering([address()])
        wait_until(lambda: answers(Question("d 4", None, None, 5)), "the places were not given back")


def dripping_headers(stub: Stub) -> Any:
    """Keeps the reader busy before it has even a status line's headers."""

    def drip(handler: Any) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not stub.over.wait(0.05):
            handler.wfile.write(b".")
        handler.close_connection = True

    return drip


def answers(question: Question) -> bool:
    try:
        return bool(ask(question).addresses)
    except Unavailable:
        return False


class TestCircuit:
    def test_after_failures_no_call_until_one_probe(self, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
        now = [1000.0]
        monkeypatch.setattr(external, "circuit", Circuit(failures=3, pause=30, clock=lambda: now[0]))
        stub.behaviour = saying(b"", 500)

        def try_once() -> int:
            before = len(stub.asked)
            assert not answers(TEXT)
            return len(stub.asked) - before

        assert [try_once() for _ in range(5)] == [1, 1, 1, 0, 0]
        now[0] += 29
        assert try_once() == 0
        now[0] += 2
        assert [try_once() for _ in range(3)] == [1, 0, 0], "one probe, which fails"
        now[0] += 31
        stub.behaviour = answering([address()])
        assert answers(TEXT)
        assert external.circuit.failed_in_a_row == 0

    def test_of_many_one_probes(self) -> None:
        now = [0.0]
        circuit = Circuit(failures=1, pause=10, clock=lambda: now[0])
        assert circuit.may_call()
        circuit.failed()
        assert not circuit.may_call()
        now[0] = 10
        assert [circuit.may_call() for _ in range(3)] == [True, False, False]
        circuit.succeeded()
        assert [circuit.may_call() for _ in range(3)] == [True, True, True]

    def test_one_success_forgets_failures(self) -> None:
        circuit = Circuit(failures=2, pause=10, clock=lambda: 0.0)
        for report in (circuit.failed, circuit.succeeded, circuit.failed):
            assert circuit.may_call()
            report()
        assert circuit.may_call()


class TestMemory:
    def test_an_answer_and_no_answer_are_kept(self, stub: Stub) -> None:
        for found in ([address()], []):
            stub.behaviour, before = answering(found), len(stub.asked)
            question = Question(f"{len(found)} Main Street", None, None, 5)
            first = ask(question)
            assert ask(question) == first
            assert len(stub.asked) == before + 1

    def test_much_the_same_question_is_the_same(self, stub: Stub) -> None:
        ask(TEXT)
        ask(Question("  12  MÁIN st ", 40.1201, -99.9502, 5, TEXT.box))
        ask(PLACE)
        ask(Question("", 40.12349, -99.95121, 5))
        assert len(stub.asked) == 2

    def test_a_failure_is_not_kept(self, stub: Stub) -> None:
        stub.behaviour = saying(b"", 500)
        assert not answers(TEXT)
        stub.behaviour = answering([address()])
        assert answers(TEXT)

    def test_it_ends(self, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
        now = time.monotonic()
        monkeypatch.setattr(remembered, "time", type("Clock", (), {"monotonic": staticmethod(lambda: now)}))
        ask(TEXT)
        now += external.ANSWER_KEPT_SECONDS - 1
        ask(TEXT)
        assert len(stub.asked) == 1
        now += 2
        ask(TEXT)
        assert len(stub.asked) == 2

    def test_it_is_bounded(self) -> None:
        for number in range(3 * remembered.SLOTS_IN_MEMORY):
            remembered.remember(f"{number:032x}", number, seconds=60)
        assert len(remembered._memory) <= remembered.SLOTS_IN_MEMORY
        kept = [remembered.recall(f"{number:032x}") for number in range(3 * remembered.SLOTS_IN_MEMORY)]
        assert all(one in (None, number) for number, one in enumerate(kept)), "never the answer to another question"

    def test_processes_share_it_in_redis(self, settings: LazySettings, stub: Stub) -> None:
        settings.REDIS_URL = os.environ["BROKER_URL"]
        question = Question(f"12 {uuid4()}", None, None, 5)
        first = ask(question)
        remembered.forget()  # as another process
        assert ask(question) == first
        assert len(stub.asked) == 1
        [key] = [remembered._key(external._digest(question))]
        kept: Any = remembered._redis(settings.REDIS_URL)
        assert 0 < kept.ttl(key) <= external.ANSWER_KEPT_SECONDS
        assert question.text.encode() not in kept.get(key)
        kept.delete(key)

    def test_without_redis_it_is_in_memory(self, settings: LazySettings, stub: Stub) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            settings.REDIS_URL = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
            assert ask(TEXT) == ask(TEXT)
        assert len(stub.asked) == 1


class TestSetting:
    def test_none(self) -> None:
        assert geocoder("") is None

    def test_a_path_and_a_key(self) -> None:
        assert geocoder("pelias+https://geo.example/pelias/?api_key=k%26") == Geocoder(
            "pelias", "https://geo.example/pelias", (("api_key", "k&"),)
        )

    @pytest.mark.parametrize(
        "url",
        ["https://geo.example", "google+https://geo.example", "photon+ftp://geo.example", "photon+https://", "photon",
         "photon+file:///etc/passwd", "photon+https://geo.example/#x"],
    )  # fmt: skip
    def test_what_it_cannot_be(self, url: str) -> None:
        with pytest.raises(ValueError, match=r"nominatim\+https://host"):
            geocoder(url)
