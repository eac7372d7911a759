"""A geocoder on loopback that speaks Nominatim, Photon and Pelias, and misbehaves as it is told to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

LABEL = "12, Main Street, Smallville, Kansas, 66002, United States"


class Stub:
    """`behaviour` answers a request; `asked` are the paths, parameters and headers that came."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.behaviour: Callable[[BaseHTTPRequestHandler], None] = answering([address()])
        #: A hanging behaviour ends with this.
        self.over = threading.Event()


def address(number: str = "12", latitude: float = 40.1, longitude: float = -99.95) -> dict[str, Any]:
    return {"number": number, "latitude": latitude, "longitude": longitude}


def nominatim(found: list[dict[str, Any]], path: str) -> Any:
    places = [
        {
            "place_id": 1,
            "licence": "Data © OpenStreetMap contributors, ODbL 1.0.",
            "lat": str(one["latitude"]),
            "lon": str(one["longitude"]),
            "display_name": LABEL,
            "address": {"house_number": one["number"], "road": "Main Street", "town": "Smallville",
                        "state": "Kansas", "postcode": "66002"},
        }
        for one in found
    ]  # fmt: skip
    if path.endswith("/reverse"):
        return places[0] if places else {"error": "Unable to geocode"}
    return places


def features(found: list[dict[str, Any]], properties: Callable[[dict[str, Any]], Any], **more: Any) -> Any:
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [one["longitude"], one["latitude"]]},
                "properties": properties(one),
            }
            for one in found
        ],
        **more,
    }


def photon(found: list[dict[str, Any]], path: str) -> Any:
    return features(
        found,
        lambda one: {"housenumber": one["number"], "street": "Main Street", "city": "Smallville", "state": "Kansas",
                     "postcode": "66002", "osm_id": 7},
    )  # fmt: skip


def pelias(found: list[dict[str, Any]], path: str) -> Any:
    return features(
        found,
        lambda one: {"housenumber": one["number"], "street": "Main Street", "locality": "Smallville",
                     "region": "Kansas", "postalcode": "66002", "label": LABEL},
        geocoding={"attribution": "https://geocoder.example/attribution"},
    )  # fmt: skip


#: Path of a call → who answers there.
WHOSE = {"/search": nominatim, "/reverse": nominatim, "/photon/api": photon, "/photon/reverse": photon,
         "/pelias/v1/search": pelias, "/pelias/v1/reverse": pelias}  # fmt: skip


def answering(found: list[dict[str, Any]]) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        path = urlsplit(handler.path).path
        send(handler, json.dumps(WHOSE[path](found, path)).encode())

    return answer


def saying(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda handler: send(handler, body, status, **headers)


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def running() -> Iterator[Stub]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
            stub.asked.append((parts.path, parameters, dict(self.headers)))
            try:
                stub.behaviour(self)
            except OSError:  # the other side has gone
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub = Stub(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def hanging(stub: Stub) -> Callable[[BaseHTTPRequestHandler], None]:
    """Takes the question and says nothing."""
    return lambda handler: (stub.over.wait(30), None)[1]


def dripping(stub: Stub) -> Callable[[BaseHTTPRequestHandler], None]:
    """A byte now and then, for ever: no single read takes long."""

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        until = time.monotonic() + 30
        while not stub.over.wait(0.05) and time.monotonic() < until:
            handler.wfile.write(b" ")

    return drip
